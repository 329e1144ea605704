------------------------------ MODULE Convergence ------------------------------
(***************************************************************************)
(* Replicas that have seen the same writes hold the same state, and it is  *)
(* the state that the writes mean (merge-rules 1 to 9, 11, 12, 14 and 16;  *)
(* Almeida, Shoker, Baquero: Delta State Replicated Data Types).           *)
(*                                                                         *)
(* A key holds a cell: siblings, that is values which no write has seen    *)
(* together, and counter rows, each what one incarnation has added since   *)
(* the row's birth and how much of that resets have seen. Nothing marks    *)
(* what was removed: absent and covered by the context means removed,      *)
(* absent and not covered means not yet seen.                              *)
(*                                                                         *)
(* A context is the set of stamps seen; the code packs it into a version   *)
(* vector, which invariant Prefix allows. All keys belong to one shard.    *)
(* An increment adds 1. Batches are facts in a growing set: delivery late, *)
(* twice or never, in any order.                                           *)
(*                                                                         *)
(* Left out: the order of values (reading resolves siblings), births of    *)
(* slots and type clash (rule 10), several writes in one batch.            *)
(***************************************************************************)
EXTENDS Naturals, FiniteSets

CONSTANTS Replicas, Keys,
          Writes,      \* the <<kind, key>> that may be written; kinds: set, add, del
          WritesMax, SyncsMax, LossesMax   \* bounds of the model

VARIABLES process,    \* replica -> its incarnation
          context,    \* replica -> stamps seen, for every key of the shard
          overlay,    \* replica -> key -> stamps seen for this key only (rule 11)
          cells,      \* replica -> key -> cell
          batches,    \* all that was ever written
          syncs, losses

vars == <<process, context, overlay, cells, batches, syncs, losses>>

Empty == [siblings |-> {}, rows |-> {}]

\* A stamp names its maker and the place in its stream.
Writer(r) == <<r, process[r]>>
Stamp(w, t) == [writer |-> w, time |-> t]
HiOf(row) == Stamp(row.writer, row.hiTime)
IsLive(row) == row.hiTime > row.loTime

\* What has been seen for a key (rule 11).
Seen(r, k) == context[r] \cup overlay[r][k]

-----------------------------------------------------------------------------
(* The cell (src/lattice/cell.ts).                                          *)

\* Takes away all that is seen: siblings go, one's own rows go, the others'
\* rows are reset to what was seen of them (rule 7).
Reset(row) == [row EXCEPT !.loTime = row.hiTime, !.lo = row.hi]
Clear(cell, w) == [siblings |-> {}, rows |-> {Reset(row) : row \in {x \in cell.rows : x.writer # w}}]

Assign(cell, w, t) == [Clear(cell, w) EXCEPT !.siblings = {Stamp(w, t)}]

\* A dead row is never extended: its owner starts a new birth (rule 7).
Extended(row, t) == [row EXCEPT !.hiTime = t, !.hi = @ + 1]
Born(w, t) == [writer |-> w, birth |-> t, hiTime |-> t, hi |-> 1, loTime |-> 0, lo |-> 0]
Increment(cell, w, t) ==
  LET own == {row \in cell.rows : row.writer = w}
      live == {row \in own : IsLive(row)}
  IN [cell EXCEPT !.rows = (@ \ own) \cup
        IF live # {} THEN {Extended(row, t) : row \in live} ELSE {Born(w, t)}]

After(cell, kind, w, t) == CASE kind = "set" -> Assign(cell, w, t)
                             [] kind = "add" -> Increment(cell, w, t)
                             [] kind = "del" -> Clear(cell, w)

\* hi and lo each join by the higher stamp (rule 6).
IsTwin(a, b) == a.writer = b.writer /\ a.birth = b.birth
Raise(a, b) ==
  LET high == IF b.hiTime > a.hiTime THEN b ELSE a
      low == IF b.loTime > a.loTime THEN b ELSE a
  IN [a EXCEPT !.hiTime = high.hiTime, !.hi = high.hi, !.loTime = low.loTime, !.lo = low.lo]

\* Joins two cells; each side comes with what it has seen, or, for a delta,
\* with the stamps it takes away.
Join(ours, seen, theirs, otherSeen) ==
  [siblings |-> (ours.siblings \cap theirs.siblings)
                \cup (ours.siblings \ otherSeen) \cup (theirs.siblings \ seen),
   rows |-> {Raise(a, b) : <<a, b>> \in {<<x, y>> \in ours.rows \X theirs.rows : IsTwin(x, y)}}
            \cup {a \in ours.rows : HiOf(a) \notin otherSeen /\ ~\E b \in theirs.rows : IsTwin(a, b)}
            \cup {b \in theirs.rows : HiOf(b) \notin seen /\ ~\E a \in ours.rows : IsTwin(a, b)}]

\* Nothing is pruned locally: all cleaning is ordinary batches (rule 1).
Kept(cell) == cell

\* What a batch did to a cell, net (rule 5; src/lattice/cell-delta.ts).
News(before, after) == [siblings |-> after.siblings \ before.siblings,
                        rows |-> after.rows \ before.rows]
Removed(before, after) ==
  (before.siblings \ after.siblings)
  \cup {HiOf(row) : row \in {x \in before.rows : ~\E y \in after.rows : IsTwin(x, y)}}

-----------------------------------------------------------------------------
Init == /\ process = [r \in Replicas |-> 1]
        /\ context = [r \in Replicas |-> {}]
        /\ overlay = [r \in Replicas |-> [k \in Keys |-> {}]]
        /\ cells = [r \in Replicas |-> [k \in Keys |-> Empty]]
        /\ batches = {} /\ syncs = 0 /\ losses = 0

(* A client writes. The batch names what its maker had seen of the key.     *)
\* code: src/keyspace/shards.ts closeBatch
Write(r, kind, k) ==
  LET w == Writer(r)
      t == 1 + Cardinality({s \in context[r] : s.writer = w})
      before == cells[r][k]
      after == After(before, kind, w, t)
  IN
  /\ Cardinality(batches) < WritesMax
  /\ kind = "del" => before # Clear(before, w)
  /\ cells' = [cells EXCEPT ![r][k] = after]
  /\ context' = [context EXCEPT ![r] = @ \cup {Stamp(w, t)}]
  /\ batches' = batches \cup {[stamp |-> Stamp(w, t), kind |-> kind, key |-> k, seen |-> Seen(r, k),
                               news |-> News(before, after), removed |-> Removed(before, after)]}
  /\ UNCHANGED <<process, overlay, syncs, losses>>

(* A batch is joined iff its predecessor and all its maker had seen are     *)
(* covered (rule 14).                                                       *)
\* code: src/keyspace/shards.ts apply
Apply(r, b) ==
  /\ b.stamp \notin context[r]
  /\ b.stamp.time = 1 \/ Stamp(b.stamp.writer, b.stamp.time - 1) \in context[r]
  /\ b.seen \subseteq context[r]
  /\ cells' = [cells EXCEPT ![r][b.key] =
       IF b.stamp \in overlay[r][b.key] THEN @
       ELSE Kept(Join(@, Seen(r, b.key), b.news, b.removed))]
  /\ context' = [context EXCEPT ![r] = @ \cup {b.stamp}]
  /\ overlay' = [overlay EXCEPT ![r] = [k \in Keys |-> @[k] \ {b.stamp}]]
  /\ UNCHANGED <<process, batches, syncs, losses>>

(* A whole state is joined in one step, contexts last (rule 12).            *)
\* code: src/keyspace/shards.ts joinShard
JoinState(r, from) ==
  /\ syncs < SyncsMax /\ r # from
  /\ ~(context[from] \subseteq context[r])
  /\ \A k \in Keys : overlay[from][k] = {} /\ overlay[r][k] = {}
  /\ cells' = [cells EXCEPT ![r] = [k \in Keys |->
       Join(@[k], Seen(r, k), cells[from][k], Seen(from, k))]]
  /\ context' = [context EXCEPT ![r] = @ \cup context[from]]
  /\ syncs' = syncs + 1
  /\ UNCHANGED <<process, overlay, batches, losses>>

