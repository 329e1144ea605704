// Real nodes for tests: the program as Maelstrom would run it, a router between several, and
// requests. All but the first start go past the launcher, which compiles again whenever a source
// has changed.

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { projectFolder } from "../../scripts/project.js";
import type { Envelope } from "../../src/wire/maelstrom.js";
import type { Fields } from "../../src/wire/maelstrom-exchange.js";

export const launcher = join(projectFolder, "maelstrom", "node");
const program = join(projectFolder, "dist", "src", "bin", "skerry.js");
const answerMs = 15_000;

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export class NodeProcess {
  readonly id: string;
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Lines of stdout that no request waited for. */
  readonly lines: string[] = [];
  stderr = "";
  readonly #onLine: (line: string) => void;
  #rest = "";

  constructor(
    id: string,
    options: { args: readonly string[]; cwd: string; onLine?: (line: string) => void },
  ) {
    this.id = id;
    this.#onLine = options.onLine ?? ((line) => this.lines.push(line));
    // Counts of starts are kept in the temporary folder: each cluster has its own.
    const env = { ...process.env, TMPDIR: options.cwd };
    const args = [program, "maelstrom", ...options.args];
    this.child = spawn(process.execPath, args, { cwd: options.cwd, env });
    this.child.stdout!.setEncoding("utf8").on("data", (text: string) => this.#onText(text));
    this.child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
    });
    this.child.stdin!.on("error", () => {}); // It has ended; `ended` tells.
    this.ended = new Promise((resolve) => {
      this.child.on("close", (code, signal) => resolve({ code, signal }));
    });
  }

  write(text: string | Buffer): void {
    this.child.stdin!.write(text);
  }

  #onText(text: string): void {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop()!;
    for (const line of lines) this.#onLine(line);
  }
}

export class ProcessCluster {
  readonly nodes = new Map<string, NodeProcess>();
  readonly folder = mkdtempSync(join(tmpdir(), "skerry-maelstrom-test-"));
  readonly #args: readonly string[];
  readonly #waiting = new Map<number, (body: Fields) => void>();
  #messageId = 0;

  constructor(ids: readonly string[], args: readonly string[] = []) {
    this.#args = args;
    for (const id of ids) this.spawn(id);
  }

  spawn(id: string): NodeProcess {
    const onLine = (line: string): void => this.#route(JSON.parse(line) as Envelope, line);
    const node = new NodeProcess(id, { args: this.#args, cwd: this.folder, onLine });
    this.nodes.set(id, node);
    return node;
  }

  async init(...only: string[]): Promise<Fields[]> {
    const ids = [...this.nodes.keys()];
    const wanted = only.length > 0 ? only : ids;
    return Promise.all(
      wanted.map((id) => this.ask(id, { type: "init", node_id: id, node_ids: ids })),
    );
  }

  ask(dest: string, body: Fields): Promise<Fields> {
    const msgId = ++this.#messageId;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`no answer to ${JSON.stringify(body)}; ${this.nodes.get(dest)!.stderr}`));
      }, answerMs);
      this.#waiting.set(msgId, (answer) => {
        clearTimeout(timer);
        resolve(answer);
      });
      const message = { src: "c1", dest, body: { msg_id: msgId, ...body } };
      this.nodes.get(dest)!.write(`${JSON.stringify(message)}\n`);
    });
  }

  #route({ dest, body }: Envelope, line: string): void {
    const node = this.nodes.get(dest);
    if (node !== undefined) node.write(`${line}\n`);
    else this.#waiting.get(body.in_reply_to as number)?.(body);
  }

  async stop(): Promise<void> {
    const nodes = [...this.nodes.values()];
    for (const { child } of nodes) child.kill("SIGKILL");
    await Promise.all(nodes.map(({ ended }) => ended));
    rmSync(this.folder, { recursive: true, force: true });
  }
}
