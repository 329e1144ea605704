// Makes a checkout ready to run: packages installed, sources compiled, and for the tests the Debian
// packages they drive. Each step is skipped when a stamp shows it has been done for exactly these
// inputs; the check costs a few milliseconds, because every node that Maelstrom spawns goes through
// it. Plain ESM without packages (nothing is installed yet), and silent on stdout, which belongs to
// the program.

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { withLock } from "./lock.mjs";

/** The folder of the checkout, with a slash at its end. */
export const root = fileURLToPath(new URL("..", import.meta.url));

const lockPath = join(root, ".cache", "setup.lock");
const installStampPath = join(root, "node_modules", ".skerry-installed");
const buildStampPath = join(root, "dist", ".skerry-built");
const sourceFolders = ["src", "maelstrom", "scripts", "test"];
const buildInputs = ["tsconfig.json", "package-lock.json"];

const isCi = () => process.env.CI === "true" || process.env.CI === "1";

/** Progress goes to stderr: the first line on stdout is the server's. */
export const say = (line) => process.stderr.write(`skerry: ${line}\n`);

/** Stops the program with a reason instead of a stack trace. */
export class SetupError extends Error {}

/** Packages installed and sources compiled. Answers at once when both stamps are fresh. */
export async function ensureReady() {
  if (isInstalled() && isBuilt()) return;
  await withLock(lockPath, say, async () => {
    // Whoever held the lock before may have done the work.
    if (!isInstalled()) await install();
    if (!isBuilt()) await compile();
  });
}

/** Compiles whatever the stamp says. @returns whether the compiler found no error. */
export async function build() {
  return await withLock(lockPath, say, async () => {
    if (!isInstalled()) await install();
    return await compile();
  });
}

function isInstalled() {
  const wanted = digestOf(read(join(root, "package-lock.json")));
  if (read(installStampPath).trim() === wanted) return true;
  if (!isSameTree()) return false;
  writeFileSync(installStampPath, `${wanted}\n`); // Installed by hand; nothing to repeat.
  return true;
}

/** Whether npm's own record of node_modules names every package of the lock file in its version. */
function isSameTree() {
  const installed = parse(read(join(root, "node_modules", ".package-lock.json")))?.packages;
  const wanted = parse(read(join(root, "package-lock.json")))?.packages;
  if (installed === undefined || wanted === undefined) return false;
  return Object.entries(wanted).every(
    ([path, { version, optional }]) =>
      path === "" || installed[path]?.version === version || (optional && !(path in installed)),
  );
}

async function install() {
  say("installing packages (npm ci)");
  const npm = process.env.npm_execpath;
  const [program, first] = npm?.endsWith(".js") ? [process.execPath, [npm]] : ["npm", []];
  // The compiler is a development dependency, so NODE_ENV=production must not leave it out.
  const flags = ["ci", "--include=dev", "--no-audit", "--no-fund", "--loglevel=error"];
  const { code } = await run(program, [...first, ...flags], "inherit");
  if (code !== 0) throw new SetupError(`npm ci failed (exit ${code}); its own message is above`);
  writeFileSync(installStampPath, `${digestOf(read(join(root, "package-lock.json")))}\n`);
}

function isBuilt() {
  return read(buildStampPath).trim() === sourceFingerprint();
}

/**
 * Runs the compiler. Type errors do not keep the program from starting (JavaScript is emitted all
 * the same, and `npm test` and `npm run check` fail on them); they are only said.
 */
async function compile() {
  const startedAt = Date.now();
  // Taken before: a file saved while the compiler runs makes the next start compile again.
  const fingerprint = sourceFingerprint();
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
  const { code, output } = await run(process.execPath, [tsc, "-p", root], "pipe");
  if (code !== 0) {
    process.stderr.write(output);
    say(`the compiler found errors (tsc exit ${code})`);
  }
  // Only makes starts quicker, so a failure here is no failure of the build.
  await run(process.execPath, [join(root, "dist", "scripts", "compile-checks.js")], "pipe");
  mkdirSync(join(root, "dist"), { recursive: true });
  writeFileSync(buildStampPath, `${fingerprint}\n`);
  say(`compiled in ${((Date.now() - startedAt) / 1000).toFixed(1)} s`);
  return code === 0;
}

