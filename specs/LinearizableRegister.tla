------------------------- MODULE LinearizableRegister -------------------------
(***************************************************************************)
(* One linearizable register: CASPaxos with an applied table, rounds that  *)
(* start warm, reads of a consistent quorum, restarts, and a configuration *)
(* epoch that replaces a member which lost its disk (Rystsov: CASPaxos;    *)
(* Skrzypczak et al.: Linearizable State Machine Replication without Logs; *)
(* rules 1 to 8, 15 and 16 of src/consensus).                              *)
(*                                                                         *)
(* What the register holds is modelled as the sequence of operations that  *)
(* made it. State, outcomes and the applied table (the last operation of   *)
(* each origin) follow from that sequence. Each operation is a CAS from    *)
(* the initial value to its own name, so one succeeds and all others are   *)
(* refused, and a refusal is an outcome that is recorded like any other.   *)
(*                                                                         *)
(* Messages are facts in growing sets: whoever reads a fact late, twice or *)
(* never has met delay, duplication or loss.                               *)
(*                                                                         *)
(* Left out: forwarding to a home (rules 9 to 13) and collecting of        *)
(* tombstones (rule 14). How a configuration is chosen is an oracle. A     *)
(* refused CAS that is answered after one round trip (rule 7) is a read.   *)
(***************************************************************************)
EXTENDS Naturals, Sequences, FiniteSets

CONSTANTS Nodes,       \* the acceptors of the members
          Proposers,   \* the proposers, 1, 2, ...: of members or not, here it does not matter
          BallotsMax, BallotsOf(_),   \* bounds: in all, and of a proposer
          OpsMax, RefusalsMax, RestartsMax, LossesMax, ReadsMax

VARIABLES epoch,      \* acceptor -> the configuration it has adopted
          roundEpoch, \* proposer -> the same
          readEpoch,  \* of the reader, the same
          ready,      \* node -> it votes: its state is that of a member (rule 15)
          promised,   \* node -> the ballot below which it hears nobody; durable
          accepted,   \* node -> its vote [ballot, log]; durable
          phase,      \* proposer -> [kind, ballot]
          warm,       \* proposer -> ballot and log of a warm start, ballot 0: none
          process,    \* proposer -> incarnation of its process
          pending,    \* proposer -> its operations that wait or are under way
          prepares,   \* ballots that were prepared
          promises,   \* answers to prepares: [from, ballot, vote]
          accepts,    \* proposals: [ballot, log, next]
          votes,      \* answers to accepts: <<node, ballot>>
          epochChosen, losses,
          copied,     \* members that the new one has copied from
          invoked, told, read, reports

acceptorVars == <<epoch, ready, promised, accepted, copied>>
proposerVars == <<roundEpoch, phase, warm, process, pending>>
messageVars == <<prepares, promises, accepts, votes>>
clientVars == <<invoked, told, read, readEpoch, reports>>
vars == <<acceptorVars, proposerVars, messageVars, epochChosen, losses, clientVars>>

-----------------------------------------------------------------------------
(* Ballots: (epoch, round, node, process) in this order, never issued twice *)
(* (rule 1); as decimal digits, so that they compare as numbers.            *)

Ballot(e, r, n, i) == 1000000 * e + 100 * r + 10 * n + i
EpochOf(b) == b \div 1000000
RoundOf(b) == (b \div 100) % 10000
ProposerOf(b) == (b \div 10) % 10
ProcessOf(b) == b % 10
NextBallot(b) == b + 100          \* the same proposer's next round
Max(S) == CHOOSE x \in S : \A y \in S : y <= x

Majority == Cardinality(Nodes) \div 2 + 1
Blank == [ballot |-> 0, log |-> <<>>]

(* Operations are named by origin and a number that grows, over restarts    *)
(* too.                                                                      *)
Op(p, k) == 1000 * p + k
OriginOf(op) == op \div 1000
Ops == {Op(p, k) : p \in Proposers, k \in 1..OpsMax}

Range(s) == {s[i] : i \in DOMAIN s}
IsPrefix(s, t) == Len(s) <= Len(t) /\ SubSeq(t, 1, Len(s)) = s

(* The first operation of a sequence is the CAS that found the initial value. *)
Outcome(log, op) == IF log[1] = op THEN "swapped" ELSE "mismatch"

