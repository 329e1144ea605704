// Runs Jepsen's own Maelstrom: `npm run maelstrom:official -- -w lin-kv --node-count 5 ... [-- node
// arguments]`. It is taken from MAELSTROM_HOME, else from .cache, else downloaded: one pinned
// release, whose SHA-256 is checked before anything of it is unpacked or run. Needs Java (and tar
// with bzip2 for the download). Exit code: Maelstrom's own; 3 if Maelstrom cannot be had here, 2
// without Java.

import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { defaultBin } from "./default-bin.js";

const VERSION = "v0.2.4";
const URL_OF_RELEASE = `https://github.com/jepsen-io/maelstrom/releases/download/${VERSION}/maelstrom.tar.bz2`;
/**
 * Of the release's archive, as distributions pin it. MAELSTROM_SHA256 overrides it for another
 * build.
 */
const SHA256 = "301ec71d6b12af0d765edb413f5cf5aa1046b5609bd4e31376a0b549548e5799";
const DOWNLOAD_TIMEOUT_MS = 10 * 60_000;

const EXIT_NO_JAVA = 2;
const EXIT_UNAVAILABLE = 3;

/** Maelstrom cannot be had; the message says why and what would help. */
class Unavailable extends Error {
  override readonly name = "Unavailable";
}

/** Puts in what Maelstrom requires: the subcommand, and our node unless another is named. */
export function completeArguments(args: readonly string[], bin: string): string[] {
  const dashes = args.indexOf("--");
  const own = dashes === -1 ? [...args] : args.slice(0, dashes);
  const forNode = dashes === -1 ? [] : args.slice(dashes);
  const subcommands = ["test", "serve", "demo", "doc"];
  const first = own[0];
  if (first === undefined || first.startsWith("-")) own.unshift("test");
  else if (!subcommands.includes(first)) own.splice(0, 1, "test", "-w", first);
  const at = own.indexOf("--bin") + 1;
  if (at > 0 && own[at] !== undefined)
    own[at] = resolve(own[at]); // It runs in a folder of its own.
  else if (own[0] === "test") own.push("--bin", bin);
  return [...own, ...forNode];
}

/** The program `maelstrom`, downloaded if need be. Throws `Unavailable`. */
async function provideMaelstrom(cacheFolder: string): Promise<string> {
  const home = process.env.MAELSTROM_HOME;
  if (home !== undefined && home !== "") {
    const program = join(home, "maelstrom");
    if (existsSync(program)) return program;
    throw new Unavailable(`MAELSTROM_HOME is ${home}, but there is no file maelstrom in it`);
  }
  const folder = join(cacheFolder, `maelstrom-${VERSION}`);
  const program = join(folder, "maelstrom", "maelstrom");
  if (!existsSync(program)) await download(folder);
  if (!existsSync(program)) throw new Unavailable("the archive holds no maelstrom/maelstrom");
  return program;
}

async function download(folder: string): Promise<void> {
  process.stderr.write(`downloading Maelstrom ${VERSION} (about 65 MB) ...\n`);
  const archive = await fetchArchive();
  const expected = process.env.MAELSTROM_SHA256 ?? SHA256;
  const found = createHash("sha256").update(archive).digest("hex");
  if (found !== expected) {
    throw new Unavailable(`the archive's SHA-256 is ${found}, expected ${expected}: not used`);
  }
  // Unpacked beside and renamed: a half unpacked folder never looks ready.
  const partial = `${folder}.partial.${process.pid}`;
  mkdirSync(partial, { recursive: true });
  try {
    writeFileSync(join(partial, "maelstrom.tar.bz2"), archive);
    const { status } = spawnSync("tar", ["-xjf", "maelstrom.tar.bz2"], {
      cwd: partial,
      stdio: ["ignore", "inherit", "inherit"],
    });
    if (status !== 0) throw new Unavailable("unpacking needs tar and bzip2");
    rmSync(join(partial, "maelstrom.tar.bz2"));
    rmSync(folder, { recursive: true, force: true });
    renameSync(partial, folder);
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
}

async function fetchArchive(): Promise<Uint8Array> {
  const help = "set MAELSTROM_HOME to an unpacked release to run without a download";
  try {
    const response = await fetch(URL_OF_RELEASE, {
      signal: AbortSignal.timeout(DOWNLOAD_TIMEOUT_MS),
    });
    if (response.ok) return new Uint8Array(await response.arrayBuffer());
    throw new Error(`the answer is ${response.status} ${response.statusText}`);
  } catch (error) {
    const cause = error instanceof Error ? (error.cause ?? error) : error;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Unavailable(`cannot download ${URL_OF_RELEASE}: ${why}; ${help}`);
  }
}

async function main(): Promise<number> {
  if (spawnSync("java", ["-version"], { stdio: "ignore" }).status !== 0) {
    process.stderr.write(
      "Maelstrom needs Java (`java` on the PATH); `npm run maelstrom` does not\n",
    );
    return EXIT_NO_JAVA;
  }
  const bin = defaultBin();
  const cacheFolder = join(dirname(bin), "..", ".cache");
  let program: string;
  try {
    program = await provideMaelstrom(cacheFolder);
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    process.stderr.write(`Maelstrom is not available: ${error.message}\n`);
    return EXIT_UNAVAILABLE;
  }
  const args = completeArguments(process.argv.slice(2), bin);
  // Maelstrom writes its results to ./store.
  const workFolder = join(cacheFolder, "maelstrom-official");
  mkdirSync(workFolder, { recursive: true });
  process.stderr.write(`maelstrom ${args.join(" ")}\nresults in ${join(workFolder, "store")}\n`);
  const child = spawn(program, args, { cwd: workFolder, stdio: "inherit" });
  // It shares our terminal, so an interrupt reaches it directly; we wait for its end.
  process.on("SIGINT", () => {});
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (code) => resolve(code ?? 1));
  });
}

const isProgram = import.meta.url === pathToFileURL(process.argv[1] ?? "").href;
if (isProgram) process.exitCode = await main();
