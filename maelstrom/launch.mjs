// Starts a Maelstrom node: prepares the checkout at the first launch, then becomes the node.
// Maelstrom spawns many at once and waits ten seconds for each, so a prepared checkout loads as
// little as it can.

import * as nodeModule from "node:module";
import { pathToFileURL } from "node:url";
import { ensureReady, root, SetupError, say } from "../scripts/setup.mjs";

try {
  await ensureReady();
  // Node 22 and newer keep compiled code between starts; Node 20 has no such function.
  nodeModule.enableCompileCache?.(`${root}.cache/compiled`);
  const entry = `${root}dist/src/bin/skerry.js`;
  process.argv = [process.argv[0], entry, "maelstrom", ...process.argv.slice(2)];
  await import(pathToFileURL(entry).href);
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  say(error.message);
  process.exitCode = 1;
}
