// The tables of the server, connection and introspection commands, in one list for the node to
// join.

import { clientCommands } from "./client.js";
import type { CommandSpec } from "./command.js";
import { commandCommands } from "./command-docs.js";
import { configCommands } from "./config.js";
import { connectionCommands } from "./connection.js";
import { debugCommands } from "./debug.js";
import { infoCommands } from "./info.js";
import { latencyCommands } from "./latency.js";
import { memoryCommands } from "./memory.js";
import { pubsubCommands } from "./pubsub.js";
import { serverCommands } from "./server.js";
import { aclCommands } from "./server-acl.js";
import { clusterCommands } from "./server-cluster.js";
import { scriptCommands } from "./server-scripts.js";
import { slowLogCommands } from "./slowlog-commands.js";

export const serverTables: readonly (readonly CommandSpec[])[] = [
  connectionCommands,
  clientCommands,
  configCommands,
  infoCommands,
  commandCommands,
  serverCommands,
  slowLogCommands,
  latencyCommands,
  memoryCommands,
  debugCommands,
  aclCommands,
  clusterCommands,
  scriptCommands,
  pubsubCommands,
];
