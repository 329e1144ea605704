---------------------------- MODULE AtomicRegister ----------------------------
(***************************************************************************)
(* What a linearizable register promises, with nothing of how it is done.  *)
(* The register is the sequence of the operations that took effect; its    *)
(* value and each operation's outcome follow from that sequence.           *)
(*                                                                         *)
(* An operation takes effect once, between its invocation and the moment   *)
(* its client is told. A refused one (error 11) never takes effect. A read *)
(* answers with what the register was at some moment of the read.          *)
(***************************************************************************)
EXTENDS Naturals, Sequences

CONSTANTS Ops,            \* every operation that may ever be invoked
          Outcome(_, _)   \* what comes out of an operation of a sequence

VARIABLES log,       \* the operations that took effect, in their order
          invoked,   \* operations that clients asked for
          told,      \* operation -> outcome, "refused", or "" while unknown
          read       \* the read: [state, low, answer]

vars == <<log, invoked, told, read>>

Range(s) == {s[i] : i \in DOMAIN s}
IsPrefix(s, t) == Len(s) <= Len(t) /\ SubSeq(t, 1, Len(s)) = s
HasNoTwins(s) == \A i, j \in DOMAIN s : s[i] = s[j] => i = j

NoRead == [state |-> "idle", low |-> 0, answer |-> <<>>]

Init == /\ log = <<>>
        /\ invoked = {}
        /\ told = [op \in Ops |-> ""]
        /\ read = NoRead

Invoke == /\ invoked # invoked'
          /\ invoked \subseteq invoked'
          /\ UNCHANGED <<log, told, read>>

\* One or several at once: what a failed proposer left may come with the next.
TakeEffect == /\ log # log'
              /\ IsPrefix(log, log')
              /\ HasNoTwins(log')
              /\ \A op \in Range(log') \ Range(log) : op \in invoked /\ told[op] = ""
              /\ UNCHANGED <<invoked, told, read>>

Tell == /\ told # told'
        /\ \A op \in Ops : told'[op] # told[op] =>
              /\ told[op] = ""
              /\ IF told'[op] = "refused" THEN op \notin Range(log)
                 ELSE op \in Range(log) /\ told'[op] = Outcome(log, op)
        /\ UNCHANGED <<log, invoked, read>>

BeginRead == /\ read.state = "idle"
             /\ read' = [state |-> "open", low |-> Len(log), answer |-> <<>>]
             /\ UNCHANGED <<log, invoked, told>>

EndRead == /\ read.state = "open"
           /\ read'.state = "done"
           /\ Len(read'.answer) >= read.low
           /\ IsPrefix(read'.answer, log)
           /\ UNCHANGED <<log, invoked, told>>

\* A node that stops takes its reader along.
AbandonRead == read.state = "open" /\ read'.state = "gone" /\ UNCHANGED <<log, invoked, told>>

Next == Invoke \/ TakeEffect \/ Tell \/ BeginRead \/ EndRead \/ AbandonRead

Spec == Init /\ [][Next]_vars
=============================================================================
