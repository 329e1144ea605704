-------------------------------- MODULE Lattice --------------------------------
(***************************************************************************)
(* The join laws of every lattice of src/lattice/registry.ts on small      *)
(* domains: commutative, associative, idempotent, bottom is neutral, and   *)
(* an operation only moves upwards.                                        *)
(*                                                                         *)
(*   g_set, g_counter, max_register, lww_register: each by itself;         *)
(*   hyperloglog: an array of maxima, as g_counter is one;                 *)
(*   mv_register, expiry_register, add_wins_set, field_map, stream_log,    *)
(*     key: all made of cells of siblings, the `cell` here;                *)
(*   pn_counter: cells with rows, whose laws are invariant Laws of         *)
(*     Convergence, on states that replicas reach.                         *)
(*                                                                         *)
(* A state with a causal context is not just any pair: the laws hold for   *)
(* states that writes have led to (merge-rules 2). So a cell is drawn as a *)
(* history of writes and what of it has been seen.                         *)
(***************************************************************************)
EXTENDS Naturals, FiniteSets

CONSTANTS Elements, Replicas, TotalMax, TimeMax, HistoryMax   \* bounds of the model

VARIABLES kind,     \* which lattice is drawn
          a, b, c,  \* three states of it
          history   \* of a cell: the writes behind all three

vars == <<kind, a, b, c, history>>

Max(x, y) == IF x > y THEN x ELSE y

-----------------------------------------------------------------------------
(* Lattices without a context.                                              *)

JoinSets(x, y) == x \cup y

\* Each replica's own total; the higher one is the newer one.
JoinTotals(x, y) == [r \in Replicas |-> Max(x[r], y[r])]

JoinMaxima(x, y) == Max(x, y)

\* A stamp is a time and a replica and names one value. Time 0: never written.
Stamps == (1..TimeMax) \X Replicas
Unwritten == <<0, 0>>
ComesBefore(x, y) == x[1] < y[1] \/ (x[1] = y[1] /\ x[2] < y[2])
JoinLast(x, y) == IF ComesBefore(x, y) THEN y ELSE x

-----------------------------------------------------------------------------
(* The cell: siblings and what has been seen.                               *)

\* A history is a sequence of writes: what each had seen, and whether it
\* leaves a value (assign) or none (clear).
IsCausal(seen) == \A i \in DOMAIN seen : seen[i] \subseteq 1..(i - 1) /\ \A j \in seen[i] : seen[j] \subseteq seen[i]
Histories == [seen : {s \in [1..HistoryMax -> SUBSET (1..HistoryMax)] : IsCausal(s)},
              leaves : [1..HistoryMax -> BOOLEAN]]
Contexts(h) == {x \in SUBSET (1..HistoryMax) : \A i \in x : h.seen[i] \subseteq x}

\* A value stands until a write that has seen it.
Siblings(h, context) == {i \in context : h.leaves[i] /\ ~\E j \in context : i \in h.seen[j]}
StateOf(h, context) == [siblings |-> Siblings(h, context), context |-> context]
States(h) == {StateOf(h, context) : context \in Contexts(h)}

\* Present on both sides, or not yet seen by the other (no tombstones). No
\* sibling is dropped for being the loser (merge-rules 9).
Resolved(siblings) == siblings
JoinSiblings(x, y) == (x.siblings \cap y.siblings) \cup (x.siblings \ y.context) \cup (y.siblings \ x.context)
JoinCells(x, y) == [siblings |-> Resolved(JoinSiblings(x, y)), context |-> x.context \cup y.context]

-----------------------------------------------------------------------------
Join(x, y) == CASE kind = "g_set" -> JoinSets(x, y)
                [] kind = "g_counter" -> JoinTotals(x, y)
                [] kind = "max_register" -> JoinMaxima(x, y)
                [] kind = "lww_register" -> JoinLast(x, y)
                [] kind = "cell" -> JoinCells(x, y)
                [] OTHER -> x

Bottom == CASE kind = "g_set" -> {}
            [] kind = "g_counter" -> [r \in Replicas |-> 0]
            [] kind = "max_register" -> 0
            [] kind = "lww_register" -> Unwritten
            [] kind = "cell" -> [siblings |-> {}, context |-> {}]
            [] OTHER -> 0

Init == kind = "none" /\ a = 0 /\ b = 0 /\ c = 0 /\ history = 0

Draw(k, domain) == /\ kind = "none" /\ kind' = k
                   /\ a' \in domain /\ b' \in domain /\ c' \in domain

\* code: src/lattice/g-set.ts joinValues
DrawSet == Draw("g_set", SUBSET Elements) /\ UNCHANGED history
\* code: src/lattice/g-counter.ts joinValues
DrawCounter == Draw("g_counter", [Replicas -> 0..TotalMax]) /\ UNCHANGED history
\* code: src/lattice/max-register.ts joinValues
DrawMax == Draw("max_register", 0..TotalMax) /\ UNCHANGED history
\* code: src/lattice/lww-register.ts joinValues
DrawLast == Draw("lww_register", Stamps \cup {Unwritten}) /\ UNCHANGED history
\* code: src/lattice/cell.ts joinCell
DrawCell == \E h \in Histories : Draw("cell", States(h)) /\ history' = h

Next == DrawSet \/ DrawCounter \/ DrawMax \/ DrawLast \/ DrawCell

Spec == Init /\ [][Next]_vars

-----------------------------------------------------------------------------
IsDrawn == kind # "none"
Commutative == IsDrawn => Join(a, b) = Join(b, a)
Associative == IsDrawn => Join(Join(a, b), c) = Join(a, Join(b, c))
Idempotent == IsDrawn => Join(a, a) = a /\ Join(Join(a, b), b) = Join(a, b)
Neutral == IsDrawn => Join(a, Bottom) = a

(* The join of two cells is the cell of whoever has seen both.              *)
Faithful == kind = "cell" => Join(a, b) = StateOf(history, a.context \cup b.context)
=============================================================================
