------------------------- MODULE MCStreamingPersistence -------------------------
(* Bounds of StreamingPersistence, and states that must be reachable.        *)
EXTENDS StreamingPersistence, TLC

CONSTANTS w1, w2

\* The writers are alike.
Alike == Permutations(Writers)

NeverStored == stored = {}
NeverCompacted == \A w \in Writers : garbage[w] = {}
NeverTwoWriters == \A w, v \in Writers : w = v \/ epoch[w] = 0 \/ epoch[v] = 0
NeverGone == recovery.state # "gone"
NeverRecovered == recovery.state # "done" \/ recovery.promised = {}
NeverDeleted == BatchesOf(objects) = BatchesOf(manifest.listed \cup objects) /\
                \A w \in Writers : garbage[w] \subseteq objects
=============================================================================
