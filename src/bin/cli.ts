// The command line of Skerry. Commands are declared here and live in modules of their own, which
// are imported only when they run: a Maelstrom node must not pay for the TCP host, nor `--help` for
// either.

import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Command, Option } from "commander";
import type { SkerryConfig } from "../host/config.js";
import { type SettingName, settingNames, settingOf, settings } from "../host/config-table.js";
import type { ImportOptions } from "./import.js";
import type { MaelstromOptions } from "./maelstrom-options.js";
import { integer } from "./option-values.js";
import type { InspectOptions, RestoreOptions } from "./store-tools.js";

/** What the command line touches outside itself; tests pass their own. */
export interface CliPorts {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly out: (line: string) => void;
  readonly err: (line: string) => void;
  readonly serve: (config: SkerryConfig) => Promise<void>;
  readonly maelstrom: (options: MaelstromOptions) => Promise<void>;
  readonly backup: (config: SkerryConfig, folder: string) => Promise<void>;
  readonly restore: (config: SkerryConfig, options: RestoreOptions) => Promise<void>;
  readonly inspect: (config: SkerryConfig, options: InspectOptions) => Promise<void>;
  readonly importFile: (options: ImportOptions) => Promise<void>;
}

/** Stops the program with exit code 1 after its lines were told. */
export class CliError extends Error {
  override readonly name = "CliError";
}

const modes = settings.consistency.schema.enum as string[];

/** The whole command line, ready to `parseAsync`. */
export function newProgram(ports: CliPorts): Command {
  const program = new Command("skerry")
    .description("A distributed key-value node: Redis outside, CRDTs inside.")
    .version(packageVersion(), "-V, --version", "print the version")
    .configureOutput({ writeOut: (text) => ports.out(text.trimEnd()), writeErr: tellError(ports) })
    .showHelpAfterError("(skerry --help lists the commands)")
    .exitOverride();
  addServe(program, ports);
  addMaelstrom(program, ports);
  addStoreTools(program, ports);
  addImport(program, ports);
  program.hook("preSubcommand", async (_program, command) => {
    if (command.name() === "serve") await addParameters(command);
  });
  return program;
}

/**
 * Every parameter of CONFIG is a flag too, as of redis-server; `--help` has enough without them.
 */
async function addParameters(command: Command): Promise<void> {
  const { settingSpecs } = await import("../commands/settings-table.js");
  for (const name of settingSpecs.flatMap((spec) => [spec.name, ...(spec.aliases ?? [])])) {
    const option = new Option(`--${name} <value>`).hideHelp();
    if (command.options.some((known) => known.long === option.long)) continue;
    command.addOption(
      option.argParser((value: string) => {
        parametersOf(command).set(name, value);
        return value;
      }),
    );
  }
}

const parameters = new WeakMap<Command, Map<string, string>>();

/** The parameters given to a command line, as flags. */
function parametersOf(command: Command): Map<string, string> {
  const given = parameters.get(command) ?? new Map<string, string>();
  parameters.set(command, given);
  return given;
}

const tellError = (ports: CliPorts) => (text: string) => ports.err(text.trimEnd());

function addServe(program: Command, ports: CliPorts): void {
  const command = program
    .command("serve")
    .description("start a node that speaks the Redis protocol")
    .option("--config <file>", "read this file instead of perf_config.toml")
    .option("--redis-conf <file>", "take port, bind and parameters of CONFIG from a redis.conf")
    .option("--print-config", "print every setting with its source, then stop")
    .showHelpAfterError("(skerry serve --help lists the flags)")
    .allowExcessArguments(false);
  for (const name of settingNames) {
    const option = flagOf(name);
    if (option !== undefined) command.addOption(option);
  }
  command.action(async (options: Readonly<Record<string, unknown>>) => {
    const { describeConfig } = await import("../host/config.js");
    const config = await readConfig(options, parametersOf(command), ports);
    if (options.printConfig === true) for (const line of describeConfig(config)) ports.out(line);
    else await ports.serve(config);
  });
}

/** The settings by which these commands find a store and a folder. */
const storeFlags = new Set<SettingName>(
  settingNames.filter((name) => /^(replicaName|dataPath|walFolder|store|s3)/.test(name)),
);

function addStoreTools(program: Command, ports: CliPorts): void {
  const add = (name: string, does: string): Command => {
    const command = program
      .command(name)
      .description(does)
      .option("--config <file>", "read this file instead of perf_config.toml")
      .showHelpAfterError(`(skerry ${name} --help lists the flags)`)
      .allowExcessArguments(false);
    for (const setting of storeFlags) {
      const option = flagOf(setting);
      if (option !== undefined) command.addOption(option);
    }
    return command;
  };
  const none = new Map<string, string>();
  const from = "a folder with a backup, instead of the configured store";
  add("backup", "copy what the object store holds into a folder")
    .argument("<folder>", "an empty folder, or a new one")
    .action(async (folder: string, options: Readonly<Record<string, unknown>>) =>
      ports.backup(await readConfig(options, none, ports), folder),
    );
  add("restore", "fill an empty data folder from the object store or a backup")
    .option("--from <folder>", from)
    .option("--to <time>", "the state at this moment, such as 2026-11-20T12:00:00Z")
    .action(async (options: Readonly<Record<string, string | undefined>>) => {
      const config = await readConfig(options, none, ports);
      await ports.restore(config, { from: options.from, to: options.to });
    });
  add("inspect", "list what the object store or a backup holds")
    .option("--from <folder>", from)
    .option("--verify", "read every object and check it")
    .action(async (options: Readonly<Record<string, unknown>>) => {
      const folder = typeof options.from === "string" ? options.from : undefined;
      const config = await readConfig(options, none, ports);
      await ports.inspect(config, { from: folder, isThorough: options.verify === true });
    });
}

