// `npm run bench -- --persistence`: both servers with their log on, under the same policy, in
// folders of their own on the same disk. Neither rewrites its log meanwhile: redis-server does so
// in a child whose processor time nobody would count.

import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { ServerKind } from "./lib/server-process.js";
import { cacheFolder } from "./project.js";

export type FsyncPolicy = "always" | "everysec" | "no";
export const fsyncPolicies: readonly FsyncPolicy[] = ["always", "everysec", "no"];

export class Durable {
  readonly policy: FsyncPolicy;
  readonly #folder: string;
  #count = 0;

  constructor(policy: FsyncPolicy) {
    this.policy = policy;
    this.#folder = mkdtempSync(join(cacheFolder("bench"), "log-"));
  }

  argsOf(kind: ServerKind): string[] {
    if (kind === "floor") return [];
    const folder = join(this.#folder, String(this.#count++));
    mkdirSync(folder);
    const rewrite = ["--auto-aof-rewrite-percentage", "0"];
    if (kind === "skerry") return ["--data-dir", folder, "--fsync", this.policy, ...rewrite];
    return ["--appendonly", "yes", "--appendfsync", this.policy, "--dir", folder, ...rewrite];
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
