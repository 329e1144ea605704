---------------------------- MODULE MCCausalSessions ----------------------------
(* Bounds of CausalSessions, and states that must be reachable.              *)
EXTENDS CausalSessions, TLC

CONSTANTS n1, n2, n3, s1, s2

\* Nodes are alike, and sessions.
Alike == Permutations(Nodes) \cup Permutations(Sessions)

NeverWaits == \A s \in Sessions, n \in Nodes : MayAnswer(s, n)
NeverReadsAnother == \A s \in Sessions : \A w \in writes : w.session = s \/ w.stamp \notin relied[s]
NeverMoves == last.kind # "read" \/ last.relied = {} \/
                \E n \in Nodes : \A x \in last.relied : x.writer[1] = n
NeverRefused == last.kind # "refused"
NeverAfterLoss == \A n \in Nodes : process[n] = 1 \/ \A w \in writes : w.stamp.writer # <<n, process[n]>>
=============================================================================