(* Rule 4: above its origin's entry it runs; equal to it or below it does not. *)
HasRun(log, op) == \E done \in Range(log) : OriginOf(done) = OriginOf(op) /\ done >= op
(* Rule 6: a refusal is recorded as well. *)
Recorded(log, op) == Append(log, op)
Apply(log, op) == IF HasRun(log, op) THEN log ELSE Recorded(log, op)

RECURSIVE Run(_, _)
Run(log, ops) == IF ops = {} THEN log
                 ELSE LET op == CHOOSE o \in ops : \A other \in ops : o <= other
                      IN Run(Apply(log, op), ops \ {op})

-----------------------------------------------------------------------------
Init == /\ epoch = [n \in Nodes |-> 1]
        /\ roundEpoch = [p \in Proposers |-> 1]
        /\ readEpoch = 1
        /\ ready = [n \in Nodes |-> TRUE]
        /\ promised = [n \in Nodes |-> 0]
        /\ accepted = [n \in Nodes |-> Blank]
        /\ phase = [p \in Proposers |-> [kind |-> "idle", ballot |-> 0]]
        /\ warm = [p \in Proposers |-> Blank]
        /\ process = [p \in Proposers |-> 1]
        /\ pending = [p \in Proposers |-> {}]
        /\ prepares = {} /\ promises = {} /\ accepts = {} /\ votes = {}
        /\ epochChosen = 1 /\ losses = 0 /\ copied = {}
        /\ invoked = {}
        /\ told = [op \in Ops |-> ""]
        /\ read = [state |-> "idle", low |-> 0, answer |-> <<>>]
        /\ reports = [n \in Nodes |-> [ballot |-> 0 - 1, log |-> <<>>]]

Become(p, kind, ballot) == phase' = [phase EXCEPT ![p] = [kind |-> kind, ballot |-> ballot]]

(* What has been chosen: a majority of the ballot's own epoch voted for it. *)
IsChosen(b) == Cardinality({n \in Nodes : <<n, b>> \in votes}) >= Majority
ChosenLogs == {m.log : m \in {a \in accepts : IsChosen(a.ballot)}}
Log == IF ChosenLogs = {} THEN <<>>
       ELSE CHOOSE l \in ChosenLogs : \A other \in ChosenLogs : Len(other) <= Len(l)

-----------------------------------------------------------------------------
(* A client asks a node for an operation; an origin has one outstanding      *)
(* (rule 9). To keep the model small this happens as its round begins: an   *)
(* operation that waits is of no interest.                                  *)
NewOp(p) == Op(p, 1 + Cardinality({op \in invoked : OriginOf(op) = p}))
Invoke(p) == IF pending[p] # {} THEN UNCHANGED <<pending, invoked>>
             ELSE /\ NewOp(p) \in Ops
                  /\ pending' = [pending EXCEPT ![p] = {NewOp(p)}]
                  /\ invoked' = invoked \cup {NewOp(p)}

Ballots == prepares \cup {m.ballot : m \in accepts}
MayIssue(p) == /\ Cardinality(Ballots) < BallotsMax
               /\ Cardinality({b \in Ballots : ProposerOf(b) = p}) < BallotsOf(p)

(* The highest round that this process has issued, reserved ones included.  *)
Issued(p) == Max({0} \cup {RoundOf(b) : b \in {c \in Ballots \cup {m.next : m \in accepts} :
                             ProposerOf(c) = p /\ ProcessOf(c) = process[p]}})

(* A cold round: above all this process has issued and, if it has met       *)
(* another proposer, above that (rule 1). Also the retry of a round that    *)
(* failed, by refusals or by its time: what was sent stays pending under    *)
(* its name.                                                                *)
BeginRound(p, b) == /\ Become(p, "preparing", b)
                    /\ prepares' = prepares \cup {b}
                    /\ warm' = [warm EXCEPT ![p] = Blank]
\* code: src/consensus/proposer.ts #prepare
Prepare(p) ==
  /\ MayIssue(p)
  /\ Invoke(p)
  /\ \E met \in {Issued(p), Max({0} \cup {RoundOf(b) : b \in Ballots})} :
       BeginRound(p, Ballot(roundEpoch[p], Max({met, Issued(p)}) + 1, p, process[p]))
  /\ UNCHANGED <<acceptorVars, roundEpoch, process, promises, accepts, votes,
                 epochChosen, losses, told, read, readEpoch, reports>>

(* An acceptor promises iff the ballot is not below its promise and above   *)
(* its vote (rule 2), and reports its vote. Durable before the reply. A     *)
(* promise for which nobody waits any more can only refuse things, so the   *)
(* model leaves it out.                                                     *)
IsAwaited(b) == \E p \in Proposers : phase[p] = [kind |-> "preparing", ballot |-> b]
\* code: src/consensus/acceptor.ts onPrepare
Promise(n, b) ==
  /\ IsAwaited(b)
  /\ EpochOf(b) = epoch[n] /\ ready[n]
  /\ b >= promised[n] /\ b > accepted[n].ballot
  /\ ~\E m \in promises : m.from = n /\ m.ballot = b
  /\ promised' = [promised EXCEPT ![n] = b]
  /\ promises' = promises \cup {[from |-> n, ballot |-> b, vote |-> accepted[n]]}
  /\ UNCHANGED <<epoch, ready, copied, accepted, proposerVars, prepares, accepts, votes,
                 epochChosen, losses, clientVars>>

(* Puts a proposal into the world: operations run on a base.                 *)
Propose(p, b, base, ops) ==
  /\ Become(p, "accepting", b)
  /\ accepts' = accepts \cup {[ballot |-> b, log |-> Run(base, ops), next |-> NextBallot(b)]}

(* A majority has promised: the vote with the highest ballot is the base.   *)
Best(Q) == CHOOSE m \in Q : \A o \in Q : o.vote.ballot <= m.vote.ballot
Bases(b) == {Best(Q).vote.log : Q \in {q \in SUBSET {m \in promises : m.ballot = b} :
                                         Cardinality(q) = Majority}}
\* code: src/consensus/proposer.ts onPromise
Accept(p) ==
  /\ phase[p].kind = "preparing"
  /\ \E base \in Bases(phase[p].ballot) : Propose(p, phase[p].ballot, base, pending[p])
  /\ UNCHANGED <<acceptorVars, roundEpoch, warm, process, pending, prepares, promises, votes,
                 epochChosen, losses, clientVars>>

(* A warm round starts at accept: a majority voted for the base and in the  *)
(* same breath promised this ballot (rule 3). One use.                      *)
\* code: src/consensus/proposer.ts #stillWarm
AcceptWarm(p) ==
  /\ warm[p].ballot # 0 /\ MayIssue(p)
  /\ Invoke(p)
  /\ Propose(p, warm[p].ballot, warm[p].log, pending'[p])
  /\ warm' = [warm EXCEPT ![p] = Blank]
  /\ UNCHANGED <<acceptorVars, roundEpoch, process, prepares, promises, votes,
                 epochChosen, losses, told, read, readEpoch, reports>>

(* An acceptor votes iff the ballot is not below its promise (rule 2). The  *)
(* vote is also a promise for the proposer's next ballot.                   *)
\* code: src/consensus/acceptor.ts onAccept
Vote(n, m) ==
  /\ EpochOf(m.ballot) = epoch[n] /\ ready[n]
  /\ m.ballot >= promised[n]
  /\ <<n, m.ballot>> \notin votes
  /\ accepted' = [accepted EXCEPT ![n] = [ballot |-> m.ballot, log |-> m.log]]
  /\ promised' = [promised EXCEPT ![n] = m.next]
  /\ votes' = votes \cup {<<n, m.ballot>>}
  /\ UNCHANGED <<epoch, ready, copied, proposerVars, prepares, promises, accepts,
                 epochChosen, losses, clientVars>>

(* The accept is chosen, so the outcomes it carries may be told (rule 5),   *)
(* and the next round may start warm. A round that was refused by somebody  *)
(* starts cold: Prepare throws the warm ballot away at any time.            *)
\* code: src/consensus/proposer.ts #onChosen
Chosen(p) ==
  /\ phase[p].kind = "accepting"
  /\ \E m \in accepts :
       /\ m.ballot = phase[p].ballot
       /\ IsChosen(m.ballot) \* a majority
       /\ told' = [op \in Ops |-> IF op \in pending[p] THEN Outcome(m.log, op) ELSE told[op]]
       /\ warm' = [warm EXCEPT ![p] = [ballot |-> m.next, log |-> m.log]]
  /\ pending' = [pending EXCEPT ![p] = {}]
  /\ Become(p, "idle", 0)
  /\ UNCHANGED <<acceptorVars, roundEpoch, process, messageVars, epochChosen, losses,
                 invoked, read, readEpoch, reports>>

(* Error 11 is definite: the operation was never in an accept (rule 10).    *)
\* code: src/consensus/origin.ts #giveUpIfRefused
Refuse(p) ==
  /\ Cardinality({op \in Ops : told[op] = "refused"}) < RefusalsMax
  /\ \E op \in pending[p] :
       /\ \A m \in accepts : op \notin Range(m.log)
       /\ told' = [told EXCEPT ![op] = "refused"]
  /\ pending' = [pending EXCEPT ![p] = {}]
  /\ Become(p, "idle", 0)
  /\ UNCHANGED <<acceptorVars, roundEpoch, warm, process, messageVars,
                 epochChosen, losses, invoked, read, readEpoch, reports>>

-----------------------------------------------------------------------------
(* A read asks for votes, raising no promise, and ends when a majority       *)
(* reports the same ballot of the present epoch, or blank (rule 8).         *)
\* code: src/consensus/reader.ts begin
BeginRead ==
  /\ read.state = "idle" /\ ReadsMax > 0
  /\ read' = [state |-> "open", low |-> Len(Log), answer |-> <<>>]
  /\ readEpoch' \in 1..epochChosen
  /\ UNCHANGED <<acceptorVars, proposerVars, messageVars, epochChosen, losses,
                 invoked, told, reports>>

\* code: src/consensus/acceptor.ts onRead
Report(n) ==
  /\ read.state = "open" /\ ready[n] /\ epoch[n] = readEpoch
  /\ reports[n] # accepted[n]
  /\ reports' = [reports EXCEPT ![n] = accepted[n]]
  /\ UNCHANGED <<acceptorVars, proposerVars, messageVars, epochChosen, losses,
                 invoked, told, read, readEpoch>>

\* code: src/consensus/reader.ts #consistentValue
EndRead ==
  /\ read.state = "open"
  /\ \E n \in Nodes :
       LET b == reports[n].ballot IN
       /\ b = 0 \/ EpochOf(b) = readEpoch
       /\ Cardinality({m \in Nodes : reports[m].ballot = b}) >= Majority
       /\ read' = [read EXCEPT !.state = "done", !.answer = reports[n].log]
  /\ UNCHANGED <<acceptorVars, proposerVars, messageVars, epochChosen, losses,
                 invoked, told, readEpoch, reports>>

-----------------------------------------------------------------------------
(* A process restarts on its disk: votes and promises are there, rounds,    *)
(* the warm ballot and the operations are not. Whoever waited has an        *)
(* indefinite error; what was sent may still be chosen: the interrupted CAS. *)
\* code: src/consensus/registers.ts recover
Restart(p) ==
  /\ process[p] <= RestartsMax
  /\ phase[p].kind # "idle"
  /\ process' = [process EXCEPT ![p] = @ + 1]
  /\ Become(p, "idle", 0)
  /\ warm' = [warm EXCEPT ![p] = Blank]
  /\ pending' = [pending EXCEPT ![p] = {}]
  /\ UNCHANGED <<promised, accepted>> \* durable
  /\ UNCHANGED <<epoch, ready, copied, roundEpoch, messageVars, epochChosen, losses, invoked, told, read, readEpoch, reports>>

(* A disk is lost. The node is somebody else now and does not vote          *)
(* (rule 15). Whoever remembers the old configuration chooses one that      *)
(* names its new incarnation; how, is an oracle here. Others learn of it    *)
(* when they do.                                                            *)
WorthLosing(n) == promised[n] # 0
\* code: environment
LoseDisk(n) ==
  /\ losses < LossesMax /\ WorthLosing(n)
  /\ losses' = losses + 1
  /\ promised' = [promised EXCEPT ![n] = 0]
  /\ accepted' = [accepted EXCEPT ![n] = Blank]
  /\ ready' = [ready EXCEPT ![n] = FALSE]
  /\ epochChosen' = 2
  /\ epoch' = [epoch EXCEPT ![n] = 2]
  /\ copied' = {}
  /\ UNCHANGED <<proposerVars, messageVars, clientVars>>

(* Rule 16: a higher epoch is learnt first. Rounds, warm ballots and reads   *)
(* of the old one end. One node adopts for all its roles at once; here each *)
(* may be late by itself.                                                   *)
\* code: src/consensus/registers.ts #adopt
Adopt(n) ==
  /\ epoch[n] < epochChosen
  /\ epoch' = [epoch EXCEPT ![n] = epochChosen]
  /\ UNCHANGED <<ready, copied, promised, accepted, proposerVars, messageVars, epochChosen,
                 losses, clientVars>>

\* code: src/consensus/proposer.ts onEpochChange
AdoptInProposer(p) ==
  /\ roundEpoch[p] < epochChosen
  /\ roundEpoch' = [roundEpoch EXCEPT ![p] = epochChosen]
  /\ Become(p, "idle", 0)
  /\ warm' = [warm EXCEPT ![p] = Blank]
  /\ UNCHANGED <<acceptorVars, process, pending, messageVars, epochChosen, losses, clientVars>>

\* code: src/consensus/reader.ts onEpochChange
AdoptInReader ==
  /\ read.state = "open" /\ readEpoch < epochChosen
  /\ readEpoch' = epochChosen
  /\ reports' = [n \in Nodes |-> [ballot |-> 0 - 1, log |-> <<>>]]
  /\ UNCHANGED <<acceptorVars, proposerVars, messageVars, epochChosen, losses,
                 invoked, told, read>>

(* The new member copies promises and votes from members that vote and are  *)
(* sealed in the new epoch, one after the other: with three members, from   *)
(* both others (rule 15).                                                   *)
Better(a, b) == IF a.ballot < b.ballot THEN b ELSE a
\* code: src/consensus/copying.ts onCopyOk
CopyFrom(n, source) ==
  /\ ~ready[n] /\ source \notin copied
  /\ ready[source] /\ epoch[source] = epoch[n]
  /\ accepted' = [accepted EXCEPT ![n] = Better(@, accepted[source])]
  /\ promised' = [promised EXCEPT ![n] = Max({@, promised[source]})]
  /\ copied' = copied \cup {source}
  /\ UNCHANGED <<epoch, ready, proposerVars, messageVars, epochChosen, losses, clientVars>>

(* Then it votes. A vote of the old epoch that it has copied is nobody's    *)
(* vote in this one (rule 8); one of this epoch is as good as its own.      *)
\* code: src/consensus/copying.ts #end
EndCopying(n) ==
  LET needed == Cardinality(Nodes) - 1 IN
  /\ ~ready[n] /\ Cardinality(copied) >= needed
  /\ ready' = [ready EXCEPT ![n] = TRUE]
  /\ votes' = IF EpochOf(accepted[n].ballot) = epoch[n]
              THEN votes \cup {<<n, accepted[n].ballot>>} ELSE votes
  /\ copied' = {}
  /\ UNCHANGED <<epoch, promised, accepted, proposerVars, prepares, promises, accepts,
                 epochChosen, losses, clientVars>>

-----------------------------------------------------------------------------
Next == \/ \E p \in Proposers : \/ Prepare(p) \/ Accept(p) \/ AcceptWarm(p)
                                \/ Chosen(p) \/ Refuse(p) \/ Restart(p)
        \/ \E n \in Nodes, b \in prepares : Promise(n, b)
        \/ \E n \in Nodes, m \in accepts : Vote(n, m)
        \/ \E n \in Nodes : Report(n) \/ LoseDisk(n) \/ EndCopying(n)
        \/ \E n, source \in Nodes : CopyFrom(n, source)
        \/ \E n \in Nodes : Adopt(n)
        \/ \E p \in Proposers : AdoptInProposer(p)
        \/ AdoptInReader \/ BeginRead \/ EndRead

Spec == Init /\ [][Next]_vars

-----------------------------------------------------------------------------
(* The chosen sequences extend one another: nothing chosen is ever taken    *)
(* back.                                                                    *)
Chain == \A a, b \in ChosenLogs : IsPrefix(a, b) \/ IsPrefix(b, a)

(* No operation runs twice (rule 4).                                        *)
Once == \A log \in ChosenLogs : Cardinality(Range(log)) = Len(log)

(* A client is told what happened (rules 5, 6 and 10).                      *)
Truth == \A op \in Ops :
  /\ told[op] = "refused" => op \notin Range(Log)
  /\ told[op] \in {"swapped", "mismatch"} => op \in Range(Log) /\ told[op] = Outcome(Log, op)

(* A read sees all that was chosen before it began.                         *)
FreshRead == read.state = "done" => Len(read.answer) >= read.low /\ IsPrefix(read.answer, Log)

(* An acceptor never voted above its promise.                               *)
VotePromised == \A n \in Nodes : accepted[n].ballot <= promised[n]

Register == INSTANCE AtomicRegister WITH log <- Log

Refines == Register!Spec
=============================================================================
