-------------------------------- MODULE Gossip --------------------------------
(***************************************************************************)
(* How batches reach every replica over a network that loses, repeats and  *)
(* delays: pushed once, acknowledged by contexts, and repaired by pulling  *)
(* (src/replication: direct push, repair). And what may leave the logs:    *)
(* only what every replica is known to have (causal stability).            *)
(*                                                                         *)
(* One shard. A batch is its origin and its number there; a context is a   *)
(* number per origin. What the batches do to keys is in Convergence.       *)
(*                                                                         *)
(* Left out: hubs, windows and sizes, hashes instead of contexts, batches  *)
(* that depend on other origins, the third tier (state sync), restarts.    *)
(***************************************************************************)
EXTENDS Naturals, FiniteSets

CONSTANTS Replicas,
          Origins,        \* the replicas that write
          WritesMax,      \* batches of each origin
          InFlightMax     \* messages under way at once

VARIABLES context,   \* replica -> origin -> how many of its batches are joined
          joined,    \* replica -> the batches it has joined
          log,       \* replica -> the batches it can still serve
          known,     \* replica -> peer -> context the peer has told, at least
          outbox,    \* replica -> peer -> own batches not acknowledged, or given up
          net        \* messages under way

vars == <<context, joined, log, known, outbox, net>>

Batch(o, n) == [origin |-> o, number |-> n]
Batches == {Batch(o, n) : o \in Origins, n \in 1..WritesMax}
Nothing == [o \in Origins |-> 0]
Highest(a, b) == [o \in Origins |-> IF a[o] > b[o] THEN a[o] ELSE b[o]]
Covers(a, b) == \A o \in Origins : a[o] >= b[o]
ContextOf(bs) ==
  [o \in Origins |-> LET ns == {b.number : b \in {x \in bs : x.origin = o}}
                     IN IF ns = {} THEN 0 ELSE CHOOSE n \in ns : \A m \in ns : m <= n]

Init == /\ context = [r \in Replicas |-> Nothing]
        /\ joined = [r \in Replicas |-> {}]
        /\ log = [r \in Replicas |-> {}]
        /\ known = [r \in Replicas |-> [s \in Replicas |-> Nothing]]
        /\ outbox = [r \in Replicas |-> [s \in Replicas |-> {}]]
        /\ net = {}

Send(kind, from, to, batches) ==
  /\ from # to
  /\ Cardinality(net) < InFlightMax
  /\ net' = net \cup {[kind |-> kind, from |-> from, to |-> to, batches |-> batches,
                       context |-> context[from]]}

(* A client's write is a batch of its own. It goes into the log and to each *)
(* peer's outbox; a full outbox gives it up, which repair makes good.       *)
\* code: src/replication/direct-push.ts onLocal
Write(r) ==
  LET b == Batch(r, context[r][r] + 1) IN
  /\ r \in Origins /\ context[r][r] < WritesMax
  /\ context' = [context EXCEPT ![r][r] = @ + 1]
  /\ joined' = [joined EXCEPT ![r] = @ \cup {b}]
  /\ log' = [log EXCEPT ![r] = @ \cup {b}]
  /\ \E full \in SUBSET (Replicas \ {r}) :
       outbox' = [outbox EXCEPT ![r] = [s \in Replicas |->
                    IF s \in full \cup {r} THEN @[s] ELSE @[s] \cup {b}]]
  /\ UNCHANGED <<known, net>>

(* What is not acknowledged is sent, and sent again. Own contexts travel    *)
(* along: they acknowledge.                                                 *)
\* code: src/replication/direct-push.ts #pump
Push(r, s) ==
  /\ outbox[r][s] # {}
  /\ Send("delta", r, s, outbox[r][s])
  /\ UNCHANGED known \* sending teaches nothing
  /\ UNCHANGED <<context, joined, log, outbox>>

(* Each pair compares contexts again and again. Here only news is told.     *)
\* code: src/replication/repair.ts compareWith
Compare(r, s) ==
  /\ ~Covers(known[s][r], context[r])
  /\ Send("contexts", r, s, {})
  /\ UNCHANGED <<context, joined, log, known, outbox>>

(* What a peer has told to have and this replica lacks is asked for.        *)
\* code: src/replication/repair.ts #pull
Pull(r, s) ==
  /\ ~Covers(context[r], known[r][s])
  /\ Send("pull", r, s, {})
  /\ UNCHANGED <<context, joined, log, known, outbox>>

