------------------------ MODULE MCLinearizableRegister ------------------------
(* Bounds of LinearizableRegister, and states that must be reachable.        *)
EXTENDS LinearizableRegister, TLC

CONSTANTS a1, a2, a3

\* The acceptors are alike.
Alike == Permutations(Nodes)

\* The proposers are alike too: of three ballots one of them issues one at most.
TwoAndOne(p) == IF p = 1 THEN 2 ELSE 1
One(p) == 1
Two(p) == 2

\* Each names a situation that an invariant is about: TLC must reach it.
NeverSwapped == \A op \in Ops : told[op] # "swapped"
NeverMismatch == \A op \in Ops : told[op] # "mismatch"
NeverRefused == \A op \in Ops : told[op] # "refused"
NeverTwoChosen == \A a, b \in ChosenLogs : a = b
NeverInterrupted == \A op \in Range(Log) : op \in UNION {pending[p] : p \in Proposers} \/ told[op] # ""
NeverReadNews == read.state = "done" => read.answer = <<>>
NeverReadAmid == read.state = "done" => Len(read.answer) = read.low
NeverCopied == ~(epochChosen = 2 /\ \A n \in Nodes : ready[n] /\ epoch[n] = 2)
=============================================================================