(* One key is joined; for this key alone its reader has seen more now.      *)
\* code: not built yet
JoinKey(r, from, k) ==
  /\ syncs < SyncsMax /\ r # from
  /\ ~(Seen(from, k) \subseteq Seen(r, k))
  /\ cells' = [cells EXCEPT ![r][k] = Join(@, Seen(r, k), cells[from][k], Seen(from, k))]
  /\ overlay' = [overlay EXCEPT ![r][k] = @ \cup (Seen(from, k) \ context[r])]
  /\ syncs' = syncs + 1
  /\ UNCHANGED <<process, context, batches, losses>>

(* The shard's context advances to what every key's context reaches (12).   *)
Reached(r) == {s \in UNION {overlay[r][k] : k \in Keys} : \A k \in Keys : s \in Seen(r, k)}
\* code: not built yet
Advance(r) ==
  /\ Reached(r) # {}
  /\ context' = [context EXCEPT ![r] = @ \cup Reached(r)]
  /\ overlay' = [overlay EXCEPT ![r] = [k \in Keys |-> @[k] \ Reached(r)]]
  /\ UNCHANGED <<process, cells, batches, syncs, losses>>

(* A disk is lost. The node comes back as a new incarnation (rule 16).      *)
\* code: environment
LoseDisk(r) ==
  /\ losses < LossesMax /\ context[r] # {}
  /\ process' = [process EXCEPT ![r] = @ + 1]
  /\ context' = [context EXCEPT ![r] = {}]
  /\ overlay' = [overlay EXCEPT ![r] = [k \in Keys |-> {}]]
  /\ cells' = [cells EXCEPT ![r] = [k \in Keys |-> Empty]]
  /\ losses' = losses + 1
  /\ UNCHANGED <<batches, syncs>>

