// The workloads, one row each: what clients ask, how it goes over the wire, what a reply must look
// like, what happens at the end, and who judges the history. Generators, time-outs and the meaning
// of errors follow Maelstrom's (src/maelstrom/workload/*.clj there).

import type { Prng } from "../src/base/prng.js";
import { failure, type Result, success } from "../src/base/result.js";
import type { Json } from "../src/check/canonical.js";
import type { History } from "../src/check/history.js";
import type { RequestBody } from "./clients.js";
import { type GeneratorContext, generators, type OperationGenerator } from "./generators.js";
import { type Judgement, judges } from "./judges.js";
import type { Message } from "./network.js";

/** What a client asks next. */
export interface Request {
  readonly f: string;
  readonly key?: Json;
  readonly input: Json;
}

export interface JudgeOptions {
  /** lin-kv: definite refusals must be explained too. */
  readonly observeRefusals: boolean;
  readonly statesMax: number;
}

/** How one function of a workload looks on the wire. */
interface Call {
  body(request: Request): RequestBody;
  /**
   * The fields of a right reply besides type, msg_id and in_reply_to; the output is that of
   * `output`.
   */
  readonly replyFields: Readonly<Record<string, (value: Json) => boolean>>;
  readonly output?: string;
}

export interface Workload {
  readonly name: string;
  /** Functions whose failure is always definite, because happening unseen changes nothing. */
  readonly idempotent: ReadonlySet<string>;
  /** Functions whose success shows that the cluster accepts writes. */
  readonly writes: ReadonlySet<string>;
  readonly calls: Readonly<Record<string, Call>>;
  readonly hasTopology: boolean;
  /** After healing and a quiet period every thread asks this once. */
  readonly finalRequest: Request | undefined;
  /** Client threads must be a multiple of this. */
  threadsPerGroup(nodeCount: number): number;
  /** How long a client waits for a reply. */
  timeoutMs(latencyMeanMs: number): number;
  newGenerator(context: GeneratorContext, random: Prng): OperationGenerator;
  judge(history: History, options: JudgeOptions): Judgement;
}

const anything = (): boolean => true;
const isArray = (value: Json): boolean => Array.isArray(value);
const isInteger = (value: Json): boolean => Number.isInteger(value);

const CLIENT_TIMEOUT_MS = 5000;

const ordinary = {
  idempotent: new Set<string>(),
  hasTopology: false,
  finalRequest: undefined,
  threadsPerGroup: () => 1,
  timeoutMs: () => CLIENT_TIMEOUT_MS,
} as const;

const finalRead: Request = { f: "read", input: null };

const read = (field: string, isRight: (value: Json) => boolean): Call => ({
  body: () => ({ type: "read" }),
  replyFields: { [field]: isRight },
  output: field,
});

const addDelta: Call = { body: ({ input }) => ({ type: "add", delta: input }), replyFields: {} };

const counter = {
  ...ordinary,
  writes: new Set(["add"]),
  calls: { add: addDelta, read: read("value", isInteger) },
  finalRequest: finalRead,
  judge: judges.counter,
} as const;

const txn: Call = {
  body: ({ input }) => ({ type: "txn", txn: input }),
  replyFields: { txn: isArray },
  output: "txn",
};

const transactions = {
  ...ordinary,
  writes: new Set(["txn"]),
  calls: { txn },
} as const;

const fieldsOf = (value: Json): readonly Json[] | undefined =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.values(value)
    : undefined;

const areOffsets = (value: Json): boolean => fieldsOf(value)?.every(isInteger) === true;

/** Lists of pairs of an offset and a message, by key. */
const areMessages = (value: Json): boolean =>
  fieldsOf(value)?.every((entries) => {
    if (!Array.isArray(entries)) return false;
    return entries.every(
      (entry: Json) => Array.isArray(entry) && entry.length === 2 && isInteger(entry[0]),
    );
  }) === true;

const keyOf = ({ key }: Request): Json => key ?? null;

