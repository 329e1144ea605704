// Obtains the Tcl test suite of Redis 7.0.15 (BSD-3) without keeping a copy of it in this
// repository. In order: the folder named by REDIS_SRC; the cache of an earlier run; Debian's source
// archive through apt-get with a private source list, so nothing of the system's configuration is
// read or changed. Only the tests are unpacked. The archive is held to a pinned digest, whoever
// delivered it.

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder } from "./project.js";

const archiveName = "redis_7.0.15.orig.tar.gz";
const archiveSha256 = "4b1dc4ee6d622a09fff9c6777191209750fb5e5a725ef78ea012d6eef4c22982";
// `trusted` because the pinned digest above is the stricter check, and the keyring may be absent.
const sourceList = `deb-src [trusted=yes] http://deb.debian.org/debian bookworm main
deb-src [trusted=yes] http://deb.debian.org/debian-security bookworm-security main
`;

export type SuiteSource =
  | { readonly kind: "found"; readonly folder: string; readonly origin: string }
  | { readonly kind: "missing"; readonly reason: string };

const holdsSuite = (folder: string): boolean =>
  existsSync(join(folder, "tests", "test_helper.tcl"));

/** The folder that holds `tests/test_helper.tcl`, fetched when needed. */
export function obtainSuite(): SuiteSource {
  const named = process.env.REDIS_SRC;
  if (named !== undefined && named !== "") {
    if (holdsSuite(named)) return { kind: "found", folder: named, origin: "REDIS_SRC" };
    return { kind: "missing", reason: `REDIS_SRC=${named} has no tests/test_helper.tcl` };
  }
  const cached = join(cacheFolder(), "redis-tests");
  if (holdsSuite(cached)) return { kind: "found", folder: cached, origin: "cache" };
  try {
    unpack(download(), cached);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { kind: "missing", reason: `the Redis tests could not be fetched: ${reason}` };
  }
  return { kind: "found", folder: cached, origin: "apt-get source" };
}

/** Path of the verified archive. */
function download(): string {
  const folder = cacheFolder("redis-source");
  const archive = join(folder, archiveName);
  if (!existsSync(archive)) {
    for (const part of ["lists/partial", "cache/archives/partial"])
      mkdirSync(join(folder, part), { recursive: true });
    writeFileSync(join(folder, "sources.list"), sourceList);
    const options = [
      `Dir::Etc::sourcelist=${join(folder, "sources.list")}`,
      "Dir::Etc::sourceparts=-",
      `Dir::State::lists=${join(folder, "lists")}`,
      `Dir::Cache=${join(folder, "cache")}`,
      "APT::Sandbox::User=", // The cache may lie where apt's own user cannot read.
    ].flatMap((option) => ["-o", option]);
    const run = (...args: string[]): void => {
      execFileSync("apt-get", [...options, ...args], { cwd: folder, stdio: "pipe" });
    };
    run("update");
    run("source", "--download-only", "redis/bookworm-security");
  }
  const digest = createHash("sha256").update(readFileSync(archive)).digest("hex");
  if (digest !== archiveSha256) {
    rmSync(archive);
    throw new Error(`${archiveName} has digest ${digest}, expected ${archiveSha256}`);
  }
  return archive;
}

function unpack(archive: string, folder: string): void {
  const partial = `${folder}.partial`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial, { recursive: true });
  execFileSync("tar", [
    ...["-xzf", archive, "-C", partial, "--strip-components=1", "--wildcards"],
    ...["redis-*/tests", "redis-*/utils/gen-test-certs.sh", "redis-*/COPYING"],
    "redis-*/redis.conf",
  ]);
  mkdirSync(join(partial, "src"), { recursive: true });
  mkdirSync(join(partial, "tests", "tmp"), { recursive: true });
  rmSync(folder, { recursive: true, force: true });
  execFileSync("mv", [partial, folder]);
}
