-------------------------- MODULE StreamingPersistence --------------------------
(***************************************************************************)
(* Sealed logs as segments in an object store, listed by a manifest that   *)
(* is replaced by compare-and-swap and fenced by an epoch; compaction      *)
(* joins segments; whoever recovers joins what the manifest lists          *)
(* (design: section 7).                                                    *)
(*                                                                         *)
(* Joining is a union: a segment is the set of batches in it, and batches  *)
(* may be in several segments. An object is never changed once it is put;  *)
(* its name carries the epoch and a number of its writer. A checkpoint is  *)
(* a compaction of all segments.                                           *)
(*                                                                         *)
(* Left out: bytes, checksums, stores whose listings lag, retries.         *)
(***************************************************************************)
EXTENDS Naturals, FiniteSets

CONSTANTS Writers,   \* processes that believe one after another to be the writer
          BatchesMax, EpochsMax, ObjectsMax, RecoveriesMax   \* bounds of the model

VARIABLES objects,    \* [epoch, number, batches] that are in the store
          manifest,   \* [version, epoch, listed]
          epoch,      \* writer -> the epoch it holds, 0: none
          view,       \* writer -> the manifest as it read or wrote it last
          local,      \* writer -> batches in its own log
          draft,      \* writer -> the object it works on, and what that replaces
          garbage,    \* writer -> objects it has replaced
          names,      \* writer -> how many names it has used in its epoch
          made,       \* batches made so far
          stored,     \* batches whose makers were told that the store has them
          recovery    \* [state, listed, got, promised] of somebody who recovers

writerVars == <<epoch, view, local, draft, garbage, names>>
vars == <<objects, manifest, writerVars, made, stored, recovery>>

NoDraft == [state |-> "none", object |-> 0, replaces |-> {}]
NoManifest == [version |-> 0, epoch |-> 0, listed |-> {}]
NoRecovery == [state |-> "none", listed |-> {}, got |-> {}, promised |-> {}, count |-> 0]
BatchesOf(os) == UNION {o.batches : o \in os}

Init == /\ objects = {}
        /\ manifest = NoManifest
        /\ epoch = [w \in Writers |-> 0]
        /\ view = [w \in Writers |-> NoManifest]
        /\ local = [w \in Writers |-> {}]
        /\ draft = [w \in Writers |-> NoDraft]
        /\ garbage = [w \in Writers |-> {}]
        /\ names = [w \in Writers |-> 0]
        /\ made = 0 /\ stored = {}
        /\ recovery = NoRecovery

IsWriter(w) == epoch[w] > 0

(* A process becomes the writer: it replaces the manifest by one with the   *)
(* next epoch. Whoever held the last one finds out at its next swap.        *)
\* code: src/storage/manifest-writer.ts takeOver
Claim(w) ==
  LET new == [manifest EXCEPT !.version = @ + 1, !.epoch = @ + 1] IN
  /\ manifest.epoch < EpochsMax /\ ~IsWriter(w)
  /\ manifest' = new
  /\ epoch' = [epoch EXCEPT ![w] = new.epoch]
  /\ view' = [view EXCEPT ![w] = new]
  /\ draft' = [draft EXCEPT ![w] = NoDraft]
  /\ garbage' = [garbage EXCEPT ![w] = {}]
  /\ names' = [names EXCEPT ![w] = 0]
  /\ UNCHANGED <<objects, local, made, stored, recovery>>

