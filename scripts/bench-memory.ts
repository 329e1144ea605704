// Resident memory per key: a million keys of 16 bytes with values of 32 bytes, once plain and once
// with an expiry each, and a million small collections of each type, in a fresh server. The base
// (the same server before the first key) is subtracted. The figure is what the operating system
// counts after the server has had time to settle, not what it says of itself.

import { encodeCommand, RespConnection } from "../test/differential/resp-client.js";
import { type ServerKind, ServerProcess, sleep } from "./lib/server-process.js";

export interface MemoryResult {
  readonly label: string;
  readonly keys: number;
  readonly skerryBytesPerKey: number | null;
  readonly redisBytesPerKey: number;
  readonly skerryBaseBytes: number | null;
  readonly redisBaseBytes: number;
  readonly ratio: number | null;
}

interface Measured {
  readonly bytesPerKey: number;
  readonly baseBytes: number;
}

const keys = 1_000_000;
const batch = 2_000;
const settleMs = 3_000;
/** A day: nothing expires while we look. */
const expirySeconds = "86400";
const keyBytes = 16;
const value = "v".repeat(32);

const keyOf = (n: number): string => `key:${String(n).padStart(keyBytes - 4, "0")}`;

const contents: Record<string, (n: number) => string[]> = {
  "without expiry": (n) => ["SET", keyOf(n), value],
  "with expiry": (n) => ["SET", keyOf(n), value, "EX", expirySeconds],
  "hash of 3": (n) => ["HSET", keyOf(n), "name", `user ${n}`, "age", "42", "city", "Bergen"],
  "list of 3": (n) => ["RPUSH", keyOf(n), `first ${n}`, "second", "third"],
  "set of 3": (n) => ["SADD", keyOf(n), `first ${n}`, "second", "third"],
  "sorted set of 3": (n) => ["ZADD", keyOf(n), "1", `first ${n}`, "2.5", "second", "30", "third"],
};

async function measure(
  kind: ServerKind,
  core: number | null,
  command: (n: number) => string[],
): Promise<Measured> {
  const server = await ServerProcess.start(kind, { core });
  try {
    const connection = await RespConnection.connect(server.port);
    // The base is taken warm: code that the first commands load is not a cost of keys.
    for (let i = 0; i < 50; i++) await connection.exchange(Array(batch).fill(command(0)));
    await connection.call("FLUSHALL");
    await sleep(1_000);
    const baseBytes = server.residentBytes();
    for (let first = 0; first < keys; first += batch) {
      const commands: Buffer[] = [];
      for (let n = first; n < first + batch; n++) commands.push(encodeCommand(command(n)));
      connection.send(Buffer.concat(commands));
      await connection.receive(batch);
    }
    const stored = await connection.call("DBSIZE");
    if (stored.text !== String(keys)) throw new Error(`DBSIZE says ${stored.text}, want ${keys}`);
    await sleep(settleMs);
    const bytesPerKey = (server.residentBytes() - baseBytes) / keys;
    connection.close();
    return { bytesPerKey, baseBytes };
  } finally {
    await server.stop();
  }
}

/** `ours` is null when there is no build of ours to measure. */
export async function measureMemory(
  ours: ServerKind | null,
  core: number | null,
): Promise<MemoryResult[]> {
  const results: MemoryResult[] = [];
  for (const [label, command] of Object.entries(contents)) {
    const redis = await measure("redis", core, command);
    const skerry = ours === null ? null : await measure(ours, core, command);
    results.push({
      ...{ label, keys },
      skerryBytesPerKey: skerry?.bytesPerKey ?? null,
      redisBytesPerKey: redis.bytesPerKey,
      skerryBaseBytes: skerry?.baseBytes ?? null,
      redisBaseBytes: redis.baseBytes,
      ratio: skerry === null ? null : skerry.bytesPerKey / redis.bytesPerKey,
    });
  }
  return results;
}
