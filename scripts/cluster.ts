// `npm run cluster -- 3 [flags of skerry serve]`: a cluster on this machine to try things out with,
// on ports 7001 and up. Ends with Ctrl-C.

import { LocalCluster } from "./lib/cluster-processes.js";
import { isMain } from "./project.js";

const firstPort = 7001;
const nodeCountMax = 16;

async function main([countText = "3", ...args]: readonly string[]): Promise<void> {
  const count = Number(countText);
  if (!Number.isInteger(count) || count < 1 || count > nodeCountMax)
    throw new Error(`how many nodes? 1 to ${nodeCountMax}, not ${countText}`);
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

if (isMain(import.meta.url)) await main(process.argv.slice(2));
