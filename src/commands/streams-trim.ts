// The options that XADD and XTRIM share: what a stream is cut down to, and how exactly. The order
// in which they are read and refused is Redis's (7.0, t_stream.c).

import type { TrimRule } from "../keyspace/stream-entries.js";
import { idMin, type StreamId } from "../lattice/stream-id.js";
import { roundedInteger } from "./arguments.js";
import type { Call } from "./call.js";
import { fail } from "./errors.js";
import { type AskedId, idArgument, strictId } from "./streams-arguments.js";

export interface AddOptions {
  /** Undefined for no trimming. */
  readonly rule: TrimRule | undefined;
  readonly mayCreate: boolean;
  /** Undefined for `*`. */
  readonly asked: AskedId | undefined;
  /** The argument where the id stands, or behind the last one. */
  readonly idAt: number;
}

/** How much an approximate trim looks at unless LIMIT says so, for each hundred of a node. */
const limitFactor = 100;
const limitDefault = 10_000;
const limitMax = 1_000_000;

interface Draft {
  strategy: "maxlen" | "minid" | undefined;
  isApproximate: boolean;
  lengthMax: number;
  idMin: StreamId;
  limit: number;
  hasLimit: boolean;
  mayCreate: boolean;
  asked: AskedId | undefined;
}

const refuse = (call: Call, text: string): number => {
  call.reply.error(`ERR ${text}`);
  return 0;
};

/**
 * Reads one option at an argument; answers how many arguments it takes, 0 after an error was
 * replied, -1 where an option must stand and none does.
 */
function readOption(call: Call, at: number, draft: Draft, isAdd: boolean): number {
  const more = call.argc - 1 - at;
  if (more > 0 && (call.is(at, "MAXLEN") || call.is(at, "MINID")))
    return readStrategy(call, at, draft);
  if (more > 0 && call.is(at, "LIMIT")) {
    draft.limit = roundedInteger(call, at + 1);
    if (Number.isNaN(draft.limit)) return 0;
    if (draft.limit < 0) return refuse(call, "The LIMIT argument must be >= 0.");
    draft.hasLimit = true;
    return 2;
  }
  if (!isAdd || !call.is(at, "NOMKSTREAM")) return -1;
  draft.mayCreate = false;
  return 1;
}

function readStrategy(call: Call, at: number, draft: Draft): number {
  if (draft.strategy !== undefined) {
    const text = "MAXLEN and MINID options at the same time are not compatible";
    return refuse(call, `syntax error, ${text}`);
  }
  draft.isApproximate = false;
  const hasMark = call.argc - 1 - at >= 2 && (call.is(at + 1, "~") || call.is(at + 1, "="));
  if (hasMark) draft.isApproximate = call.is(at + 1, "~");
  const value = at + (hasMark ? 2 : 1);
  if (call.is(at, "MAXLEN")) {
    draft.lengthMax = roundedInteger(call, value);
    if (Number.isNaN(draft.lengthMax)) return 0;
    if (draft.lengthMax < 0) return refuse(call, "The MAXLEN argument must be >= 0.");
    draft.strategy = "maxlen";
  } else {
    const id = strictId(call, value);
    if (id === undefined) return 0;
    draft.idMin = id;
    draft.strategy = "minid";
  }
  return value + 1 - at;
}

/** The options from argument 2 on; undefined after an error was replied. */
export function addOptions(call: Call, isAdd: boolean): AddOptions | undefined {
  const draft: Draft = {
    strategy: undefined,
    isApproximate: false,
    lengthMax: 0,
    idMin,
    limit: 0,
    hasLimit: false,
    mayCreate: true,
    asked: undefined,
  };
  let at = 2;
  while (at < call.argc) {
    if (isAdd && call.is(at, "*")) break;
    const taken = readOption(call, at, draft, isAdd);
    if (taken === 0) return undefined;
    if (taken > 0) {
      at += taken;
      continue;
    }
    if (!isAdd) {
      fail(call, "syntax");
      return undefined;
    }
    draft.asked = idArgument(call, at, { isStrict: true, mayAsk: true });
    if (draft.asked === undefined) return undefined;
    break;
  }
  if (!isConsistent(call, draft, isAdd)) return undefined;
  const { mayCreate, asked } = draft;
  return { rule: ruleOf(call, draft), mayCreate, asked, idAt: at };
}

function isConsistent(call: Call, draft: Draft, isAdd: boolean): boolean {
  const hasNone = draft.strategy === undefined;
  let text = "";
  if (draft.limit > 0 && hasNone)
    text = "LIMIT cannot be used without specifying a trimming strategy";
  else if (!isAdd && hasNone) text = "XTRIM must be called with a trimming strategy";
  else if (draft.hasLimit && !draft.isApproximate)
    text = "LIMIT cannot be used without the special ~ option";
  if (text !== "") refuse(call, `syntax error, ${text}`);
  return text === "";
}

function ruleOf(call: Call, draft: Draft): TrimRule | undefined {
  if (draft.strategy === undefined) return undefined;
  const { isApproximate } = draft;
  const lengthMax = draft.strategy === "maxlen" ? draft.lengthMax : undefined;
  let { limit } = draft;
  if (isApproximate && !draft.hasLimit) {
    limit = limitFactor * call.environment.settings.number("stream-node-max-entries");
    limit = limit <= 0 ? limitDefault : Math.min(limit, limitMax);
  }
  return { lengthMax, idMin: draft.idMin, isApproximate, limit };
}
