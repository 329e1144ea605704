----------------------------- MODULE WalDurability -----------------------------
(***************************************************************************)
(* The write-ahead log of one node under the policy `always`: group        *)
(* commit, segments, failed syncs, checkpoints that let segments go,       *)
(* killed processes and lost power. What was told is never lost, and a     *)
(* crash is never mistaken for damage (design: section 7; src/storage).    *)
(*                                                                         *)
(* A record is its number, the LSN. A segment holds the records from       *)
(* `first` to `last`; of these the ones up to `synced` are on the disk,    *)
(* the others in the system's memory. After a failed sync the system may   *)
(* drop what it held and call a later sync of the same file good           *)
(* (Rebello et al.: Can Applications Recover from fsync Failures?).        *)
(*                                                                         *)
(* Left out: bytes and checksums (a torn record is one that is not there), *)
(* failed writes, bit rot, the policies that promise less.                 *)
(***************************************************************************)
EXTENDS Naturals, Sequences

CONSTANTS SegmentMax,   \* a segment with so many records is sealed
          RecordsMax, CrashesMax, FailuresMax, CheckpointsMax   \* bounds of the model

VARIABLES mode,       \* "up", "down"
          made,       \* LSN of the last record made
          safe,       \* up to here the log calls records durable
          told,       \* up to here somebody knows of the records
          segments,   \* [first, last, synced, isFailed, isNamed]
          needsSegment,
          syncing,    \* up to where the sync under way goes, 0: none
          checkpoint, \* the state up to this LSN is on the disk,
          checkpointEnd, \* with parts of what the records up to this one did
          draft,      \* [lsn, end, stage] of the checkpoint in the making
          crashes, failures, checkpoints

logVars == <<made, safe, told, segments, needsSegment, syncing>>
checkpointVars == <<checkpoint, checkpointEnd, draft, checkpoints>>
vars == <<mode, logVars, checkpointVars, crashes, failures>>

NoDraft == [lsn |-> 0, end |-> 0, stage |-> "none"]

Init == /\ mode = "up"
        /\ made = 0 /\ safe = 0 /\ told = 0
        /\ segments = <<>> /\ needsSegment = TRUE /\ syncing = 0
        /\ checkpoint = 0 /\ checkpointEnd = 0 /\ draft = NoDraft
        /\ crashes = 0 /\ failures = 0 /\ checkpoints = 0

Last == Len(segments)
Written == IF needsSegment THEN safe ELSE segments[Last].last

-----------------------------------------------------------------------------
(* A record joins the group that collects. A fenced log refuses its         *)
(* clients' writes; what peers and registers have to record still comes.    *)
\* code: src/storage/wal.ts end
Collect == /\ mode = "up" /\ made < RecordsMax
           /\ made' = made + 1
           /\ UNCHANGED <<mode, safe, told, segments, needsSegment, syncing,
                          checkpointVars, crashes, failures>>

(* The group is written in one piece, if need be into a new segment, whose  *)
(* name is durable before its first record is. It starts behind what is     *)
(* safe: all that is not is written again.                                  *)
NewSegment == [first |-> safe + 1, last |-> made, synced |-> safe, isFailed |-> FALSE, isNamed |-> TRUE]
\* code: src/storage/wal.ts #write
WriteGroup ==
  /\ mode = "up" /\ syncing = 0 /\ made > Written
  /\ segments' = IF needsSegment THEN Append(segments, NewSegment)
                 ELSE [segments EXCEPT ![Last].last = made]
  /\ needsSegment' = FALSE
  /\ UNCHANGED <<mode, made, safe, told, syncing, checkpointVars, crashes, failures>>

\* code: src/storage/wal.ts #startSync
StartSync ==
  /\ mode = "up" /\ syncing = 0 /\ ~needsSegment /\ segments[Last].last > safe
  /\ syncing' = segments[Last].last
  /\ UNCHANGED <<mode, made, safe, told, segments, needsSegment,
                 checkpointVars, crashes, failures>>

(* A segment is sealed only when all of it is safe.                         *)
IsFull == syncing - segments[Last].first + 1 >= SegmentMax
\* code: src/storage/wal.ts #onSynced
SyncDone ==
  /\ mode = "up" /\ syncing > 0
  /\ segments' = IF segments[Last].isFailed THEN segments
                 ELSE [segments EXCEPT ![Last].synced = syncing]
  /\ safe' = syncing
  /\ needsSegment' = IsFull
  /\ syncing' = 0
  /\ UNCHANGED <<mode, made, told, checkpointVars, crashes, failures>>

(* After a failed sync the end of the file may be anything: what was not    *)
(* safe goes into another one.                                              *)
\* code: src/storage/wal.ts #distrust
SyncFails ==
  /\ mode = "up" /\ syncing > 0 /\ failures < FailuresMax
  /\ segments' = [segments EXCEPT ![Last].isFailed = TRUE]
  /\ needsSegment' = TRUE \* elsewhere
  /\ syncing' = 0
  /\ failures' = failures + 1
  /\ UNCHANGED <<mode, made, safe, told, checkpointVars, crashes>>

(* Clients and peers are told when the group is safe.                       *)
\* code: src/node/journal.ts #onSafe
Tell == /\ mode = "up" /\ told < safe
        /\ told' = safe
        /\ UNCHANGED <<mode, made, safe, segments, needsSegment, syncing,
                       checkpointVars, crashes, failures>>

-----------------------------------------------------------------------------
(* A checkpoint is written under another name while records come: it holds  *)
(* everything up to `lsn` and of later records what they had done when      *)
(* their key's turn came, up to `end`. The file is synced; it is given its  *)
(* name once the log is safe up to `end`, and the folder is synced; only    *)
(* then may segments go that it covers.                                     *)
\* code: src/node/checkpoint.ts #open
BeginCheckpoint ==
  /\ mode = "up" /\ draft = NoDraft /\ made > checkpoint /\ checkpoints < CheckpointsMax
  /\ draft' = [lsn |-> made, end |-> made, stage |-> "open"]
  /\ checkpoints' = checkpoints + 1
  /\ UNCHANGED <<mode, logVars, checkpoint, checkpointEnd, crashes, failures>>

\* code: src/node/checkpoint.ts #finish
CloseCheckpoint ==
  /\ mode = "up" /\ draft.stage = "open"
  /\ draft' = [draft EXCEPT !.end = made, !.stage = "synced"]
  /\ UNCHANGED <<mode, logVars, checkpoint, checkpointEnd, checkpoints, crashes, failures>>

\* code: src/node/checkpoint.ts #replace
NameCheckpoint ==
  /\ mode = "up" /\ draft.stage = "synced"
  /\ safe >= draft.end
  /\ draft' = [draft EXCEPT !.stage = "renamed"]
  /\ UNCHANGED <<mode, logVars, checkpoint, checkpointEnd, checkpoints, crashes, failures>>

\* code: src/node/checkpoint.ts #replace
SyncFolder ==
  /\ mode = "up" /\ draft.stage = "renamed"
  /\ checkpoint' = draft.lsn /\ checkpointEnd' = draft.end
  /\ draft' = NoDraft
  /\ UNCHANGED <<mode, logVars, checkpoints, crashes, failures>>

\* code: src/storage/wal.ts truncateBelow
\* code: src/storage/recovery.ts #dropCovered
DropSegment ==
  /\ mode = "up" /\ Last > 1 /\ segments[2].first <= checkpoint + 1
  /\ segments' = Tail(segments)
  /\ UNCHANGED <<mode, made, safe, told, needsSegment, syncing,
                 checkpointVars, crashes, failures>>

-----------------------------------------------------------------------------
(* The process is killed: the system still has what was written.            *)
\* code: environment
Kill == /\ mode = "up" /\ crashes < CrashesMax
        /\ mode' = "down" /\ crashes' = crashes + 1
        /\ draft' = IF draft.stage = "renamed" THEN draft ELSE NoDraft
        /\ UNCHANGED <<logVars, checkpoint, checkpointEnd, checkpoints, failures>>

(* Power is lost: of what was not synced any beginning survives, and a name *)
(* that was not made durable may be gone.                                   *)
Survivors(segment) == {[segment EXCEPT !.last = n, !.synced = n] : n \in segment.synced..segment.last}
\* code: environment
LosePower ==
  /\ mode = "up" /\ crashes < CrashesMax
  /\ mode' = "down" /\ crashes' = crashes + 1
  /\ \E survivors \in [DOMAIN segments -> UNION {Survivors(segments[i]) : i \in DOMAIN segments}] :
       /\ \A i \in DOMAIN segments : survivors[i] \in Survivors(segments[i])
       /\ segments' = SelectSeq(survivors, LAMBDA segment : segment.isNamed)
  /\ draft' = NoDraft
  /\ \/ UNCHANGED <<checkpoint, checkpointEnd>>
     \/ draft.stage = "renamed" /\ checkpoint' = draft.lsn /\ checkpointEnd' = draft.end
  /\ UNCHANGED <<made, safe, told, needsSegment, syncing, checkpoints, failures>>

(* What a start finds: the checkpoint, then the segments, each up to where  *)
(* the next begins. A hole between two is damage, and so is a log that ends *)
(* before what the checkpoint holds of it.                                  *)
CheckpointFound == IF draft.stage = "renamed" THEN draft.lsn ELSE checkpoint
EndFound == IF draft.stage = "renamed" THEN draft.end ELSE checkpointEnd
Max(a, b) == IF a > b THEN a ELSE b
Until(i) == IF i = Last \/ segments[i].last < segments[i + 1].first THEN segments[i].last
            ELSE segments[i + 1].first - 1
RECURSIVE Reach(_, _)
Reach(i, end) == IF i > Last \/ segments[i].first > end + 1 THEN end
                 ELSE Reach(i + 1, Max(Until(i), end))
Found == Reach(1, CheckpointFound)
IsDamaged == Found < EndFound \/ \E i \in DOMAIN segments : segments[i].first > Found + 1

(* The node stands again. What it found it will show to anybody, so that    *)
(* must be as durable as if it had been told: the last segment may be in    *)
(* the system's memory only, and a sync of it may have failed before, so    *)
(* what it holds is written again and synced.                               *)
Resynced(segment) == [segment EXCEPT !.synced = segment.last, !.isFailed = FALSE]
\* code: src/storage/recovery.ts replay
Recover ==
  /\ mode = "down" /\ ~IsDamaged
  /\ mode' = "up"
  /\ made' = Found /\ safe' = Found /\ told' = Found
  /\ segments' = [i \in DOMAIN segments |-> IF i = Last THEN Resynced(segments[i]) ELSE segments[i]]
  /\ needsSegment' = TRUE /\ syncing' = 0
  /\ checkpoint' = CheckpointFound /\ checkpointEnd' = EndFound /\ draft' = NoDraft
  /\ UNCHANGED <<crashes, failures, checkpoints>>

Next == \/ Collect \/ WriteGroup \/ StartSync \/ SyncDone \/ SyncFails \/ Tell
        \/ BeginCheckpoint \/ CloseCheckpoint \/ NameCheckpoint \/ SyncFolder \/ DropSegment
        \/ Kill \/ LosePower \/ Recover

Spec == Init /\ [][Next]_vars
FairSpec == Spec /\ WF_vars(WriteGroup) /\ WF_vars(StartSync) /\ WF_vars(SyncDone) /\ WF_vars(Tell)
                 /\ WF_vars(Recover)

-----------------------------------------------------------------------------
(* What was told is found by whoever starts.                                *)
NothingLost == mode = "down" => Found >= told

(* A crash is not damage: the log has no hole.                              *)
NoHole == mode = "down" => ~IsDamaged

(* What the log calls safe would survive the loss of power.                 *)
SafeHolds == mode = "up" =>
  checkpoint >= safe \/ \E i \in DOMAIN segments : segments[i].isNamed /\ segments[i].synced >= safe

(* Every record is told at last, if the process lives.                      *)
Progress == \A n \in 1..RecordsMax : made >= n ~> (told >= n \/ made < n)
=============================================================================