/** Names, sizes and modification times of everything the compiler reads. */
function sourceFingerprint() {
  const hash = createHash("sha1");
  const add = (path) => {
    const { mtimeMs, size } = statSync(join(root, path));
    hash.update(`${path} ${mtimeMs} ${size}\n`);
  };
  const walk = (folder) => {
    const entries = readdirSync(join(root, folder), { withFileTypes: true });
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory()) walk(path);
      else if (/\.(ts|json)$/.test(entry.name)) add(path);
    }
  };
  for (const path of buildInputs) add(path);
  for (const folder of sourceFolders) if (existsSync(join(root, folder))) walk(folder);
  return hash.digest("hex");
}

/** What the tests drive besides Node, and the Debian package that brings it. */
const components = [
  { program: "redis-server", package: "redis-server", for: "differential tests and benchmarks" },
  { program: "redis-cli", package: "redis-tools", for: "client tests" },
  { program: "redis-benchmark", package: "redis-tools", for: "benchmarks" },
  { program: "tclsh", package: "tcl", for: "Redis's own test suite" },
  { program: "strace", package: "strace", for: "the order of system calls of the log" },
  { program: "strace", package: "strace", for: "tests that count system calls" },
  { program: "chromium", package: "chromium", for: "the page of a simulated run" },
];

/**
 * Sees to the Debian packages of the tests. What cannot be had is a failure in CI (a test that
 * silently did not run proves nothing) and a line on stderr elsewhere.
 */
export async function ensureTestComponents() {
  let missing = missingComponents();
  if (missing.length === 0) return;
  const isRoot = process.getuid?.() === 0;
  if (isRoot && hasProgram("apt-get")) {
    const packages = [...new Set(missing.map((component) => component.package))];
    await withLock(lockPath, say, () => aptInstall(packages));
    missing = missingComponents();
  }
  for (const { program, package: name, for: purpose } of missing)
    say(`not run: ${purpose}, because ${program} is missing (apt-get install ${name})`);
  if (missing.length > 0 && isCi()) throw new SetupError("in CI every component must be there");
}

const missingComponents = () => components.filter(({ program }) => !hasProgram(program));

async function aptInstall(packages) {
  say(`installing Debian packages: ${packages.join(" ")}`);
  // With run level 1 the redis-server package does not start its own server on port 6379.
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" };
  await run("apt-get", ["update", "-qq"], "inherit", env);
  const flags = ["install", "-y", "-qq", "--no-install-recommends"];
  const { code } = await run("apt-get", [...flags, ...packages], "inherit", env);
  if (code !== 0) say(`apt-get exited with ${code}`);
}

function hasProgram(name) {
  const folders = (process.env.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
  return folders.some((folder) => existsSync(join(folder, name)));
}

/** Runs a child whose output goes to stderr ("inherit") or comes back as text ("pipe"). */
function run(program, args, output, env = process.env) {
  return new Promise((resolve) => {
    const sink = output === "inherit" ? 2 : "pipe";
    const child = spawn(program, args, { cwd: root, env, stdio: ["ignore", sink, sink] });
    const chunks = [];
    child.stdout?.on("data", (chunk) => chunks.push(chunk));
    child.stderr?.on("data", (chunk) => chunks.push(chunk));
    child.on("error", (error) => {
      say(`cannot start ${program}: ${error.message}`);
      resolve({ code: 127, output: "" });
    });
    child.on("close", (code, signal) =>
      resolve({ code: code ?? signal, output: Buffer.concat(chunks).toString() }),
    );
  });
}

const digestOf = (text) =>
  `${createHash("sha1").update(text).digest("hex")} ${process.platform} ${process.arch}`;

function read(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
