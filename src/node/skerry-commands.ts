// Commands that Redis does not have and that ask the node about itself. Those on data are in
// commands/skerry.ts.

import { createHash } from "node:crypto";
import { utf8 } from "../base/bytes.js";
import type { Call } from "../commands/call.js";
import type { CommandSpec } from "../commands/command.js";
import { slotsOfShard } from "../keyspace/slot.js";
import type { Node } from "./node.js";

const group = "skerry";
const since = "7.0.0";

export function skerryNodeCommands(node: () => Node): readonly CommandSpec[] {
  return [
    {
      name: "skerry.digest",
      arity: 1,
      flags: ["readonly"],
      group,
      since,
      complexity: "O(N) where N is the number of keys and elements.",
      summary: "Hash of all that replicas share; equal on replicas that have seen the same writes",
      run: ({ reply }) => {
        const hash = createHash("sha1");
        for (const digest of node().shards.digests()) hash.update(`${digest} `);
        reply.bulkText(hash.digest("hex"));
      },
    },
    {
      name: "skerry.consistency",
      arity: 2,
      flags: ["readonly", "fast"],
      group,
      since,
      complexity: "O(1)",
      summary: "The consistency mode of a key: eventual, causal or linearizable",
      run: (call) => {
        const mode = node().consistency.modeOf(call.bytes, call.start(1), call.size(1));
        call.reply.simple(mode);
      },
    },
    {
      name: "skerry.lag",
      arity: 1,
      flags: ["readonly", "stale", "loading"],
      group,
      since,
      complexity: "O(N) where N is the number of keys, and of batches in the logs.",
      summary: "How far each peer is behind and ahead, and what is kept for its sake",
      run: ({ reply }) => {
        const lags = node().environment.cluster?.lag() ?? [];
        reply.array(lags.length);
        for (const lag of lags) {
          const figures = Object.entries(lag);
          reply.map(figures.length);
          for (const [name, value] of figures) {
            reply.bulkText(name);
            if (typeof value === "number") reply.integer(value);
            else reply.bulkText(value);
          }
        }
      },
    },
    {
      name: "skerry.load",
      arity: 1,
      flags: ["readonly", "stale", "loading"],
      group,
      since,
      complexity: "O(N) where N is the number of shards.",
      summary:
        "Commands, bytes and reads a second on each shard answered here; its copies and hot key",
      run: ({ reply }) => {
        const { shards, clustering } = node();
        const placing = clustering?.placing;
        const served = shards.shards.filter(({ index }) => placing?.answersReads(index));
        reply.array(served.length);
        for (const { index } of served) {
          const [first, end] = slotsOfShard(index, shards.count);
          const rates = [placing!.load.operationRate(index), placing!.load.byteRate(index)];
          const copies = [placing!.hot.rate(index), placing!.copiesOf(index).length];
          const row = [index, first, end - 1, ...rates.map(Math.round), ...copies];
          reply.array(row.length + 1);
          for (const number of row) reply.integer(number);
          const key = placing!.hotKeys.of(index);
          if (key === undefined) reply.nil();
          else reply.bulk(key);
        }
      },
    },
    {
      name: "skerry.leave",
      arity: 1,
      flags: ["admin", "noscript", "stale", "no_multi"],
      group,
      since,
      complexity: "O(N) where N is the number of nodes and shards; writes and the reply wait.",
      summary: "Takes this node out of its cluster, once its peers have all that it has",
      run: leave,
    },
    {
      name: "skerry.stored",
      arity: 1,
      flags: ["admin", "noscript"],
      group,
      since,
      complexity: "O(1); the reply waits for the object store.",
      summary:
        "Waits until the object store holds everything written so far; an error if it never will",
      run: awaitStore,
    },
    {
      name: "skerry.session",
      arity: -1,
      flags: ["readonly", "fast"],
      group,
      since,
      complexity: "O(N) where N is the number of shards that the session has used.",
      summary: "What this session has seen of causal keys, as a token; or takes such a token",
      run: (call) => {
        const { causal } = node();
        const { session, reply } = call;
        if (call.argc > 2)
          reply.error("ERR wrong number of arguments for 'skerry.session' command");
        else if (call.argc === 1) reply.bulkText(causal.tokenOf(session));
        else if (causal.take(session, call.text(1))) reply.ok();
        else reply.error("ERR not a token of SKERRY.SESSION");
      },
    },
  ];
}

/** Others are served meanwhile. A writer that was taken over from says so. */
function awaitStore(call: Call): void {
  const { environment, reply } = call;
  const { storage } = environment;
  if (storage === undefined || environment.keepWaiting === undefined) {
    reply.error("ERR This node has no object store");
    return;
  }
  const isKept = replyWhenDone(call, (done) => {
    return storage.whenStored((error) => done(error && `ERR ${error}`));
  });
  if (!isKept) reply.error("TRYAGAIN too many wait for the object store");
}

/** Writes of all clients wait meanwhile (leaving.ts). */
function leave(call: Call): void {
  const { environment, reply } = call;
  const { cluster } = environment;
  if (cluster === undefined) {
    reply.error("TRYAGAIN this node is alone");
    return;
  }
  const isKept = replyWhenDone(call, (done) => {
    return cluster.leaveSoon((objection) => done(objection && `TRYAGAIN ${objection}`));
  });
  if (!isKept) reply.error("TRYAGAIN too many wait for this node to leave");
}

/**
 * Replies OK or an error once `begin` calls back, now or later; the session waits until then. False
 * when `begin` has taken nothing on: then nothing is replied.
 */
function replyWhenDone(
  call: Call,
  begin: (done: (error: string | undefined) => void) => boolean,
): boolean {
  const { environment, reply, session } = call;
  let error: string | undefined;
  let isDone = false;
  let isWaiting = false;
  const isKept = begin((problem) => {
    isDone = true;
    error = problem;
    const line = problem === undefined ? "+OK\r\n" : `-${problem}\r\n`;
    if (isWaiting) environment.answerWaiting?.(session, utf8(line));
  });
  if (!isKept) return false;
  if (!isDone) {
    isWaiting = true;
    environment.keepWaiting?.(call);
  } else if (error === undefined) reply.ok();
  else reply.error(error);
  return true;
}