(* A batch is in the writer's own log.                                      *)
\* code: src/storage/wal.ts end
Write(w) ==
  /\ IsWriter(w) /\ made < BatchesMax
  /\ made' = made + 1
  /\ local' = [local EXCEPT ![w] = @ \cup {made + 1}]
  /\ UNCHANGED <<objects, manifest, epoch, view, draft, garbage, names, stored, recovery>>

(* A number is used once, whatever others have deleted meanwhile.           *)
NextNumber(w) == names[w] + 1
Named(w, batches) == [epoch |-> epoch[w], number |-> NextNumber(w), batches |-> batches]
UseName(w) == names' = [names EXCEPT ![w] = NextNumber(w)]

(* A sealed log is put as an object under a name of its own.                *)
\* code: src/storage/store-stream.ts #putSegment
Upload(w) ==
  LET news == local[w] \ BatchesOf(view[w].listed)
      object == Named(w, news)
  IN
  /\ IsWriter(w) /\ draft[w] = NoDraft /\ news # {} /\ Cardinality(objects) < ObjectsMax
  /\ objects' = objects \cup {object} /\ UseName(w) \* a segment
  /\ draft' = [draft EXCEPT ![w] = [state |-> "put", object |-> object, replaces |-> {}]]
  /\ UNCHANGED <<manifest, epoch, view, local, garbage, made, stored, recovery>>

(* Segments that are listed are joined into one object.                     *)
\* code: src/storage/store-stream.ts #merge
Compact(w) ==
  LET object == Named(w, BatchesOf(view[w].listed)) IN
  /\ IsWriter(w) /\ draft[w] = NoDraft /\ Cardinality(view[w].listed) > 1
  /\ Cardinality(objects) < ObjectsMax
  /\ objects' = objects \cup {object} /\ UseName(w)
  /\ draft' = [draft EXCEPT ![w] = [state |-> "put", object |-> object, replaces |-> view[w].listed]]
  /\ UNCHANGED <<manifest, epoch, view, local, garbage, made, stored, recovery>>

(* The manifest is replaced iff it still is what the writer saw. The store  *)
(* compares and swaps in one step.                                          *)
MaySwap(w) == manifest.version = view[w].version
Swapped(w) == [version |-> manifest.version + 1, epoch |-> epoch[w],
               listed |-> (view[w].listed \ draft[w].replaces) \cup {draft[w].object}]
\* code: src/storage/store-depot.ts swap
Swap(w) ==
  /\ draft[w].state = "put" /\ MaySwap(w)
  /\ manifest' = Swapped(w)
  /\ view' = [view EXCEPT ![w] = Swapped(w)]
  /\ garbage' = [garbage EXCEPT ![w] = @ \cup draft[w].replaces]
  /\ draft' = [draft EXCEPT ![w] = NoDraft]
  /\ UNCHANGED <<objects, epoch, local, names, made, stored, recovery>>

(* A refused swap ends the writer: a later epoch has begun.                 *)
\* code: src/storage/store-depot.ts #fence
Fenced(w) ==
  /\ draft[w].state = "put" /\ manifest.version # view[w].version
  /\ epoch' = [epoch EXCEPT ![w] = 0]
  /\ draft' = [draft EXCEPT ![w] = NoDraft]
  /\ UNCHANGED <<objects, manifest, view, local, garbage, names, made, stored, recovery>>

(* What the manifest lists is stored: the writer's log may let it go.       *)
\* code: src/storage/store-stream.ts #onHeld
Tell(w) ==
  LET news == (local[w] \cap BatchesOf(view[w].listed)) \ stored IN
  /\ IsWriter(w) /\ news # {}
  /\ stored' = stored \cup news
  /\ UNCHANGED <<objects, manifest, writerVars, made, recovery>>

(* The process stops; its log stays with it. It may claim the next epoch.   *)
\* code: environment
Stop(w) ==
  /\ IsWriter(w)
  /\ epoch' = [epoch EXCEPT ![w] = 0]
  /\ draft' = [draft EXCEPT ![w] = NoDraft]
  /\ UNCHANGED <<objects, manifest, view, local, garbage, names, made, stored, recovery>>

(* An object that the writer itself has replaced may go, and one of an      *)
(* earlier epoch that its own manifest does not list.                       *)
IsGarbage(w, o) == o \in garbage[w] \/ (o.epoch < epoch[w] /\ o \notin view[w].listed)
\* code: src/storage/store-depot.ts removeOne
Delete(w) ==
  /\ IsWriter(w)
  /\ \E o \in objects : IsGarbage(w, o) /\ objects' = objects \ {o}
  /\ UNCHANGED <<manifest, writerVars, made, stored, recovery>>

-----------------------------------------------------------------------------
(* Somebody recovers: it reads the manifest, then the objects one by one.   *)
(* If one is gone, there is a newer manifest: it starts over.               *)
\* code: src/storage/store-restore.ts planRestore
ReadManifest ==
  /\ recovery.state \in {"none", "gone"} /\ recovery.count < RecoveriesMax
  /\ recovery' = [state |-> "open", listed |-> manifest.listed, got |-> {},
                  promised |-> stored, count |-> recovery.count + 1]
  /\ UNCHANGED <<objects, manifest, writerVars, made, stored>>

\* code: src/storage/store-restore.ts #next
ReadObject ==
  /\ recovery.state = "open" /\ recovery.listed # {}
  /\ \E o \in recovery.listed :
       recovery' = IF o \in objects
                   THEN [recovery EXCEPT !.listed = @ \ {o}, !.got = @ \cup o.batches]
                   ELSE [recovery EXCEPT !.state = "gone"]
  /\ UNCHANGED <<objects, manifest, writerVars, made, stored>>

\* code: src/storage/store-restore.ts #finish
EndRecovery ==
  /\ recovery.state = "open" /\ recovery.listed = {}
  /\ recovery' = [recovery EXCEPT !.state = "done"]
  /\ UNCHANGED <<objects, manifest, writerVars, made, stored>>

Next == \/ \E w \in Writers : \/ Claim(w) \/ Write(w) \/ Upload(w) \/ Compact(w) \/ Swap(w)
                              \/ Fenced(w) \/ Tell(w) \/ Stop(w) \/ Delete(w)
        \/ ReadManifest \/ ReadObject \/ EndRecovery

Spec == Init /\ [][Next]_vars

-----------------------------------------------------------------------------
(* Whatever is listed is there.                                             *)
ListedIsThere == manifest.listed \subseteq objects

(* What was called stored is listed, for ever.                              *)
StoredIsListed == stored \subseteq BatchesOf(manifest.listed)

(* A recovery brings all that was stored when it began.                     *)
RecoveryIsComplete == recovery.state = "done" => recovery.promised \subseteq recovery.got

(* Only the present epoch's writer changes the manifest; a name is used once. *)
OneWriter == \A w \in Writers : view[w].version = manifest.version => view[w] = manifest
NamesAreUnique == \A a, b \in objects : a.epoch = b.epoch /\ a.number = b.number => a = b
EpochsAreHeldOnce == \A w, v \in Writers : epoch[w] > 0 /\ epoch[w] = epoch[v] => w = v
=============================================================================
