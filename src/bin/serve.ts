// `skerry serve`: one node behind its Redis listener.

import { randomInt } from "node:crypto";
import { readFileSync } from "node:fs";
import { performance } from "node:perf_hooks";
import { SettingsStore } from "../commands/settings-store.js";
import type { SkerryConfig } from "../host/config.js";
import { Drive } from "../host/drive.js";
import { processFacts } from "../host/process-facts.js";
import { TcpHost } from "../host/tcp-host.js";
import { seedHash } from "../keyspace/hash.js";
import { allTables } from "../node/commands.js";
import type { NodeEffects } from "../node/effects.js";
import { Node } from "../node/node.js";

/** How many ports are tried when nobody asked for a particular one. */
const portTriesMax = 100;

/** Resolves once the node has stopped. */
export async function serve(config: SkerryConfig): Promise<void> {
  const { settings, sources } = config;
  const host = new TcpHost(Date.now);
  seedHash(randomInt(2 ** 32), randomInt(2 ** 32));
  const seed = randomInt(2 ** 47);
  const port = await host.listen({
    bind: settings.bind[0] ?? "127.0.0.1",
    port: settings.port,
    portTries: sources.port.kind === "default" ? portTriesMax : 0,
  });
  const facts = processFacts({ version: packageVersion(), port, configFile: config.file ?? "" });
  const effects: NodeEffects = Object.assign(host, {
    send: () => {},
    persist: (lsn: number) => node.persisted(lsn),
  });
  const node = new Node(
    {
      name: settings.replicaName,
      members: [settings.replicaName],
      incarnation: 1,
      consistency: { default: settings.consistency, prefixes: settings.consistencyPrefixes },
      seed,
      commands: allTables,
      settings: new SettingsStore({
        port: String(port),
        bind: settings.bind.join(" "),
        maxclients: String(settings.clientCountMax),
        timeout: String(settings.idleTimeoutS),
        databases: String(settings.databases),
      }),
      facts,
      databaseCount: settings.databases,
      measureMicros: () => performance.now() * 1000,
    },
    effects,
  );
  host.attach(node);
  const drive = new Drive(node);
  host.onTurn = () => drive.turn();
  drive.start();
  const where = `${settings.bind[0] ?? "127.0.0.1"}:${port}`;
  const moved = port === settings.port ? "" : ` (port ${settings.port} is taken)`;
  process.stdout.write(`Skerry ${facts.version} serves Redis clients on ${where}${moved}\n`);
  process.stdout.write(` PID: ${process.pid}\n`);
  process.stdout.write(`Ready to accept connections: redis-cli -p ${port}\n`);
  await untilStopped(host);
  drive.stop();
  await host.stop();
}

function untilStopped(host: TcpHost): Promise<void> {
  return new Promise((resolve) => {
    host.onShutdown = () => resolve();
    process.once("SIGTERM", () => resolve());
    process.once("SIGINT", () => resolve());
  });
}

function packageVersion(): string {
  const url = new URL("../../../package.json", import.meta.url);
  return (JSON.parse(readFileSync(url, "utf8")) as { version: string }).version;
}
