// Replies that wait for the disk leave in the order in which they were made, whole, and not before
// their group is durable, against a queue of plain objects.

import fc from "fast-check";
import { expect, test } from "vitest";
import { Session } from "../../src/commands/session.js";
import { HeldReplies } from "../../src/wire/held-replies.js";

const sessions = [1, 2, 3].map((id) => new Session(id, "client", "node", 0));

type Step =
  | { readonly kind: "keep"; readonly session: number; readonly length: number }
  | { readonly kind: "seal" }
  | { readonly kind: "release" }
  | { readonly kind: "drop" };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("keep" as const),
      session: fc.nat(2),
      // Short replies share a buffer, which grows; long ones have buffers of their own.
      length: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constantFrom(3000, 4096, 4097, 9000)),
    }),
  },
  { weight: 3, arbitrary: fc.constant({ kind: "seal" as const }) },
  { weight: 3, arbitrary: fc.constant({ kind: "release" as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: "drop" as const }) },
);

interface Kept {
  readonly session: Session;
  readonly mark: number;
  readonly length: number;
  readonly group: number;
}

test("held replies: order, content and groups are those of a plain queue", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120, size: "max" }), (steps) => {
      for (const session of sessions) session.heldBytes = 0;
      const held = new HeldReplies();
      let queue: Kept[] = [];
      let group = 1;
      let mark = 0;
      for (const each of steps) {
        if (each.kind === "keep") {
          const session = sessions[each.session]!;
          mark = (mark + 1) % 250;
          queue.push({ session, mark, length: each.length, group });
          held.keep(session, new Uint8Array(each.length + 5).fill(mark), each.length, group);
        } else if (each.kind === "seal") group++;
        else if (each.kind === "release") {
          const left: Omit<Kept, "group">[] = [];
          held.release(group - 1, (session, bytes, start, length) => {
            const reply = bytes.subarray(start, start + length);
            expect(reply.every((byte) => byte === reply[0])).toBe(true);
            left.push({ session, mark: reply[0]!, length });
          });
          const due = queue.filter((kept) => kept.group < group);
          queue = queue.filter((kept) => kept.group >= group);
          expect(left).toEqual(due.map(({ group: _, ...rest }) => rest));
        } else {
          expect(held.drop()).toEqual(new Set(queue.map(({ session }) => session)));
          queue = [];
        }
        expect(held.count).toBe(queue.length);
        for (const session of sessions) {
          const waiting = queue.filter((kept) => kept.session === session);
          expect(session.heldBytes).toBe(waiting.reduce((sum, { length }) => sum + length, 0));
        }
      }
    }),
    { numRuns: 60, seed: 4 },
  );
});

test("held replies: what is made while others leave stands behind them", () => {
  const held = new HeldReplies();
  const [first, second] = sessions as [Session, Session];
  const seen: number[] = [];
  const bytes = (mark: number): Uint8Array => new Uint8Array(8).fill(mark);
  held.keep(first, bytes(1), 8, 1);
  held.keep(second, bytes(2), 8, 1);
  const leave = (_: Session, buffer: Uint8Array, start: number): void => {
    const mark = buffer[start]!;
    seen.push(mark);
    if (mark !== 1) return;
    // A client that was stalled runs its next command, and its node releases what it can.
    held.keep(first, bytes(3), 8, 1);
    held.keep(first, bytes(4), 8, 2);
    held.release(1, leave);
  };
  held.release(1, leave);
  expect(seen).toEqual([1, 2, 3]);
  held.release(2, leave);
  expect(seen).toEqual([1, 2, 3, 4]);
});
