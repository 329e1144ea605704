// The tables of the data families in one list, for the node to join with the others.

import type { CommandSpec } from "./command.js";
import { expiryCommands } from "./expiry.js";
import { keyCommands } from "./keys.js";
import { moveCommands } from "./keys-move.js";
import { scanCommands } from "./scan.js";
import { stringCommands } from "./strings.js";
import { countCommands } from "./strings-count.js";
import { rangeCommands } from "./strings-range.js";

export const dataCommands: readonly CommandSpec[] = [
  ...stringCommands,
  ...countCommands,
  ...rangeCommands,
  ...keyCommands,
  ...moveCommands,
  ...scanCommands,
  ...expiryCommands,
];
