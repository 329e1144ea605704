// `npm run cluster -- 3 [flags of skerry serve]`: a cluster on this machine to try things out with,
// on ports 7001 and up. Ends with Ctrl-C.

import { Command } from "commander";
import { integer } from "../src/bin/option-values.js";
import { LocalCluster } from "./lib/cluster-processes.js";
import { isMain } from "./project.js";

const firstPort = 7001;
const nodeCountMax = 16;

async function main(): Promise<void> {
  const { processedArgs } = new Command("cluster")
    .description("A cluster on this machine to try things out with. Ctrl-C ends it.")
    .argument("[nodes]", "how many", integer(1, nodeCountMax), 3)
    .argument("[flags...]", "of skerry serve, for each node")
    .passThroughOptions()
    .allowUnknownOption()
    .parse();
  const [count, args] = processedArgs as [number, string[]];
  const isMixed = args.some((arg) => arg.startsWith("--prefix") || arg === "--consistency");
  const extra = isMixed ? args : ["--prefix", "lock:=linearizable", ...args];
  const cluster = await LocalCluster.start({ count, args: extra, firstPort });
  for (const { name, port, address, pid } of cluster.nodes)
    console.log(`${name}  redis-cli -p ${port}    peers ${address}  pid ${pid}`);
  console.log(
    [
      "",
      `redis-cli -p ${firstPort} set color red; redis-cli -p ${firstPort + count - 1} get color`,
      `redis-cli -p ${firstPort} info members        # who is heard, who votes`,
      ...(isMixed
        ? []
        : [`redis-cli -p ${firstPort} set lock:a me nx     # linearizable: a majority decides`]),
      `kill -9 ${cluster.nodes.at(-1)!.pid}                          # the others go on`,
      "Ctrl-C ends the cluster.",
    ].join("\n"),
  );
  await new Promise<void>((resolve) => {
    process.once("SIGINT", () => resolve());
    process.once("SIGTERM", () => resolve());
  });
  await cluster.stop();
}

if (isMain(import.meta.url)) await main();
