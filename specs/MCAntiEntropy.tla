----------------------------- MODULE MCAntiEntropy -----------------------------
(* Bounds of AntiEntropy, and states that must be reachable.                 *)
EXTENDS AntiEntropy, TLC

CONSTANTS r1, r2

\* The replicas are alike.
Alike == Permutations(Replicas)

NeverEqualLeaf == \A r \in Replicas : cursor[r] < 2 \/ elements[r] # elements[Other(r)]
NeverRemoved == \A r \in Replicas, l \in Leaves :
                  elements[r][l] # {} \/ \A b \in batches : b.leaf = l => b.stamp \notin context[r]
NeverStaleOffer == \A r \in Replicas : offer[r] = None \/
                     offer[r].digest = Digest(elements[Other(r)][offer[r].leaf])
NeverHiddenDifference == \A r, s \in Replicas, l \in Leaves :
                     elements[r][l] \ Hidden = elements[s][l] \ Hidden => elements[r][l] = elements[s][l]
NeverTogether == \E r, s \in Replicas : context[r] # context[s] \/ Cardinality(batches) < 2
NeverLeftOver == \A r \in Replicas : cursor[r] # 0 \/ \A l \in Leaves : overlay[r][l] = {}
=============================================================================
