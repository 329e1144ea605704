------------------------------- MODULE MCLattice -------------------------------
(* Bounds of Lattice, and states that must be reachable.                     *)
EXTENDS Lattice

NeverApart == Join(a, b) \in {a, b}
NeverTwoSiblings == kind # "cell" \/ Cardinality(Join(a, b).siblings) < 2
NeverRemoved == kind # "cell" \/ a.siblings \subseteq Join(a, b).siblings
=============================================================================
