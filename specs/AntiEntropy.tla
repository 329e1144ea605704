------------------------------ MODULE AntiEntropy ------------------------------
(***************************************************************************)
(* Repair of one shard by digests, leaf by leaf, while both sides go on    *)
(* writing and joining batches (merge-rules 2, 11 to 13).                  *)
(*                                                                         *)
(* A cursor walks over the leaves. For each the sender offers a digest and *)
(* what it has seen; the receiver compares it with its own leaf as it is   *)
(* now. Equal: it has, for this leaf, seen what the sender had. Different: *)
(* it asks for the leaf, which comes with its own context. Each leaf keeps *)
(* an overlay until the shard's context can follow for all of them.        *)
(*                                                                         *)
(* An element is visible or hidden (a dead counter row, a hidden slot);    *)
(* a digest covers both. Removing needs no tombstone: absent and covered   *)
(* is removed.                                                             *)
(*                                                                         *)
(* The code compares all leaves at once, holds batches of others back      *)
(* meanwhile and joins what differs in one step, hence without overlays    *)
(* (replication/difference.ts); this is the protocol with a cursor.        *)
(* Left out: the tree above the leaves, which only skips equal leaves.     *)
(***************************************************************************)
EXTENDS Naturals, FiniteSets

CONSTANTS Replicas, Leaves,
          WritesMax, RoundsMax, BreaksMax   \* bounds of the model

VARIABLES context,   \* replica -> stamps seen for the whole shard
          overlay,   \* replica -> leaf -> stamps seen for that leaf only
          elements,  \* replica -> leaf -> stamps of its elements
          batches,   \* [stamp, leaf, isHidden, adds, removed, seen]
          cursor,    \* receiver -> the leaf it is at, 0: no round
          offer, answer,   \* the messages under way, or None
          rounds, breaks

vars == <<context, overlay, elements, batches, cursor, offer, answer, rounds, breaks>>

None == [leaf |-> 0, digest |-> {}, seen |-> {}]
Seen(r, l) == context[r] \cup overlay[r][l]
Other(r) == CHOOSE s \in Replicas : s # r
Stamp(r, t) == [writer |-> r, time |-> t]
Hidden == {b.stamp : b \in {x \in batches : x.isHidden}}

\* All that is stored, hidden parts too (rule 13).
Digest(es) == es

Init == /\ context = [r \in Replicas |-> {}]
        /\ overlay = [r \in Replicas |-> [l \in Leaves |-> {}]]
        /\ elements = [r \in Replicas |-> [l \in Leaves |-> {}]]
        /\ batches = {}
        /\ cursor = [r \in Replicas |-> 0]
        /\ offer = [r \in Replicas |-> None]
        /\ answer = [r \in Replicas |-> None]
        /\ rounds = 0 /\ breaks = 0

(* A write adds an element or removes all that it sees in a leaf.           *)
\* code: src/keyspace/shards.ts closeBatch
Write(r, l, kind) ==
  LET t == 1 + Cardinality({s \in context[r] : s.writer = r})
      stamp == Stamp(r, t)
      removed == IF kind = "remove" THEN elements[r][l] ELSE {}
  IN
  /\ Cardinality(batches) < WritesMax
  /\ kind = "remove" => removed # {}
  /\ elements' = [elements EXCEPT ![r][l] = IF kind = "remove" THEN {} ELSE @ \cup {stamp}]
  /\ context' = [context EXCEPT ![r] = @ \cup {stamp}]
  /\ batches' = batches \cup {[stamp |-> stamp, leaf |-> l, isHidden |-> kind = "hide",
                  adds |-> IF kind = "remove" THEN {} ELSE {stamp}, removed |-> removed,
                  seen |-> Seen(r, l)]}
  /\ UNCHANGED <<overlay, cursor, offer, answer, rounds, breaks>>

\* code: src/keyspace/shards.ts apply
Apply(r, b) ==
  /\ b.stamp \notin context[r]
  /\ b.seen \subseteq context[r]
  /\ elements' = [elements EXCEPT ![r][b.leaf] = (@ \ b.removed) \cup (b.adds \ Seen(r, b.leaf))]
  /\ context' = [context EXCEPT ![r] = @ \cup {b.stamp}]
  /\ overlay' = [overlay EXCEPT ![r] = [l \in Leaves |-> @[l] \ {b.stamp}]]
  /\ UNCHANGED <<batches, cursor, offer, answer, rounds, breaks>>

-----------------------------------------------------------------------------
(* A round begins at the first leaf.                                        *)
\* code: src/replication/repair.ts compareWith
Begin(r) ==
  /\ cursor[r] = 0 /\ rounds < RoundsMax
  /\ ~(context[Other(r)] \subseteq context[r])
  /\ cursor' = [cursor EXCEPT ![r] = 1]
  /\ rounds' = rounds + 1
  /\ UNCHANGED <<context, overlay, elements, batches, offer, answer, breaks>>

