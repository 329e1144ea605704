// The differential test by hand: npm run differential -- --family strings --commands 100000 --seed
// 7 Skerry on one port, redis-server on the other, the same generated commands to both.
// `--self-test` puts redis-server on both sides, where nothing may be found; `--port N` uses a
// server that already runs. `--linearizable` asks of a node whose keys are all linearizable.

import { Command, Option } from "commander";
import { count, integer } from "../src/bin/option-values.js";
import { families } from "../test/differential/families/registry.js";
import { onOneRegister } from "../test/differential/linearizable.js";
import { Rig } from "../test/differential/rig.js";
import { search, showFind } from "../test/differential/search.js";
import { RevivableServer, ServerProcess, whyUnavailable } from "./lib/server-process.js";
import { skipOrFail } from "./project.js";

interface Options {
  readonly family: readonly string[];
  readonly commands: number;
  readonly seed?: number;
  readonly finds: number;
  readonly port?: number;
  readonly linearizable?: true;
  readonly selfTest?: true;
}

function readOptions(): Options {
  return new Command("differential")
    .description(
      "Generated commands on Skerry and redis-server: replies and final state must agree.",
    )
    .addOption(
      new Option("--family <names...>", "families of commands (default: all)")
        .choices(families.map(({ name }) => name))
        .default([]),
    )
    .option("--commands <count>", "commands per family", integer(1), 20_000)
    .option("--seed <seed>", "of the commands (default: drawn)", count)
    .option("--finds <count>", "stop a family after so many differences", integer(1), 10)
    .option("--port <port>", "a server that runs, instead of one of our own", integer(1, 65_535))
    .option("--linearizable", "all keys linearizable, in one register")
    .option("--self-test", "redis-server against itself")
    .parse()
    .opts<Options>();
}

async function main(): Promise<void> {
  const options = readOptions();
  const chosen = families.filter(
    (family) => options.family.length === 0 || options.family.includes(family.name),
  );
  const ours = options.selfTest ? "redis" : "skerry";
  for (const kind of ["redis", ...(options.port === undefined ? [ours] : [])] as const) {
    const reason = whyUnavailable(kind as "redis");
    if (reason !== null) skipOrFail(reason);
  }
  const seed = options.seed ?? Math.floor(Math.random() * 2 ** 31);
  const args = options.linearizable ? ["--consistency", "linearizable"] : [];
  const server =
    options.port === undefined ? await RevivableServer.start(ours, { args, debug: true }) : null;
  const redis = await ServerProcess.start("redis", { debug: true });
  const port = server?.current.port ?? options.port!;
  const transform = options.linearizable ? onOneRegister : undefined;
  const rig = new Rig(port, redis.port, server ?? undefined, transform);
  try {
    for (const family of chosen) {
      const begun = Date.now();
      const outcome = await search(rig, family, {
        ...{ commands: options.commands, seed },
        findsMax: options.finds,
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
