// The pipe in front of the face: lines of any length and content, in any chunks, and readers that
// do not read.

import { PassThrough, Writable } from "node:stream";
import fc from "fast-check";
import { expect, test } from "vitest";
import { outputBytesHigh, StdioHost, type StdioHostOptions } from "../../src/host/stdio-host.js";
import { LineGate } from "../../src/host/stdio-host-lines.js";

interface Pipe {
  readonly host: StdioHost;
  readonly input: PassThrough;
  readonly messages: unknown[];
  readonly dropped: string[];
  readonly turns: string[];
}

function open(options: Partial<StdioHostOptions> = {}): Pipe {
  const input = new PassThrough();
  const messages: unknown[] = [];
  const dropped: string[] = [];
  const turns: string[] = [];
  const host = new StdioHost({
    input,
    output: new PassThrough(),
    onMessage: (message) => messages.push(message),
    onDropped: (reason) => dropped.push(reason),
    onTurn: (event) => turns.push(event),
    ...options,
  });
  return { host, input, messages, dropped, turns };
}

test("pipe: each line is a message; what does not parse is skipped and counted", async () => {
  const { host, input, messages, dropped } = open();
  input.end('{"a":1}\nnot json\n\n  \n{"b":[2]}\r\nnull\n {"c":3} \n{"d":\n"e"\n4\n{"last":true}');
  await host.ended;
  expect(messages).toEqual([{ a: 1 }, { b: [2] }, { c: 3 }, "e", 4, { last: true }]);
  expect(dropped).toHaveLength(4); // Not JSON, only spaces, null, cut short.
});

test("pipe: an end in the middle of a line is an end", async () => {
  const { host, input, messages, dropped } = open();
  input.end('{"a":1}\n{"src":"c1","dest":');
  await host.ended;
  expect(messages).toEqual([{ a: 1 }]);
  expect(dropped).toHaveLength(1);
  const empty = open();
  empty.input.end();
  await empty.host.ended;
  expect(empty.messages).toEqual([]);
});

test("pipe: a line of 64 MiB is dropped, and the line after it is read", async () => {
  const { host, input, messages, dropped } = open();
  const chunk = Buffer.alloc(64 * 1024, 0x61);
  const startedAt = performance.now();
  input.write('{"a":"');
  for (let i = 0; i < 1024; i++) {
    input.write(chunk);
    if (i % 64 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  input.end('"}\n{"b":2}\n');
  await host.ended;
  expect(messages).toEqual([{ b: 2 }]);
  expect(dropped).toHaveLength(1);
  // Scanning it anew for each chunk takes minutes.
  expect(performance.now() - startedAt).toBeLessThan(5000);
});

test("pipe: a line just below the bound arrives whole", async () => {
  const { host, input, messages } = open({ lineBytesMax: 1000 });
  const fits = JSON.stringify("x".repeat(990));
  input.write(`${fits.slice(0, 500)}`);
  input.write(`${fits.slice(500)}\n`);
  input.end(`${JSON.stringify("y".repeat(2000)).slice(0, 1500)}`);
  await host.ended;
  expect(messages).toEqual(["x".repeat(990)]);
});

test("pipe: however lines are cut into chunks, they are the same lines", () => {
  const line = fc.oneof(
    fc.constantFrom("", "null", " null ", "nullnull", '"null"', "é", "😀 null"),
    fc.string({ maxLength: 30 }).map((text) => text.replace(/[\n\r]/g, "")),
  );
  fc.assert(
    fc.property(fc.array(line, { maxLength: 12 }), fc.infiniteStream(fc.nat(9)), (lines, cuts) => {
      const bytes = Buffer.from(lines.map((text) => `${text}\n`).join(""));
      const passed: Buffer[] = [];
      const dropped: string[] = [];
      const sink = {
        lines: (part: Buffer) => passed.push(Buffer.from(part)),
        dropped: (why: string) => dropped.push(why),
      };
      const gate = new LineGate(sink, 40);
      for (let at = 0; at < bytes.length; ) {
        const size = 1 + cuts.next().value!;
        const chunk = Buffer.from(bytes.subarray(at, at + size));
        gate.push(chunk);
        chunk.fill(0); // A chunk is not ours after the call.
        at += size;
      }
      gate.end();
      const wanted = lines.filter((text) => text.trim() !== "null");
      expect(Buffer.concat(passed).toString()).toBe(wanted.map((text) => `${text}\n`).join(""));
      expect(dropped).toHaveLength(lines.length - wanted.length);
    }),
  );
});

test("pipe: chunks that come together are one turn, and its answers leave in one write", async () => {
  const written: string[] = [];
  const output = new Writable({
    writev(chunks, done) {
      written.push(chunks.map(({ chunk }) => String(chunk)).join(""));
      done();
    },
  });
  const { host, input, turns, messages } = open({ output });
  input.write('{"a":1}\n{"a":2}\n');
  input.write('{"a":3}\n');
  for (let id = 0; id < 3; id++) host.emit({ id }, false);
  input.end();
  await host.ended;
  await host.flushed();
  expect(messages).toHaveLength(3);
  expect(turns.slice(0, 2)).toEqual(["begin", "end"]);
  expect(written).toEqual(['{"id":0}\n{"id":1}\n{"id":2}\n']);
});

test("pipe: while nobody reads stdout stdin waits, and only what may be lost is", async () => {
  const { host, input, messages } = open({ output: new Writable({ write() {} }) });
  const text = "x".repeat(1024 * 1024);
  for (let i = 0; i < 40; i++) host.emit({ text }, true);
  await new Promise((resolve) => setImmediate(resolve));
  expect(host.shedCount).toBeGreaterThan(20);
  expect(host.shedCount).toBeLessThan(40 - outputBytesHigh / 2 ** 21);
  const before = host.shedCount;
  host.emit({ text: "an answer" }, false);
  expect(host.shedCount).toBe(before);
  input.write('{"a":1}\n');
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(messages).toEqual([]);
});

test("pipe: stdout that is closed ends the node", async () => {
  const output = new PassThrough();
  const { host } = open({ output });
  output.destroy(new Error("EPIPE"));
  await host.ended;
  host.emit({ late: true }, false);
  await host.flushed();
});
