---------------------------- MODULE RegisterTraces ----------------------------
(* What registers did in the simulator, for TraceLinearizableRegister. This  *)
(* one is written by hand: the runner puts recorded traces in its place.     *)
Traces == <<
  << [kind |-> "prepare", ballot |-> 1000111],
     [kind |-> "promise", node |-> 1, ballot |-> 1000111],
     [kind |-> "promise", node |-> 2, ballot |-> 1000111],
     [kind |-> "accept", ballot |-> 1000111, next |-> 1000211, applied |-> <<1001, 0, 0>>],
     [kind |-> "vote", node |-> 1, ballot |-> 1000111, applied |-> <<1001, 0, 0>>],
     [kind |-> "vote", node |-> 3, ballot |-> 1000111, applied |-> <<1001, 0, 0>>],
     [kind |-> "told", op |-> 1001],
     [kind |-> "accept", ballot |-> 1000211, next |-> 1000311, applied |-> <<1001, 2001, 0>>],
     [kind |-> "lost", node |-> 3],
     [kind |-> "vote", node |-> 2, ballot |-> 1000211, applied |-> <<1001, 2001, 0>>] >> >>
=============================================================================
