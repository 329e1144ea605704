------------------------------- MODULE LogTraces -------------------------------
(* What a log did in the simulator, for TraceWalDurability. This one is      *)
(* written by hand: the runner puts recorded traces in its place.            *)
Traces == <<
  << [kind |-> "written", last |-> 1, isNew |-> TRUE],
     [kind |-> "syncing"],
     [kind |-> "synced", isGood |-> TRUE],
     [kind |-> "answered", lsn |-> 1],
     [kind |-> "power", survivors |-> <<1>>],
     [kind |-> "recovered", lsn |-> 1] >> >>
=============================================================================
