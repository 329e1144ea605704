---------------------------- MODULE MCWalDurability ----------------------------
(* Bounds of WalDurability, and states that must be reachable.               *)
EXTENDS WalDurability

NeverTorn == mode = "up" \/ Found >= made
NeverTold == told = 0
NeverTwoSegments == Len(segments) < 2
NeverDropped == segments = <<>> \/ segments[1].first = 1
NeverStartedOver == \A i \in DOMAIN segments : i = 1 \/ segments[i].first > segments[i - 1].last
NeverFromCheckpoint == mode = "up" \/ Found > CheckpointFound \/ CheckpointFound = 0
NeverWithLater == mode = "up" \/ EndFound = CheckpointFound
NeverBackAgain == mode = "down" \/ crashes < 2 \/ told < 2
=============================================================================
