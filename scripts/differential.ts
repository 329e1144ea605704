// The differential test by hand: npm run differential -- --family strings --commands 100000 --seed
// 7 Skerry on one port, redis-server on the other, the same generated commands to both.
// `--self-test` puts redis-server on both sides, where nothing may be found; `--port N` uses a
// server that already runs. `--linearizable` asks of a node whose keys are all linearizable.

import { parseArgs } from "node:util";
import { families } from "../test/differential/families/registry.js";
import { onOneRegister } from "../test/differential/linearizable.js";
import { Rig } from "../test/differential/rig.js";
import { search, showFind } from "../test/differential/search.js";
import { skipOrFail } from "./lib/project.js";
import { RevivableServer, ServerProcess, whyUnavailable } from "./lib/server-process.js";

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      family: { type: "string", multiple: true, default: [] },
      commands: { type: "string", default: "20000" },
      seed: { type: "string" },
      finds: { type: "string", default: "10" },
      port: { type: "string" },
      linearizable: { type: "boolean", default: false },
      "self-test": { type: "boolean", default: false },
    },
  });
  const chosen = families.filter(
    (family) => values.family.length === 0 || values.family.includes(family.name),
  );
  if (chosen.length === 0)
    throw new Error(`families are ${families.map((family) => family.name).join(", ")}`);
  const ours = values["self-test"] ? "redis" : "skerry";
  for (const kind of ["redis", ...(values.port === undefined ? [ours] : [])] as const) {
    const reason = whyUnavailable(kind as "redis");
    if (reason !== null) skipOrFail(reason);
  }
  const seed =
    values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed);
  const args = values.linearizable ? ["--consistency", "linearizable"] : [];
  const server =
    values.port === undefined ? await RevivableServer.start(ours, { args, debug: true }) : null;
  const redis = await ServerProcess.start("redis", { debug: true });
  const port = server?.current.port ?? Number(values.port);
  const transform = values.linearizable ? onOneRegister : undefined;
  const rig = new Rig(port, redis.port, server ?? undefined, transform);
  try {
    for (const family of chosen) {
      const begun = Date.now();
      const outcome = await search(rig, family, {
        ...{ commands: Number(values.commands), seed },
        findsMax: Number(values.finds),
      });
      const took = ((Date.now() - begun) / 1000).toFixed(1);
      console.log(
        `${family.name}: ${outcome.commands} commands, ${outcome.finds.length} difference(s), ` +
          `${took} s, seed ${seed}`,
      );
      if (outcome.leftOut.length > 0) console.log(`  left out: ${outcome.leftOut.join(" ")}`);
      for (const find of outcome.finds) console.log(showFind(find));
      if (outcome.finds.length > 0) process.exitCode = 1;
    }
    for (const [name, count] of rig.accepted) console.log(`accepted ${count} times: ${name}`);
  } finally {
    rig.close();
    await server?.current.stop();
    await redis.stop();
  }
}

await main();
