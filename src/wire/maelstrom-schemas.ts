// What Maelstrom's messages must look like, as JSON schemas (ajv, draft 7). The build compiles them
// into plain functions (scripts/compile-checks.ts), so that a node that starts need not load the
// compiler; from the sources they are compiled when the node starts. Fields that are not named are
// ignored.

/**
 * The messages that clients send, each with a row in maelstrom-workloads.ts, and what the envelope
 * and init need.
 */
export type CheckName =
  | "envelope"
  | "init"
  | "skerry"
  | "echo"
  | "generate"
  | "topology"
  | "broadcast"
  | "add"
  | "read"
  | "write"
  | "cas"
  | "txn"
  | "send"
  | "poll"
  | "commit_offsets"
  | "list_committed_offsets";

type Fields = Readonly<Record<string, object>>;

const anything = {};
const text = { type: "string" };
const integer = { type: "integer" };
/**
 * Steps of a transaction, keys of a request about logs: each costs work before anything answers.
 */
const itemCountMax = 1000;
const offsets = {
  type: "object",
  maxProperties: itemCountMax,
  additionalProperties: { type: "integer", minimum: 0 },
};

/** A body with these fields, of which those after `optional` may be missing. */
const body = (required: Fields, optional: Fields = {}): object => ({
  type: "object",
  properties: { msg_id: integer, ...required, ...optional },
  required: Object.keys(required),
});

export const schemas: Readonly<Record<CheckName, object>> = {
  envelope: {
    type: "object",
    properties: {
      src: text,
      dest: text,
      body: {
        type: "object",
        properties: { type: text, in_reply_to: integer },
        required: ["type"],
      },
    },
    required: ["src", "dest", "body"],
  },
  init: body({ node_id: text, node_ids: { type: "array", items: text } }),
  skerry: body({ frame: text }),
  echo: body({ echo: anything }),
  generate: body({}),
  topology: body({
    topology: { type: "object", additionalProperties: { type: "array", items: text } },
  }),
  broadcast: body({ message: anything }),
  // One of the two: a set's element or a counter's delta.
  add: {
    type: "object",
    properties: { msg_id: integer, element: anything, delta: integer },
    oneOf: [{ required: ["element"] }, { required: ["delta"] }],
  },
  read: body({}, { key: anything }),
  write: body({ key: anything, value: anything }),
  cas: body(
    { key: anything, from: anything, to: anything },
    { create_if_not_exists: { type: "boolean" } },
  ),
  txn: body({
    txn: {
      type: "array",
      maxItems: itemCountMax,
      items: {
        type: "array",
        minItems: 3,
        maxItems: 3,
        items: [{ enum: ["r", "w", "append"] }, anything, anything],
      },
    },
  }),
  send: body({ key: text, msg: anything }),
  poll: body({ offsets }),
  commit_offsets: body({ offsets }),
  list_committed_offsets: body({
    keys: { type: "array", maxItems: itemCountMax, items: text },
  }),
};

/** A compiled schema: whether a value matches, and in `errors` why the last one did not. */
export interface Check {
  (value: unknown): boolean;
  errors?: readonly { readonly instancePath: string; readonly message?: string }[] | null;
}

export type Checks = Readonly<Record<CheckName, Check>>;

/** The first reason of the last refusal, for a person: `/delta must be integer`. */
export function reasonOf(check: Check): string {
  const error = check.errors?.[0];
  if (error === undefined) return "the message has the wrong form";
  return `${error.instancePath} ${error.message ?? "is wrong"}`.trim();
}