Next == \/ \E r \in Replicas : \/ \E write \in Writes : Write(r, write[1], write[2])
                               \/ Advance(r) \/ LoseDisk(r)
                               \/ \E from \in Replicas : JoinState(r, from)
                               \/ \E from \in Replicas, k \in Keys : JoinKey(r, from, k)
        \/ \E r \in Replicas, b \in batches : Apply(r, b)

Spec == Init /\ [][Next]_vars

-----------------------------------------------------------------------------
(* What the writes mean, told from the writes alone: a value counts until a *)
(* write that saw it, an increment until a reset that saw it (rule 8).      *)
SeenWrites(r, k) == {b \in batches : b.key = k /\ b.stamp \in Seen(r, k)}
Standing(r, k, kind) ==
  {b.stamp : b \in {x \in SeenWrites(r, k) : x.kind = kind /\
     ~\E over \in SeenWrites(r, k) : over.kind \in {"set", "del"} /\ x.stamp \in over.seen}}

RECURSIVE Sum(_)
Sum(rows) == IF rows = {} THEN 0
             ELSE LET row == CHOOSE x \in rows : TRUE
                  IN (IF IsLive(row) THEN row.hi - row.lo ELSE 0) + Sum(rows \ {row})

Values == \A r \in Replicas, k \in Keys : cells[r][k].siblings = Standing(r, k, "set")
Counts == \A r \in Replicas, k \in Keys :
            Sum(cells[r][k].rows) = Cardinality(Standing(r, k, "add"))

(* The join laws, on states that replicas have reached (rule 2).             *)
Joined(r, s, k) == Join(cells[r][k], Seen(r, k), cells[s][k], Seen(s, k))
Laws == \A r, s, q \in Replicas, k \in Keys :
  /\ Joined(r, r, k) = cells[r][k]
  /\ Joined(r, s, k) = Joined(s, r, k)
  /\ Join(Joined(r, s, k), Seen(r, k) \cup Seen(s, k), cells[q][k], Seen(q, k))
     = Join(cells[r][k], Seen(r, k), Joined(s, q, k), Seen(s, k) \cup Seen(q, k))

(* The same context, the same state, hidden parts included (rule 13).       *)
Converged == \A r, s \in Replicas, k \in Keys :
               Seen(r, k) = Seen(s, k) => cells[r][k] = cells[s][k]

(* A context has no holes: whoever has seen a stamp has seen its writer's   *)
(* earlier ones.                                                            *)
Prefix == \A r \in Replicas, s \in UNION {Seen(q, k) : q \in Replicas, k \in Keys} :
  /\ s \in context[r] => \A t \in 1..s.time : Stamp(s.writer, t) \in context[r]
  /\ \A k \in Keys : s \in Seen(r, k) => \A t \in 1..s.time : Stamp(s.writer, t) \in Seen(r, k)

(* No stamp names two writes.                                               *)
Unique == \A a, b \in batches : a.stamp = b.stamp => a = b
=============================================================================
