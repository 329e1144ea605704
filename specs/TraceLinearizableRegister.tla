----------------------- MODULE TraceLinearizableRegister -----------------------
(***************************************************************************)
(* Replays what the registers of simulated nodes did: each event must be a *)
(* step that LinearizableRegister allows in the state reached so far. TLC  *)
(* finds a deadlock at the first event that is none.                       *)
(*                                                                         *)
(*   event     where it is taken from           step                       *)
(*   prepare   a prepare leaves, or its own     BeginRound: a round above  *)
(*             acceptor promises                all of its process         *)
(*   promise   an acceptor's record             Promise                    *)
(*   accept    an accept leaves, or its own     Propose on one of Bases,   *)
(*             acceptor votes                   or on a chosen warm base   *)
(*   vote      an acceptor's record             Vote                       *)
(*   told      a home answers an origin         the operation is chosen    *)
(*   lost      a process starts without disk    LoseDisk                   *)
(*                                                                         *)
(* A value of the code is its applied table here: the last envelope of     *)
(* each origin. The sequence of operations follows from the proposals.     *)
(* Envelopes are numbered by origin in the order of (process, number).     *)
(***************************************************************************)
EXTENDS LinearizableRegister, RegisterTraces

VARIABLES trace,   \* which of the traces
          at       \* the event that comes next

Event == Traces[trace][at]
Comes(kind) == /\ at <= Len(Traces[trace]) /\ Event.kind = kind
               /\ at' = at + 1 /\ UNCHANGED trace

\* The model's promises are awaited and its disks worth losing; here all are.
Always(x) == TRUE
Unbounded(p) == 9999

LastOf(log, p) == Max({0} \cup {op \in Range(log) : OriginOf(op) = p})
AppliedOf(log) == [p \in Proposers |-> LastOf(log, p)]
News(log, applied) == {applied[p] : p \in {q \in Proposers : applied[q] > LastOf(log, q)}}

IsNewest(b) == \A other \in Ballots \cup {m.next : m \in accepts} :
  ProposerOf(other) = ProposerOf(b) /\ ProcessOf(other) = ProcessOf(b) => RoundOf(other) < RoundOf(b)

OnPrepare ==
  /\ Comes("prepare")
  /\ IsNewest(Event.ballot)
  /\ BeginRound(ProposerOf(Event.ballot), Event.ballot)
  /\ UNCHANGED <<acceptorVars, roundEpoch, process, pending, promises, accepts, votes,
                 epochChosen, losses, clientVars>>

OnPromise == Comes("promise") /\ Promise(Event.node, Event.ballot)

\* Warm: a majority voted and promised this very ballot in the same breath.
WarmBases(b) == {m.log : m \in {a \in accepts : a.next = b /\ IsChosen(a.ballot)}}
BasesOf(b) == IF b \in prepares THEN Bases(b) ELSE WarmBases(b)
OnAccept ==
  /\ Comes("accept")
  /\ Event.next = NextBallot(Event.ballot)
  /\ \A m \in accepts : m.ballot # Event.ballot
  /\ LET p == ProposerOf(Event.ballot) IN
     /\ Event.ballot \in prepares => phase[p] = [kind |-> "preparing", ballot |-> Event.ballot]
     /\ \E base \in BasesOf(Event.ballot) :
          LET news == News(base, Event.applied) IN
          /\ AppliedOf(Run(base, news)) = Event.applied
          /\ Propose(p, Event.ballot, base, news)
  /\ UNCHANGED <<acceptorVars, roundEpoch, warm, process, pending, prepares, promises, votes,
                 epochChosen, losses, clientVars>>

OnVote ==
  /\ Comes("vote")
  /\ \E m \in accepts : /\ m.ballot = Event.ballot /\ AppliedOf(m.log) = Event.applied
                        /\ Vote(Event.node, m)

OnTold ==
  /\ Comes("told")
  /\ Event.op \in Range(Log)
  /\ UNCHANGED vars

OnLost == Comes("lost") /\ LoseDisk(Event.node)

Done == at > Len(Traces[trace]) /\ UNCHANGED <<vars, trace, at>>

TraceInit == Init /\ trace \in DOMAIN Traces /\ at = 1
TraceNext == OnPrepare \/ OnPromise \/ OnAccept \/ OnVote \/ OnTold \/ OnLost \/ Done
TraceSpec == TraceInit /\ [][TraceNext]_<<vars, trace, at>>
=============================================================================