export const workloads = {
  echo: {
    ...ordinary,
    name: "echo",
    writes: new Set(["echo"]),
    calls: {
      echo: {
        body: ({ input }) => ({ type: "echo", echo: input }),
        replyFields: { echo: anything },
        output: "echo",
      },
    },
    newGenerator: generators.echo,
    judge: judges.echo,
  },
  "unique-ids": {
    ...ordinary,
    name: "unique-ids",
    writes: new Set(["generate"]),
    calls: {
      generate: {
        body: () => ({ type: "generate" }),
        replyFields: { id: anything },
        output: "id",
      },
    },
    newGenerator: generators.uniqueIds,
    judge: judges.uniqueIds,
  },
  broadcast: {
    ...ordinary,
    name: "broadcast",
    idempotent: new Set(["read"]),
    writes: new Set(["broadcast"]),
    calls: {
      broadcast: {
        body: ({ input }) => ({ type: "broadcast", message: input }),
        replyFields: {},
      },
      read: read("messages", isArray),
    },
    hasTopology: true,
    finalRequest: finalRead,
    newGenerator: generators.elements("broadcast"),
    judge: judges.set("broadcast"),
  },
  "g-set": {
    ...ordinary,
    name: "g-set",
    writes: new Set(["add"]),
    calls: {
      add: { body: ({ input }) => ({ type: "add", element: input }), replyFields: {} },
      read: read("value", isArray),
    },
    finalRequest: finalRead,
    newGenerator: generators.elements("add"),
    judge: judges.set("add"),
  },
  "g-counter": { ...counter, name: "g-counter", newGenerator: generators.deltas(0, 4) },
  "pn-counter": { ...counter, name: "pn-counter", newGenerator: generators.deltas(-5, 4) },
  "lin-kv": {
    ...ordinary,
    name: "lin-kv",
    idempotent: new Set(["read"]),
    writes: new Set(["write", "cas"]),
    calls: {
      read: {
        body: (request) => ({ type: "read", key: keyOf(request) }),
        replyFields: { value: anything },
        output: "value",
      },
      write: {
        body: (request) => ({ type: "write", key: keyOf(request), value: request.input }),
        replyFields: {},
      },
      cas: {
        body: (request) => {
          const [from, to] = request.input as readonly [Json, Json];
          return { type: "cas", key: keyOf(request), from, to };
        },
        replyFields: {},
      },
    },
    threadsPerGroup: (nodeCount) => 2 * nodeCount,
    timeoutMs: (latencyMeanMs) => Math.max(10 * latencyMeanMs, 1000),
    newGenerator: generators.registers,
    judge: judges.linearizability,
  },
  "txn-list-append": {
    ...transactions,
    name: "txn-list-append",
    newGenerator: generators.transactions("append"),
    judge: judges.listAppend,
  },
  "txn-rw-register": {
    ...transactions,
    name: "txn-rw-register",
    newGenerator: generators.transactions("w"),
    judge: judges.rwRegister,
  },
  kafka: {
    ...ordinary,
    name: "kafka",
    idempotent: new Set(["poll", "list_committed_offsets"]),
    writes: new Set(["send"]),
    calls: {
      send: {
        body: (request) => ({ type: "send", key: keyOf(request), msg: request.input }),
        replyFields: { offset: isInteger },
        output: "offset",
      },
      poll: {
        body: ({ input }) => ({ type: "poll", offsets: input }),
        replyFields: { msgs: areMessages },
        output: "msgs",
      },
      commit_offsets: {
        body: ({ input }) => ({ type: "commit_offsets", offsets: input }),
        replyFields: {},
      },
      list_committed_offsets: {
        body: ({ input }) => ({ type: "list_committed_offsets", keys: input }),
        replyFields: { offsets: areOffsets },
        output: "offsets",
      },
    },
    newGenerator: generators.logs,
    judge: judges.kafka,
  },
} as const satisfies Record<string, Workload>;

export type WorkloadName = keyof typeof workloads;

export const isWorkloadName = (name: string): name is WorkloadName =>
  Object.hasOwn(workloads, name);

/** What Maelstrom's schemas demand of a reply: the right type and exactly these fields. */
export function parseReply(call: Call, f: string, body: Message["body"]): Result<Json | undefined> {
  if (body.type !== `${f}_ok`) return failure(`its type is not ${f}_ok`);
  if (body.msg_id !== undefined && !isInteger(body.msg_id))
    return failure("its msg_id is no integer");
  for (const [field, isRight] of Object.entries(call.replyFields)) {
    const value = body[field];
    if (value === undefined) return failure(`it lacks \`${field}\``);
    if (!isRight(value)) return failure(`its \`${field}\` is of the wrong type`);
  }
  const known = new Set(["type", "msg_id", "in_reply_to", ...Object.keys(call.replyFields)]);
  const surplus = Object.keys(body).find((field) => !known.has(field));
  if (surplus !== undefined) return failure(`it has a field too many, \`${surplus}\``);
  return success(call.output === undefined ? undefined : body[call.output]);
}