(* The sender tells a leaf's digest and what it has seen for the leaf.      *)
\* code: src/replication/difference.ts offer
\* code: src/keyspace/digest.ts digestSlots
Offer(r) ==
  LET l == cursor[r]  s == Other(r) IN
  /\ l \in Leaves /\ offer[r] = None /\ answer[r] = None
  /\ offer' = [offer EXCEPT ![r] = [leaf |-> l, digest |-> Digest(elements[s][l]), seen |-> Seen(s, l)]]
  /\ UNCHANGED <<context, overlay, elements, batches, cursor, answer, rounds, breaks>>

(* Equality is decided on the receiver's present leaf, and what the sender  *)
(* had seen is taken in the same step (rule 12).                            *)
\* code: not built yet
OnEqual(r) ==
  LET m == offer[r] IN
  /\ m # None /\ Digest(elements[r][m.leaf]) = m.digest
  /\ overlay' = [overlay EXCEPT ![r][m.leaf] = @ \cup (m.seen \ context[r])]
  /\ cursor' = [cursor EXCEPT ![r] = @ + 1]
  /\ offer' = [offer EXCEPT ![r] = None]
  /\ UNCHANGED <<context, elements, batches, answer, rounds, breaks>>

(* A leaf that differs is asked for; its state comes with the context that  *)
(* it has then (rule 2).                                                    *)
\* code: src/replication/difference.ts onInquiry
\* code: src/keyspace/shards.ts encodeShard
OnDifferent(r) ==
  LET m == offer[r]  s == Other(r) IN
  /\ m # None /\ Digest(elements[r][m.leaf]) # m.digest
  /\ answer' = [answer EXCEPT ![r] = [leaf |-> m.leaf, digest |-> elements[s][m.leaf],
                                      seen |-> Seen(s, m.leaf)]]
  /\ offer' = [offer EXCEPT ![r] = None]
  /\ UNCHANGED <<context, overlay, elements, batches, cursor, rounds, breaks>>

\* code: src/keyspace/shards.ts joinShard
OnState(r) ==
  LET m == answer[r]  ours == elements[r][m.leaf] IN
  /\ m # None
  /\ elements' = [elements EXCEPT ![r][m.leaf] = (ours \cap m.digest) \cup (ours \ m.seen)
                                                 \cup (m.digest \ Seen(r, m.leaf))]
  /\ overlay' = [overlay EXCEPT ![r][m.leaf] = @ \cup (m.seen \ context[r])]
  /\ cursor' = [cursor EXCEPT ![r] = @ + 1]
  /\ answer' = [answer EXCEPT ![r] = None]
  /\ UNCHANGED <<context, batches, offer, rounds, breaks>>

(* The round is over. The shard's context grows by what every leaf has seen *)
(* (rule 12).                                                               *)
Reached(r) == {s \in UNION {overlay[r][l] : l \in Leaves} : \A l \in Leaves : s \in Seen(r, l)}
\* code: src/keyspace/shards.ts joinPartial
\* code: src/keyspace/shard.ts joinContext
Finish(r) ==
  /\ cursor[r] > Cardinality(Leaves)
  /\ context' = [context EXCEPT ![r] = @ \cup Reached(r)]
  /\ overlay' = [overlay EXCEPT ![r] = [l \in Leaves |-> @[l] \ Reached(r)]]
  /\ cursor' = [cursor EXCEPT ![r] = 0]
  /\ UNCHANGED <<elements, batches, offer, answer, rounds, breaks>>

(* A round is broken off: a message is lost, its time is up. Overlays stay. *)
\* code: environment
BreakOff(r) ==
  /\ cursor[r] # 0 /\ breaks < BreaksMax
  /\ breaks' = breaks + 1
  /\ cursor' = [cursor EXCEPT ![r] = 0]
  /\ offer' = [offer EXCEPT ![r] = None] /\ answer' = [answer EXCEPT ![r] = None]
  /\ UNCHANGED <<context, overlay, elements, batches, rounds>>

Kinds == {"add", "hide", "remove"}

Next == \/ \E r \in Replicas : \/ \E l \in Leaves, kind \in Kinds : Write(r, l, kind)
                               \/ Begin(r) \/ Offer(r) \/ OnEqual(r) \/ OnDifferent(r)
                               \/ OnState(r) \/ Finish(r) \/ BreakOff(r)
        \/ \E r \in Replicas, b \in batches : Apply(r, b)

Spec == Init /\ [][Next]_vars

(* Batches may be lost for ever; rounds go on and are at last not broken.   *)
Steps(r) == Begin(r) \/ Offer(r) \/ OnEqual(r) \/ OnDifferent(r) \/ OnState(r) \/ Finish(r)
FairSpec == Spec /\ \A r \in Replicas : WF_vars(Steps(r))

-----------------------------------------------------------------------------
(* What the writes mean: an element stands until a removal that saw it.     *)
Standing(r, l) ==
  {b.stamp : b \in {x \in batches : x.leaf = l /\ x.stamp \in Seen(r, l) /\ x.adds # {} /\
     ~\E y \in batches : y.stamp \in Seen(r, l) /\ x.stamp \in y.removed}}

Meaning == \A r \in Replicas, l \in Leaves : elements[r][l] = Standing(r, l)

(* Equal contexts, equal digests (rule 13).                                 *)
SameDigest == \A r, s \in Replicas, l \in Leaves :
                Seen(r, l) = Seen(s, l) => elements[r][l] = elements[s][l]

(* A context has no holes.                                                  *)
Prefix == \A r \in Replicas, b \in batches :
            b.stamp \in context[r] => \A t \in 1..b.stamp.time : Stamp(b.stamp.writer, t) \in context[r]

(* Once the writes have ended, rounds alone bring the replicas together.    *)
Converges == <>[](\A r, s \in Replicas : context[r] = context[s])
=============================================================================
