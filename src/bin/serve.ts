// `skerry serve`: one node behind its Redis listener.

import { randomInt } from "node:crypto";
import { performance } from "node:perf_hooks";
import type { Settings } from "../commands/settings.js";
import { SettingsStore } from "../commands/settings-store.js";
import { settingSpecs } from "../commands/settings-table.js";
import type { SkerryConfig } from "../host/config.js";
import { rewriteConfigFile } from "../host/config-rewrite.js";
import { Drive } from "../host/drive.js";
import { allowDeepInlining } from "../host/inlining.js";
import { openFilesMax, processFacts } from "../host/process-facts.js";
import { SystemClock } from "../host/system-clock.js";
import { TcpHost } from "../host/tcp-host.js";
import { seedHash } from "../keyspace/hash.js";
import { allTables } from "../node/commands.js";
import type { NodeEffects } from "../node/effects.js";
import { Node } from "../node/node.js";
import { CliError, packageFolder, packageVersion } from "./cli.js";
import { startCluster } from "./serve-cluster.js";
import { openStorage } from "./serve-storage.js";

/** How many ports are tried when nobody asked for a particular one. */
const portTriesMax = 100;
/** Files that the node itself needs beside its clients' sockets. */
const reservedFiles = 32;

/** Resolves once the node has stopped. */
export async function serve(config: SkerryConfig): Promise<void> {
  allowDeepInlining();
  const { settings, sources } = config;
  const clock = new SystemClock();
  const now = (): number => clock.exact();
  const { readBytes, outputBytesMax } = settings;
  const host = new TcpHost(now, { readBytes, outputBytesMax });
  seedHash(randomInt(2 ** 32), randomInt(2 ** 32));
  const seed = randomInt(2 ** 47);
  const store = newStore(config);
  const port = await listen(host, config);
  store.load("port", String(port));
  limitClients(store);
  const configFile = ownFile(config);
  const facts = processFacts({ version: packageVersion(), port, configFile });
  const storage = await openStorage(config, store);
  const cluster = await startCluster(config, { port, now, startedMs: facts.startedMs });
  const effects: NodeEffects = Object.assign(host, {
    send: cluster?.host.send ?? (() => {}),
    persist: (lsn: number) => node.persisted(lsn),
  });
  const node = new Node(
    {
      name: settings.replicaName,
      members: [settings.replicaName],
      incarnation: 1,
      ...cluster?.options,
      ...storage?.identify(cluster?.options),
      consistency: { default: settings.consistency, prefixes: settings.consistencyPrefixes },
      seed,
      commands: allTables,
      settings: store,
      facts,
      databaseCount: store.number("databases"),
      measureMicros: () => performance.now() * 1000,
    },
    effects,
  );
  node.environment.rewriteConfig = () => rewriteConfigFile(configFile, changedParameters(store));
  host.attach(node);
  const drive = new Drive(node, now);
  storage?.attach(node, drive, now);
  host.onTurn = () => drive.turn();
  drive.isMoreAtHand = () => host.hasReads;
  if (cluster !== undefined) {
    cluster.host.onTurn = host.onTurn;
    cluster.host.attach(node);
  }
  drive.start();
  const where = `${settings.bind[0] ?? "127.0.0.1"}:${port}`;
  const wasMoved = sources.port.kind === "default" && port !== settings.port;
  const moved = wasMoved ? ` (port ${settings.port} is taken)` : "";
  process.stdout.write(`Skerry ${facts.version} serves Redis clients on ${where}${moved}\n`);
  process.stdout.write(` PID: ${process.pid}\n`);
  if (cluster !== undefined) process.stdout.write(`${cluster.line}\n`);
  process.stdout.write(`Ready to accept connections: redis-cli -p ${port}\n`);
  // A node that does not fit its cluster must not serve beside it.
  const refusal = await Promise.race([untilStopped(host), ...(cluster ? [cluster.refused] : [])]);
  host.quiesce();
  await storage?.drain();
  await host.stop();
  drive.stop();
  await storage?.close();
  await cluster?.host.stop();
  if (refusal !== undefined) throw refusal;
}

/** Redis's parameters, as far as the configuration says something about them. */
function newStore({ settings }: SkerryConfig): SettingsStore {
  const store = new SettingsStore({
    bind: settings.bind.join(" "),
    maxclients: String(settings.clientCountMax),
    timeout: String(settings.idleTimeoutS),
    databases: String(settings.databases),
    "client-query-buffer-limit": String(settings.queryBytesMax),
    requirepass: settings.password,
  });
  for (const [name, value] of Object.entries(settings.parameters)) {
    const text = typeof value === "boolean" ? (value ? "yes" : "no") : String(value);
    const refusal = hasOwnKey.has(name)
      ? `it has a key of its own: server.${name}`
      : store.load(name, text);
    if (refusal !== undefined) throw new CliError(`redis.${name}: ${refusal}`);
  }
  return store;
}

/** Parameters whose value the listener decides; the table `[redis]` cannot. */
const hasOwnKey = new Set(["port", "bind"]);

async function listen(host: TcpHost, { settings, sources }: SkerryConfig): Promise<number> {
  try {
    return await host.listen({
      bind: settings.bind.length === 0 ? "127.0.0.1" : settings.bind,
      port: settings.port,
      portTries: sources.port.kind === "default" ? portTriesMax : 0,
    });
  } catch (error) {
    throw new CliError(`Failed listening on port ${settings.port}: ${(error as Error).message}`);
  }
}

/** As many clients as the system has files for; CONFIG SET cannot ask for more either. */
function limitClients(store: SettingsStore): void {
  const countMax = openFilesMax() - reservedFiles;
  const wanted = store.number("maxclients");
  if (wanted > countMax) {
    store.load("maxclients", String(Math.max(1, countMax)));
    process.stderr.write(
      `skerry: maxclients is ${countMax} and not ${wanted}, for the system allows this process ` +
        `${countMax + reservedFiles} open files (ulimit -n)\n`,
    );
  }
  store.onApply("maxclients", (value) =>
    Number(value) <= countMax
      ? undefined
      : "The operating system is not able to handle the specified number of clients, " +
        `try with ${countMax}`,
  );
}

/** The file that CONFIG REWRITE may replace: the operator's, never the one of the package. */
function ownFile({ file }: SkerryConfig): string {
  return file === undefined || file.startsWith(packageFolder()) ? "" : file;
}

/** Parameters that stand otherwise than a node without any configuration would have them. */
function changedParameters(store: Settings): Map<string, string> {
  const changed = new Map<string, string>();
  for (const { name, initial } of settingSpecs) {
    const value = store.get(name)!;
    if (value !== initial && !hasOwnKey.has(name)) changed.set(name, value);
  }
  return changed;
}

function untilStopped(host: TcpHost): Promise<void> {
  return new Promise((resolve) => {
    host.onShutdown = () => resolve();
    process.once("SIGTERM", () => resolve());
    process.once("SIGINT", () => resolve());
  });
}
