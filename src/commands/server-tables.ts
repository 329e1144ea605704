// The tables of the server, connection and introspection commands, in one list for the node to join.

import { clientCommands } from "./client.js";
import type { CommandSpec } from "./command.js";
import { commandCommands } from "./command-docs.js";
import { configCommands } from "./config.js";
import { connectionCommands } from "./connection.js";
import { infoCommands } from "./info.js";

export const serverTables: readonly (readonly CommandSpec[])[] = [
  connectionCommands,
  clientCommands,
  configCommands,
  infoCommands,
  commandCommands,
];
