--------------------------- MODULE ReplicationTraces ---------------------------
(* What shards did in the simulator, for TraceConvergence. This one is       *)
(* written by hand: the runner puts recorded traces in its place.            *)
Traces == <<
  [seen |-> << << <<0, 0>>, <<0, 1>> >>, << <<0, 0>> >> >>,
   events |-> << [replica |-> 1, context |-> <<1, 0>>, digest |-> "a"],
                 [replica |-> 2, context |-> <<0, 1>>, digest |-> "b"],
                 [replica |-> 1, context |-> <<2, 1>>, digest |-> "c"],
                 [replica |-> 2, context |-> <<2, 1>>, digest |-> "c"] >>] >>
=============================================================================
