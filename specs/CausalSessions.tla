----------------------------- MODULE CausalSessions -----------------------------
(***************************************************************************)
(* What a client of the causal mode may rely on, whatever node it asks     *)
(* next: it reads its own writes, its reads never go back, and what it     *)
(* writes is seen by nobody without what it had read before (Terry et al.: *)
(* Session Guarantees for Weakly Consistent Replicated Data; design:       *)
(* section 5).                                                             *)
(*                                                                         *)
(* A session carries a token: what it has read and written. A node answers *)
(* once its context covers the token. A node under `everysec` may forget   *)
(* its last writes when it stops; a token that names such a write can      *)
(* never be covered again and gets a definite error (merge-rules 16).      *)
(*                                                                         *)
(* A context is a set of stamps, of one shard. Values do not matter: who   *)
(* has a stamp in its context shows what it did.                           *)
(* Left out: overlays, tokens over several shards, time-outs of a wait.    *)
(***************************************************************************)
EXTENDS Naturals, FiniteSets

CONSTANTS Nodes, Sessions, OpsMax, WritesMax, LossesMax

VARIABLES process,   \* node -> its incarnation
          context,   \* node -> stamps it has joined
          writes,    \* all that was ever written: [stamp, session, seen]
          token,     \* session -> stamps that an answer must cover
          relied,    \* session -> what it has truly read and written since its last error
          last,      \* the last answer: [session, result, relied]
          ops, losses

vars == <<process, context, writes, token, relied, last, ops, losses>>

Stamp(n, t) == [writer |-> <<n, process[n]>>, time |-> t]
NoAnswer == [kind |-> "none", result |-> {}, relied |-> {}]

Init == /\ process = [n \in Nodes |-> 1]
        /\ context = [n \in Nodes |-> {}]
        /\ writes = {}
        /\ token = [s \in Sessions |-> {}]
        /\ relied = [s \in Sessions |-> {}]
        /\ last = NoAnswer
        /\ ops = 0 /\ losses = 0

(* A node answers only when it has seen all that the token names.           *)
MayAnswer(s, n) == token[s] \subseteq context[n]

(* The session may ask any node, also after a reconnect.                    *)
\* code: src/node/causal.ts #covers
Read(s, n) ==
  /\ ops < OpsMax /\ MayAnswer(s, n)
  /\ token' = [token EXCEPT ![s] = @ \cup context[n]]
  /\ relied' = [relied EXCEPT ![s] = @ \cup context[n]]
  /\ last' = [kind |-> "read", result |-> context[n], relied |-> relied[s]]
  /\ ops' = ops + 1
  /\ UNCHANGED <<process, context, writes, losses>>

\* code: src/node/causal.ts ask
Write(s, n) ==
  LET stamp == Stamp(n, 1 + Cardinality({x \in context[n] : x.writer = <<n, process[n]>>})) IN
  /\ ops < OpsMax /\ Cardinality(writes) < WritesMax /\ MayAnswer(s, n)
  /\ writes' = writes \cup {[stamp |-> stamp, session |-> s, seen |-> context[n], relied |-> relied[s]]}
  /\ context' = [context EXCEPT ![n] = @ \cup {stamp}]
  /\ token' = [token EXCEPT ![s] = @ \cup {stamp}]
  /\ relied' = [relied EXCEPT ![s] = @ \cup {stamp}]
  /\ last' = [kind |-> "write", result |-> context'[n], relied |-> relied[s]]
  /\ ops' = ops + 1
  /\ UNCHANGED <<process, losses>>

(* Batches travel among the nodes, each after what its maker had seen.      *)
IsHeld(stamp) == \E n \in Nodes : stamp \in context[n]
\* code: src/keyspace/shards.ts apply
Deliver(n, w) ==
  /\ w.stamp \notin context[n] /\ IsHeld(w.stamp)
  /\ w.seen \subseteq context[n]
  /\ context' = [context EXCEPT ![n] = @ \cup {w.stamp}]
  /\ UNCHANGED <<process, writes, token, relied, last, ops, losses>>

(* A node stops and has lost its last writes: it is a new incarnation.      *)
\* code: environment
Forget(n) ==
  /\ losses < LossesMax
  /\ \E stamp \in context[n] :
       /\ stamp.writer = <<n, process[n]>>
       /\ \A w \in writes : stamp \in w.seen => w.stamp \notin context[n]
       /\ context' = [context EXCEPT ![n] = @ \ {stamp}]
  /\ process' = [process EXCEPT ![n] = @ + 1]
  /\ losses' = losses + 1
  /\ UNCHANGED <<writes, token, relied, last, ops>>

(* A token names what no node will ever have: a definite error, and the     *)
(* session begins anew. Known once the writer's new incarnation says where  *)
(* its former one ended.                                                    *)
IsLost(stamp) == ~IsHeld(stamp) /\ stamp.time > 0
\* code: src/node/causal.ts #isLost
Refuse(s) ==
  /\ \E stamp \in token[s] : IsLost(stamp)
  /\ token' = [token EXCEPT ![s] = {}]
  /\ relied' = [relied EXCEPT ![s] = {}]
  /\ last' = [kind |-> "refused", result |-> token[s], relied |-> relied[s]]
  /\ UNCHANGED <<process, context, writes, ops, losses>>

Next == \/ \E s \in Sessions, n \in Nodes : Read(s, n) \/ Write(s, n)
        \/ \E n \in Nodes, w \in writes : Deliver(n, w)
        \/ \E n \in Nodes : Forget(n)
        \/ \E s \in Sessions : Refuse(s)

Spec == Init /\ [][Next]_vars
FairSpec == Spec /\ \A n \in Nodes : WF_vars(\E w \in writes : Deliver(n, w))
                 /\ \A s \in Sessions : WF_vars(Refuse(s))

-----------------------------------------------------------------------------
(* Read your writes, and monotonic reads: an answer covers all that the     *)
(* session has read and written.                                            *)
SessionHolds == last.kind \in {"read", "write"} => last.relied \subseteq last.result

(* Writes follow reads, and monotonic writes: nobody sees a write without   *)
(* what its session had read and written.                                   *)
WritesFollow == \A n \in Nodes, w \in writes :
                  w.stamp \in context[n] => w.relied \subseteq context[n]

(* An error is given only for what is truly lost.                           *)
ErrorIsDefinite == last.kind = "refused" => ~\E n \in Nodes : last.result \subseteq context[n]

(* No stamp names two writes, not even after a loss.                        *)
Unique == \A a, b \in writes : a.stamp = b.stamp => a = b

(* Nobody waits for ever: at last every node may answer every session.      *)
Answers == <>[](\A s \in Sessions, n \in Nodes : MayAnswer(s, n))
=============================================================================
