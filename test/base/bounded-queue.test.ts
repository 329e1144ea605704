// The queue against an array: what goes in comes out in order, and nothing goes in beyond the
// bound.

import fc from "fast-check";
import { expect, test } from "vitest";
import { BoundedQueue } from "../../src/base/bounded-queue.js";

test("a bounded queue behaves as an array that refuses to grow beyond its bound", () => {
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ push: fc.nat() }) },
    { weight: 4, arbitrary: fc.constant("shift" as const) },
    { weight: 1, arbitrary: fc.constant("clear" as const) },
  );
  const steps = fc.array(step, { maxLength: 200, size: "max" });
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 40 }), steps, (countMax, script) => {
      const queue = new BoundedQueue<number>(countMax);
      let model: number[] = [];
      for (const one of script) {
        if (one === "clear") {
          queue.clear();
          model = [];
        } else if (one === "shift") {
          expect(queue.shift()).toBe(model.shift());
        } else {
          const fits = model.length < countMax;
          expect(queue.tryPush(one.push)).toBe(fits);
          if (fits) model.push(one.push);
        }
        expect(queue.count).toBe(model.length);
        expect(queue.isEmpty).toBe(model.length === 0);
        expect(queue.peek()).toBe(model[0]);
      }
    }),
  );
});
