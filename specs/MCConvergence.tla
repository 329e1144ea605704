----------------------------- MODULE MCConvergence -----------------------------
(* Bounds of Convergence, and states that must be reachable.                 *)
EXTENDS Convergence, TLC

CONSTANTS r1, r2, r3

\* The replicas are alike.
Alike == Permutations(Replicas)

CounterAndValue == {<<"add", 1>>, <<"del", 1>>, <<"set", 2>>}
ValueAndCounter == {<<"set", 1>>, <<"add", 1>>, <<"del", 1>>}

NeverTwoSiblings == \A r \in Replicas, k \in Keys : Cardinality(cells[r][k].siblings) < 2
NeverTwoRows == \A r \in Replicas, k \in Keys : Cardinality(cells[r][k].rows) < 2
NeverDeadRow == \A r \in Replicas, k \in Keys : \A row \in cells[r][k].rows : IsLive(row)
NeverPartlyReset == \A r \in Replicas, k \in Keys : \A row \in cells[r][k].rows :
                      row.loTime = 0 \/ ~IsLive(row)
NeverRemoved == \A r \in Replicas, k \in Keys : cells[r][k] = Empty => SeenWrites(r, k) = {}
NeverAllTheSame == \E r, s \in Replicas : context[r] # context[s] \/ Cardinality(batches) < 2
NeverOverlay == \A r \in Replicas, k \in Keys : overlay[r][k] = {}
NeverBackAndFull == \A r \in Replicas : process[r] = 1 \/ \A b \in batches : b.stamp \notin context[r]
=============================================================================
