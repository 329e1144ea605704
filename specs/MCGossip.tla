------------------------------- MODULE MCGossip -------------------------------
(* Bounds of Gossip, and states that must be reachable.                      *)
EXTENDS Gossip, TLC

CONSTANTS r1, r2, r3

\* Those that only read are alike.
Alike == Permutations(Replicas \ Origins)

NeverGap == \A m \in net : m.kind # "delta" \/
              \A b \in m.batches : b.number <= context[m.to][b.origin] + 1
NeverStale == \A m \in net : \A s \in {m.from} : m.context = context[s]
NeverForgotten == \A r \in Replicas : log[r] = joined[r]
NeverForgottenByAll == \E r \in Replicas : log[r] # {} \/ joined[r] = {}
NeverServedByAnother == \A m \in net : \A b \in m.batches : b.origin = m.from
=============================================================================
