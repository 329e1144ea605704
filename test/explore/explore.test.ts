// Every schedule of tiny configurations, over the production code: the quick ones. All of them run
// by `npm run explore`.

import { expect, test } from "vitest";
import { judgeScope, scopes } from "./scopes.js";

const quick = scopes.filter(({ isQuick }) => isQuick);

test.each(quick)("explorer: $name", (scope) => {
  const { lines, isGood } = judgeScope(scope);
  expect(isGood, lines.join("\n")).toBe(true);
});
