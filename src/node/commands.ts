// The tables of all families, joined. A family that is not here cannot be called by any face.

import type { CommandSpec } from "../commands/command.js";
import { stringCommands } from "../commands/strings.js";
import { countCommands } from "../commands/strings-count.js";
import { rangeCommands } from "../commands/strings-range.js";

export const allTables: readonly (readonly CommandSpec[])[] = [
  stringCommands,
  countCommands,
  rangeCommands,
];
