// A redis.conf as configuration: what its lines say, and what is told about a line that is wrong.

import { expect, test } from "vitest";
import { bindOf, readRedisConf } from "../../src/host/redis-conf.js";

const read = (text: string): unknown => {
  const result = readRedisConf(text, "redis.conf");
  return result.ok
    ? Object.fromEntries(result.value)
    : result.error.map(({ place, key, reason }) => `${place}: ${key}: ${reason}`);
};

test("redis.conf: directives by name, with Redis's quoting, the last one counts", () => {
  const text = `
    # comment
    PORT 7000
    requirepass "a \\x62 \\"c\\""
    logfile ''
    hz 10
    hz 20
  `;
  expect(read(text)).toEqual({ port: "7000", requirepass: 'a b "c"', logfile: "", hz: "20" });
});

test("redis.conf: points of saving and limits of output buffers add up", () => {
  expect(read("save 900 1\nsave 60 10000")).toEqual({ save: "900 1 60 10000" });
  expect(read('save 900 1\nsave ""\nsave 5 1')).toEqual({ save: "5 1" });
  const limits = "client-output-buffer-limit normal 0 0 0\nclient-output-buffer-limit pubsub 1 2 3";
  expect(read(limits)).toEqual({ "client-output-buffer-limit": "normal 0 0 0 pubsub 1 2 3" });
});

test("redis.conf: every mistake is told with its line", () => {
  expect(read('hz 10\nnonsense 1\ninclude other.conf\nhz\nrequirepass "a')).toEqual([
    "redis.conf:2: nonsense: Bad directive or wrong number of arguments",
    "redis.conf:3: include: other files are not read",
    "redis.conf:4: hz: wrong number of arguments",
    "redis.conf:5: requirepass: unbalanced quotes",
  ]);
});

test("redis.conf: addresses that need not exist are left out", () => {
  expect(bindOf("127.0.0.1 -::1")).toBe("127.0.0.1");
  expect(bindOf("* -::*")).toBe("0.0.0.0");
});
