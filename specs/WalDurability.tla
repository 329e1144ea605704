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
          needsSegment, isFenced,
          syncing,    \* up to where the sync under way goes, 0: none
          checkpoint, \* the state up to this LSN is on the disk
          draft,      \* [lsn, stage] of the checkpoint in the making
          crashes, failures, checkpoints

logVars == <<made, safe, told, segments, needsSegment, isFenced, syncing>>
checkpointVars == <<checkpoint, draft, checkpoints>>
vars == <<mode, logVars, checkpointVars, crashes, failures>>

NoDraft == [lsn |-> 0, stage |-> "none"]

Init == /\ mode = "up"
        /\ made = 0 /\ safe = 0 /\ told = 0
        /\ segments = <<>> /\ needsSegment = TRUE /\ isFenced = FALSE /\ syncing = 0
        /\ checkpoint = 0 /\ draft = NoDraft
        /\ crashes = 0 /\ failures = 0 /\ checkpoints = 0

Last == Len(segments)
Written == IF needsSegment THEN safe ELSE segments[Last].last

-----------------------------------------------------------------------------
(* A record joins the group that collects. A fenced log refuses writes.     *)
\* code: src/storage/wal.ts end
Collect == /\ mode = "up" /\ ~isFenced /\ made < RecordsMax
           /\ made' = made + 1
           /\ UNCHANGED <<mode, safe, told, segments, needsSegment, isFenced, syncing,
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
  /\ UNCHANGED <<mode, made, safe, told, isFenced, syncing, checkpointVars, crashes, failures>>

\* code: src/storage/wal.ts #startSync
StartSync ==
  /\ mode = "up" /\ syncing = 0 /\ ~needsSegment /\ segments[Last].last > safe
  /\ syncing' = segments[Last].last
  /\ UNCHANGED <<mode, made, safe, told, segments, needsSegment, isFenced,
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
  /\ isFenced' = FALSE /\ syncing' = 0
  /\ UNCHANGED <<mode, made, told, checkpointVars, crashes, failures>>

(* After a failed sync the end of the file may be anything: what was not    *)
(* safe goes into another one.                                              *)
\* code: src/storage/wal.ts #distrust
SyncFails ==
  /\ mode = "up" /\ syncing > 0 /\ failures < FailuresMax
  /\ segments' = [segments EXCEPT ![Last].isFailed = TRUE]
  /\ needsSegment' = TRUE \* elsewhere
  /\ isFenced' = TRUE /\ syncing' = 0
  /\ failures' = failures + 1
  /\ UNCHANGED <<mode, made, safe, told, checkpointVars, crashes>>

(* Clients and peers are told when the group is safe.                       *)
\* code: src/node/journal.ts #onSafe
Tell == /\ mode = "up" /\ told < safe
        /\ told' = safe
        /\ UNCHANGED <<mode, made, safe, segments, needsSegment, isFenced, syncing,
                       checkpointVars, crashes, failures>>

-----------------------------------------------------------------------------
(* A checkpoint is written under another name, synced, renamed, and the     *)
(* folder synced; only then may segments go that it covers.                 *)
\* code: not built yet
BeginCheckpoint ==
  /\ mode = "up" /\ draft = NoDraft /\ safe > checkpoint /\ checkpoints < CheckpointsMax
  /\ draft' = [lsn |-> safe, stage |-> "written"]
  /\ checkpoints' = checkpoints + 1
  /\ UNCHANGED <<mode, logVars, checkpoint, crashes, failures>>

\* code: not built yet
CompleteCheckpoint ==
  /\ mode = "up" /\ draft.stage \in {"written", "synced"}
  /\ draft' = [draft EXCEPT !.stage = IF @ = "written" THEN "synced" ELSE "renamed"]
  /\ UNCHANGED <<mode, logVars, checkpoint, checkpoints, crashes, failures>>

\* code: not built yet
SyncFolder ==
  /\ mode = "up" /\ draft.stage = "renamed"
  /\ checkpoint' = draft.lsn
  /\ draft' = NoDraft
  /\ UNCHANGED <<mode, logVars, checkpoints, crashes, failures>>

\* code: src/storage/recovery.ts #dropCovered
DropSegment ==
  /\ mode = "up" /\ Last > 1 /\ segments[2].first <= checkpoint + 1
  /\ segments' = Tail(segments)
  /\ UNCHANGED <<mode, made, safe, told, needsSegment, isFenced, syncing,
                 checkpointVars, crashes, failures>>

-----------------------------------------------------------------------------
(* The process is killed: the system still has what was written.            *)
\* code: environment
Kill == /\ mode = "up" /\ crashes < CrashesMax
        /\ mode' = "down" /\ crashes' = crashes + 1
        /\ draft' = IF draft.stage = "renamed" THEN draft ELSE NoDraft
        /\ UNCHANGED <<logVars, checkpoint, checkpoints, failures>>

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
  /\ \/ draft' = NoDraft /\ checkpoint' = checkpoint
     \/ draft.stage = "renamed" /\ draft' = NoDraft /\ checkpoint' = draft.lsn
  /\ UNCHANGED <<made, safe, told, needsSegment, isFenced, syncing, checkpoints, failures>>

(* What a start finds: the checkpoint, then the segments, each up to where  *)
(* the next begins. A hole between two is damage.                           *)
CheckpointFound == IF draft.stage = "renamed" THEN draft.lsn ELSE checkpoint
Max(a, b) == IF a > b THEN a ELSE b
Until(i) == IF i = Last \/ segments[i].last < segments[i + 1].first THEN segments[i].last
            ELSE segments[i + 1].first - 1
RECURSIVE Reach(_, _)
Reach(i, end) == IF i > Last \/ segments[i].first > end + 1 THEN end
                 ELSE Reach(i + 1, Max(Until(i), end))
Found == Reach(1, CheckpointFound)
IsDamaged == \E i \in DOMAIN segments : segments[i].first > Found + 1

(* The node stands again. What it found it will show to anybody, so that    *)
(* must be as durable as if it had been told: the last segment may be in    *)
(* the system's memory only, and a sync of it may have failed before, so    *)
(* what it holds is written again, into a fresh file, and synced.           *)
Resynced(segment) == [segment EXCEPT !.synced = segment.last, !.isFailed = FALSE]
\* code: src/storage/recovery.ts replay
Recover ==
  /\ mode = "down" /\ ~IsDamaged
  /\ mode' = "up"
  /\ made' = Found /\ safe' = Found /\ told' = Found
  /\ segments' = [i \in DOMAIN segments |-> IF i = Last THEN Resynced(segments[i]) ELSE segments[i]]
  /\ needsSegment' = TRUE /\ isFenced' = FALSE /\ syncing' = 0
  /\ checkpoint' = CheckpointFound /\ draft' = NoDraft
  /\ UNCHANGED <<crashes, failures, checkpoints>>

Next == \/ Collect \/ WriteGroup \/ StartSync \/ SyncDone \/ SyncFails \/ Tell
        \/ BeginCheckpoint \/ CompleteCheckpoint \/ SyncFolder \/ DropSegment
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