-----------------------------------------------------------------------------
(* Batches are joined in each origin's order; what does not follow waits,   *)
(* here: is forgotten and asked for (rule 14).                              *)
RECURSIVE Chain(_, _, _)
Chain(o, n, bs) == IF Batch(o, n + 1) \in bs THEN Chain(o, n + 1, bs) ELSE n
Upto(r, bs) == [o \in Origins |-> Chain(o, context[r][o], bs)]

(* A message may arrive again: it need not leave the network.               *)
Taken(m) == net' = net \ {m} \/ net' = net

(* What a sender has told, or sent, it has.                                 *)
Learn(r, m) == known' = [known EXCEPT ![r][m.from] =
                           Highest(@, Highest(m.context, ContextOf(m.batches)))]

\* code: src/replication/inbox.ts take
OnDelta(m) ==
  LET r == m.to
      upto == Upto(r, m.batches)
      news == {b \in m.batches : b.number > context[r][b.origin] /\ b.number <= upto[b.origin]}
  IN
  /\ m.kind = "delta"
  /\ joined' = [joined EXCEPT ![r] = @ \cup news]
  /\ log' = [log EXCEPT ![r] = @ \cup news]
  /\ context' = [context EXCEPT ![r] = upto]
  /\ Learn(r, m)
  /\ outbox' = [outbox EXCEPT ![r][m.from] = {b \in @ : b.number > m.context[b.origin]}]
  /\ Taken(m)

\* code: src/replication/repair.ts onContexts
OnContexts(m) ==
  LET r == m.to IN
  /\ m.kind = "contexts"
  /\ Learn(r, m)
  /\ outbox' = [outbox EXCEPT ![r][m.from] = {b \in @ : b.number > m.context[b.origin]}]
  /\ Taken(m)
  /\ UNCHANGED <<context, joined, log>>

(* The answer is what the log has beyond the asker's context.               *)
\* code: src/replication/repair.ts onPull
OnPull(m) ==
  LET r == m.to IN
  /\ m.kind = "pull"
  /\ net' = (net \ {m}) \cup {[kind |-> "delta", from |-> r, to |-> m.from, context |-> context[r],
                              batches |-> {b \in log[r] : b.number > m.context[b.origin]}]}
  /\ UNCHANGED known \* nor does answering
  /\ UNCHANGED <<context, joined, log, outbox>>

\* code: environment
Lose(m) == net' = net \ {m} /\ UNCHANGED <<context, joined, log, known, outbox>>

(* Causal stability: what every peer is known to have leaves the log.       *)
\* code: src/replication/repair.ts #forget
Forget(r) ==
  LET stable == {b \in log[r] : \A s \in Replicas \ {r} : known[r][s][b.origin] >= b.number} IN
  /\ stable # {}
  /\ log' = [log EXCEPT ![r] = @ \ stable]
  /\ UNCHANGED <<context, joined, known, outbox, net>>

Next == \/ \E r \in Replicas : Write(r) \/ Forget(r)
        \/ \E r, s \in Replicas : Push(r, s) \/ Compare(r, s) \/ Pull(r, s)
        \/ \E m \in net : OnDelta(m)
        \/ \E m \in net : OnContexts(m)
        \/ \E m \in net : OnPull(m)
        \/ \E m \in net : Lose(m)

(* What is done again and again is done at last, towards everybody, and of  *)
(* what is sent again and again something arrives. A push may be lost for   *)
(* ever: convergence rests on repair alone.                                 *)
To(s, kind) == {m \in net : m.kind = kind /\ m.to = s}
Fairness == \A s \in Replicas :
  /\ SF_vars(\E r \in Replicas : Compare(r, s) \/ Pull(s, r))
  /\ SF_vars(\E m \in To(s, "contexts") : OnContexts(m))
  /\ SF_vars(\E m \in net : m.from = s /\ OnPull(m))
  /\ SF_vars(\E m \in To(s, "delta") : OnDelta(m))

Spec == Init /\ [][Next]_vars
FairSpec == Spec /\ Fairness

-----------------------------------------------------------------------------
(* A context says exactly what was joined: no holes.                        *)
Exact == \A r \in Replicas :
  joined[r] = {b \in Batches : b.number <= context[r][b.origin]}

(* What is known of a peer is true of it: it may have more, never less.     *)
Knowledge == \A r, s \in Replicas : Covers(context[s], known[r][s])

(* What somebody lacks is still in the log of everybody who has it.         *)
Retained == \A r, s \in Replicas : joined[r] \ joined[s] \subseteq log[r]

(* Once the writes have ended, all replicas come to the same.               *)
Converges == <>[](\A r, s \in Replicas : context[r] = context[s])
=============================================================================