/** The flag of a setting; given several times its texts are one list. */
function flagOf(name: SettingName): Option | undefined {
  const { flag, doc, expects, default: usual } = settingOf(name);
  if (flag === undefined) return undefined;
  const shown = typeof usual === "object" ? Object.values(usual as object).join(",") : usual;
  const preset = shown === "" ? "" : ` (default ${shown})`;
  const isList = typeof usual === "object";
  const option = new Option(`--${flag} <value>`, `${doc}: ${expects}${preset}`);
  return isList
    ? option.argParser((text: string, before: string | undefined) =>
        before === undefined ? text : `${before},${text}`,
      )
    : option;
}

async function readConfig(
  options: Readonly<Record<string, unknown>>,
  parameters: ReadonlyMap<string, string>,
  ports: CliPorts,
): Promise<SkerryConfig> {
  const { describeError, loadConfig } = await import("../host/config.js");
  const values: Partial<Record<SettingName, string>> = {};
  for (const name of settingNames) {
    const text = options[flagOf(name)?.attributeName() ?? ""];
    if (typeof text === "string") values[name] = text;
  }
  const conf = await readRedisFile(options.redisConf, ports);
  const { port, bind, ...rest } = Object.fromEntries(conf);
  if (port !== undefined) values.port ??= port;
  if (bind !== undefined) values.bind ??= (await import("../host/redis-conf.js")).bindOf(bind);
  // A flag comes before what a file says.
  const lines = Object.entries({ ...rest, ...Object.fromEntries(parameters) }).map(
    ([name, value]) => `${name}=${value}`,
  );
  if (lines.length > 0) values.parameters = lines.join("\n");
  const file = typeof options.config === "string" ? { file: options.config } : {};
  const loaded = loadConfig({ ...file, values }, ports.env, readFileIfAny, packageFolder());
  if (loaded.ok) return loaded.value;
  for (const error of loaded.error) ports.err(`skerry: ${describeError(error)}`);
  throw new CliError("the configuration is not usable");
}

/** The parameters of a redis.conf; none without a file. @throws CliError */
async function readRedisFile(path: unknown, ports: CliPorts): Promise<ReadonlyMap<string, string>> {
  if (typeof path !== "string") return new Map();
  const { describeError } = await import("../host/config.js");
  const { readRedisConf } = await import("../host/redis-conf.js");
  const text = readFileIfAny(path);
  if (text === undefined) throw new CliError(`--redis-conf: there is no file ${path}`);
  const read = readRedisConf(text, path);
  if (read.ok) return read.value;
  for (const error of read.error) ports.err(`skerry: ${describeError(error)}`);
  throw new CliError("the configuration is not usable");
}

function addMaelstrom(program: Command, ports: CliPorts): void {
  program
    .command("maelstrom")
    .description("run one Maelstrom node on stdin and stdout")
    .addOption(
      new Option("--consistency <mode>", "mode of every key (default: by workload)").choices(modes),
    )
    .option("--port <P>", "node nK also serves Redis clients on 127.0.0.1:P+K", integer(1, 65_000))
    .option("--seed <number>", "seed of random choices", integer(0, Number.MAX_SAFE_INTEGER))
    .option("--data-dir <folder>", "node nK keeps a log in <folder>/nK, forced before each reply")
    .option("--trace", "one line per message on stderr")
    .showHelpAfterError("(skerry maelstrom --help lists the flags)")
    .allowExcessArguments(false)
    .action(async (options: Readonly<Record<string, unknown>>) => {
      await ports.maelstrom({
        // Commander has checked the choice and the integers.
        consistency: options.consistency as MaelstromOptions["consistency"],
        port: options.port as number | undefined,
        seed: options.seed as number | undefined,
        dataFolder: options.dataDir as string | undefined,
        isTraced: options.trace === true,
      });
    });
}

function addImport(program: Command, ports: CliPorts): void {
  program
    .command("import")
    .description("bring the keys of an RDB file, of Redis up to 7.0, into a node that runs")
    .argument("<file>", "the file, dump.rdb")
    .option("--host <address>", "where the node listens", "127.0.0.1")
    .option("--port <number>", "its port", integer(1, 65_535), 6379)
    .option("--user <name>", "whom to authenticate as")
    .option("--password <text>", "its password; REDISCLI_AUTH in the environment serves as well")
    .option("--replace", "write over keys that are there; they stay otherwise")
    .showHelpAfterError("(skerry import --help lists the flags)")
    .allowExcessArguments(false)
    .action(async (file: string, options: Readonly<Record<string, unknown>>) => {
      await ports.importFile({
        file,
        host: options.host as string,
        port: options.port as number,
        user: options.user as string | undefined,
        password: (options.password as string | undefined) ?? ports.env.REDISCLI_AUTH,
        mayReplace: options.replace === true,
      });
    });
}

function readFileIfAny(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw new CliError(`cannot read ${path}: ${(error as Error).message}`);
  }
}

/** The folder of package.json, above the sources as well as above dist. */
export function packageFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "package.json"))) {
    const parent = dirname(folder);
    if (parent === folder) throw new CliError("the program lies outside of its package");
    folder = parent;
  }
  return folder;
}

export function packageVersion(): string {
  const text = readFileSync(join(packageFolder(), "package.json"), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}
