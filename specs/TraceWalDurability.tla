--------------------------- MODULE TraceWalDurability ---------------------------
(***************************************************************************)
(* Replays what the log of one simulated node did under `always`, with     *)
(* failed syncs and lost power. TLC finds a deadlock at the first event    *)
(* that the specification does not allow.                                  *)
(*                                                                         *)
(*   event      where it is taken from         steps                       *)
(*   written    an append to a segment         Collect up to its last      *)
(*                                             record, Seal, WriteGroup    *)
(*   syncing    a sync of a segment begins     StartSync                   *)
(*   synced     it ends, well or not           SyncDone, SyncFails         *)
(*   answered   a reply leaves                 Tell                        *)
(*   begun,     the unfinished file's head,    Collect, BeginCheckpoint,   *)
(*   closed,    its last record,               CloseCheckpoint,            *)
(*   named      its new name                   NameCheckpoint, SyncFolder  *)
(*   abandoned  it is removed                  Abandon                     *)
(*   dropped    the oldest segment is removed  DropSegment                 *)
(*   left       the newest one is              Leave                       *)
(*   power      the machine's end              LosePower, with what is     *)
(*                                             left of each segment        *)
(*   recovered  a start has read the log       Recover                     *)
(*                                                                         *)
(* While the log is fenced only errors and reads leave, which promise      *)
(* nothing, so no answer is recorded.                                      *)
(*                                                                         *)
(* A segment is sealed by its bytes or for a checkpoint, which no event    *)
(* tells: a new one may begin when all that the old one holds is safe.     *)
(***************************************************************************)
EXTENDS WalDurability, LogTraces

VARIABLES trace, \* which of the traces
          at     \* the event that comes next

Event == Traces[trace][at]
Is(kind) == at <= Len(Traces[trace]) /\ Event.kind = kind
Next1 == at' = at + 1 /\ UNCHANGED trace
Stay == UNCHANGED <<trace, at>>

Other == <<crashes, failures>>

\* What is made shows only when something tells of it.
MakesTo(n) == made < n /\ Collect /\ Stay

Seal == /\ ~needsSegment /\ segments[Last].last <= safe
        /\ needsSegment' = TRUE
        /\ UNCHANGED <<mode, made, safe, told, segments, syncing, checkpointVars, Other>>

OnWritten ==
  /\ Is("written")
  /\ \/ MakesTo(Event.last)
     \/ made = Event.last /\ Event.isNew /\ Seal /\ Stay
     \/ made = Event.last /\ Event.isNew = needsSegment /\ WriteGroup /\ Next1

OnSyncing == Is("syncing") /\ StartSync /\ Next1
OnSynced == Is("synced") /\ (IF Event.isGood THEN SyncDone ELSE SyncFails) /\ Next1

OnAnswered ==
  /\ Is("answered")
  /\ IF Event.lsn <= told THEN UNCHANGED vars ELSE Event.lsn <= safe /\ Tell
  /\ Next1

OnBegun == Is("begun") /\ (MakesTo(Event.lsn) \/ (made = Event.lsn /\ BeginCheckpoint /\ Next1))
OnClosed == Is("closed") /\ (MakesTo(Event.lsn) \/ (made = Event.lsn /\ CloseCheckpoint /\ Next1))
OnNamed == Is("named") /\ ((NameCheckpoint /\ Stay) \/ (SyncFolder /\ Next1))

OnAbandoned == /\ Is("abandoned")
               /\ draft.stage \in {"open", "synced"} /\ draft' = NoDraft
               /\ UNCHANGED <<mode, logVars, checkpoint, checkpointEnd, checkpoints, Other>>
               /\ Next1

OnDropped == Is("dropped") /\ DropSegment /\ Next1

\* A segment of which nothing was ever durable, or that a start has found empty.
OnLeft == /\ Is("left")
          /\ Last > 0 /\ segments[Last].synced < segments[Last].first
          /\ segments' = SubSeq(segments, 1, Last - 1) /\ needsSegment' = TRUE
          /\ UNCHANGED <<mode, made, safe, told, syncing, checkpointVars, Other>>
          /\ Next1

OnPower ==
  /\ Is("power")
  /\ mode' = "down" /\ crashes' = crashes + 1
  /\ Len(Event.survivors) = Last
  /\ segments' = [i \in DOMAIN segments |->
       LET end == Max(Event.survivors[i], segments[i].first - 1) IN
       [segments[i] EXCEPT !.last = end, !.synced = end]]
  /\ \A i \in DOMAIN segments : segments'[i] \in Survivors(segments[i])
  /\ draft' = NoDraft
  /\ UNCHANGED <<made, safe, told, needsSegment, syncing, checkpoint, checkpointEnd,
                 checkpoints, failures>>
  /\ Next1

OnRecovered == Is("recovered") /\ Found = Event.lsn /\ Recover /\ Next1

Done == at > Len(Traces[trace]) /\ UNCHANGED <<vars, trace, at>>

TraceInit == Init /\ trace \in DOMAIN Traces /\ at = 1
TraceNext == \/ OnWritten \/ OnSyncing \/ OnSynced \/ OnAnswered
             \/ OnBegun \/ OnClosed \/ OnNamed \/ OnAbandoned \/ OnDropped \/ OnLeft
             \/ OnPower \/ OnRecovered \/ Done
TraceSpec == TraceInit /\ [][TraceNext]_<<vars, trace, at>>
=============================================================================
