// Commands that Redis does not have. SKERRY.CAS is compare-and-set on a string in one command, so
// that it can be the change function of a linearizable register: Maelstrom's lin-kv cas arrives as
// it.

import { keepDeadline, noDeadline, setText } from "../keyspace/text.js";
import { viewText } from "../keyspace/text-view.js";
import type { Call } from "./call.js";
import { type CommandSpec, oneKey } from "./command.js";
import { fail } from "./errors.js";
import { demandText } from "./lookup.js";
import { notify } from "./notify.js";

/** SKERRY.CAS key from to [CREATE]: CREATE lets a missing key be set. The deadline stays. */
function compareAndSet(call: Call): void {
  const mayCreate = call.argc === 5 && call.is(4, "CREATE");
  if (call.argc > 4 && !mayCreate) {
    fail(call, "syntax");
    return;
  }
  const ref = call.findForWrite(1);
  if (ref === 0) {
    if (!mayCreate) call.reply.error("NOTFOUND key does not exist");
    else assign(call, noDeadline);
    return;
  }
  if (!demandText(call, ref)) return;
  const { bytes, start, length } = viewText(call.keyspace, ref);
  const found = bytes.subarray(start, start + length);
  if (Buffer.compare(found, call.view(2)) === 0) {
    assign(call, keepDeadline);
    return;
  }
  const shown = Buffer.from(found).toString("latin1");
  call.reply.error(`MISMATCH expected ${call.text(2)}, found ${shown}`);
}

function assign(call: Call, deadline: number): void {
  const { keyspace, db, bytes } = call;
  const [key, size, value, length] = [call.start(1), call.size(1), call.start(3), call.size(3)];
  setText(keyspace, db, call.hashOf(1), bytes, key, size, bytes, value, length, deadline);
  notify(call, "string", "set", 1);
  call.reply.ok();
}

export const skerryCommands: readonly CommandSpec[] = [
  {
    name: "skerry.cas",
    arity: -4,
    flags: ["write", "denyoom", "fast"],
    keys: oneKey,
    categories: ["string"],
    group: "skerry",
    replication: "delta",
    since: "7.0.0",
    summary: "Set the string value of a key if it is the expected one",
    complexity: "O(N) where N is the length of the expected value.",
    run: compareAndSet,
  },
];
