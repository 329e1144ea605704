// The row against an array.

import fc from "fast-check";
import { expect, test } from "vitest";
import { Row } from "../../src/base/row.js";

test("row: agrees with an array wherever items come and go", () => {
  const step = fc.record({
    isRemoval: fc.boolean(),
    // Ends more often than the middle, as in lists.
    place: fc.oneof(fc.constant(0), fc.constant(1), fc.double({ min: 0, max: 1, noNaN: true })),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200, size: "max" }), (steps) => {
      const row = new Row<number>();
      const model: number[] = [];
      steps.forEach(({ isRemoval, place }, n) => {
        if (isRemoval && model.length > 0) {
          const index = Math.round(place * (model.length - 1));
          row.remove(index);
          model.splice(index, 1);
        } else {
          const index = Math.round(place * model.length);
          row.insert(index, n);
          model.splice(index, 0, n);
        }
        expect([...row]).toEqual(model);
        expect(row.length).toBe(model.length);
        expect(row.get(-1) ?? row.get(model.length)).toBeUndefined();
      });
      row.clear();
      expect([...row]).toEqual([]);
    }),
    { numRuns: 200 },
  );
});
