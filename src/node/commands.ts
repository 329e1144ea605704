// The tables of all families, joined. A family that is not here cannot be called by any face.

import type { CommandSpec } from "../commands/command.js";
import { dataCommands } from "../commands/data-commands.js";
import { serverTables } from "../commands/server-tables.js";

export const allTables: readonly (readonly CommandSpec[])[] = [...serverTables, dataCommands];
