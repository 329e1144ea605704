---------------------------- MODULE TraceConvergence ----------------------------
(***************************************************************************)
(* Replays how the contexts of one shard grew on simulated nodes: each     *)
(* must come about by writes of its own and by joining batches whose       *)
(* predecessor and dependencies it had, and equal contexts must have equal *)
(* digests. TLC finds a deadlock at the first context that cannot.         *)
(*                                                                         *)
(*   event     where it is taken from           steps                      *)
(*   context   a node's shard, after a piece    MakeOne and Apply until    *)
(*             of work                          the context is reached     *)
(*                                                                         *)
(* A replica here is one process: it starts empty and has a name of its    *)
(* own. What a batch did to keys does not travel in the trace; the digests *)
(* speak for it. A joined state is a number of batches joined at once.     *)
(***************************************************************************)
EXTENDS Convergence, Sequences, ReplicationTraces

VARIABLES trace,     \* which of the traces
          at,        \* the event that comes next
          digests    \* <<context, digest>> pairs told so far

Event == Traces[trace].events[at]
IsOpen == at <= Len(Traces[trace].events)

StampsOf(counts) == UNION {{Stamp(<<r, 1>>, t) : t \in 1..counts[r]} : r \in DOMAIN counts}
Target == StampsOf(Event.context)

\* The replica's next own batch, if it is under way and its past is there.
OwnCount(r) == Cardinality({s \in context[r] : s.writer = <<r, 1>>})
NextSeen(r) == StampsOf(Traces[trace].seen[r][OwnCount(r) + 1])
MayMake(r) == OwnCount(r) < Event.context[r] /\ NextSeen(r) \subseteq context[r]
MakeOne(r) ==
  LET stamp == Stamp(<<r, 1>>, OwnCount(r) + 1) IN
  /\ MayMake(r)
  /\ context' = [context EXCEPT ![r] = @ \cup {stamp}]
  /\ batches' = batches \cup {[stamp |-> stamp, kind |-> "set", key |-> 1, seen |-> NextSeen(r),
                               news |-> Empty, removed |-> {}]}
  /\ UNCHANGED <<process, overlay, cells, syncs, losses>>

\* What the replica may join now on its way there; the order does not matter.
Ready(r) == {b \in batches : /\ b.stamp \in Target \ context[r]
                             /\ b.stamp.time = 1 \/ Stamp(b.stamp.writer, b.stamp.time - 1) \in context[r]
                             /\ b.seen \subseteq context[r]}

Grow == LET r == Event.replica IN
        /\ IsOpen /\ context[r] # Target
        /\ IF MayMake(r) THEN MakeOne(r)
           ELSE Ready(r) # {} /\ Apply(r, CHOOSE b \in Ready(r) : TRUE)
        /\ UNCHANGED <<trace, at, digests>>

Reach == LET told == <<context[Event.replica], Event.digest>> IN
         /\ IsOpen /\ context[Event.replica] = Target
         /\ Event.digest # "" => \A pair \in digests : pair[1] = told[1] => pair[2] = told[2]
         /\ digests' = IF Event.digest = "" THEN digests ELSE digests \cup {told}
         /\ at' = at + 1
         /\ UNCHANGED <<vars, trace>>

Done == ~IsOpen /\ UNCHANGED <<vars, trace, at, digests>>

TraceInit == Init /\ trace \in DOMAIN Traces /\ at = 1 /\ digests = {}
TraceNext == Grow \/ Reach \/ Done
TraceSpec == TraceInit /\ [][TraceNext]_<<vars, trace, at, digests>>
=============================================================================
