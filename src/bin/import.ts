// `skerry import FILE.rdb`: brings the keys of an RDB file into a node that runs, by RESTORE. The
// file is read twice: first all of it is checked, to its checksum, so that a file that is cut or
// damaged changes nothing; then its keys are sent. Reading and sending are bounded: one chunk of
// the file, the item that is not complete yet, and what the connection has on its way.
//
// Keys past their deadline are left out, as Redis leaves them out when it loads. Left out:
// libraries of functions, which are counted and told.

import { createReadStream, statSync } from "node:fs";
import { type Bytes, latin1, MalformedBytes, utf8 } from "../base/bytes.js";
import { RedisLink } from "../host/redis-link.js";
import { RdbFileDecoder, type RdbItem, type RdbKey } from "../rdb/file.js";
import { sealEncoded } from "../rdb/payload.js";
import { CliError } from "./cli.js";

export interface ImportOptions {
  readonly file: string;
  readonly host: string;
  readonly port: number;
  readonly user: string | undefined;
  readonly password: string | undefined;
  /** Write over keys that are there. */
  readonly mayReplace: boolean;
}

/** What became of the file's keys. */
export interface ImportSummary {
  imported: number;
  expired: number;
  /** There before, and left as they were. */
  kept: number;
  refused: number;
  functions: number;
}

const chunkBytes = 256 * 1024;
const progressMs = 1000;
/** So many refusals are told; then it goes on silently, up to the second number, and stops. */
const toldMax = 10;
const refusedMax = 100;

/**
 * @param say tells a line of progress or of what was refused
 * @throws CliError: the file is not usable, or the node cannot be reached; the text says what was
 * done until then
 */
export async function importFile(
  options: ImportOptions,
  say: (line: string) => void,
): Promise<ImportSummary> {
  const bytes = sizeOf(options.file);
  const { keys, functions } = await check(options.file, bytes, say);
  say(`${options.file} is whole: ${keys} keys`);
  const link = await connectTo(options);
  const importer = new Importer(options, link, say);
  importer.summary.functions = functions;
  try {
    await eachItem(options.file, bytes, progressTeller("importing", bytes, say), (item) =>
      importer.take(item),
    );
    await link.drain();
  } catch (error) {
    const { imported } = importer.summary;
    throw new CliError(`${(error as Error).message}; ${imported} of ${keys} keys were imported`);
  } finally {
    link.close();
  }
  return importer.summary;
}

function sizeOf(file: string): number {
  try {
    return statSync(file).size;
  } catch (error) {
    throw new CliError(`cannot read ${file}: ${(error as Error).message}`);
  }
}

/** Reads everything and keeps nothing. @throws CliError */
async function check(
  file: string,
  bytes: number,
  say: (line: string) => void,
): Promise<{ keys: number; functions: number }> {
  const found = { keys: 0, functions: 0 };
  await eachItem(file, bytes, progressTeller("checking", bytes, say), (item) => {
    if (item.kind === "key") found.keys++;
    if (item.kind === "function") found.functions++;
  });
  return found;
}

async function eachItem(
  file: string,
  bytes: number,
  onProgress: (done: number) => void,
  take: (item: RdbItem) => Promise<void> | void,
): Promise<void> {
  const decoder = new RdbFileDecoder();
  let done = 0;
  const takeAll = async (items: readonly RdbItem[]): Promise<void> => {
    for (const item of items) {
      const wait = take(item);
      if (wait !== undefined) await wait;
    }
  };
  try {
    for await (const chunk of createReadStream(file, { highWaterMark: chunkBytes })) {
      await takeAll(decoder.push(chunk as Buffer));
      done += (chunk as Buffer).length;
      onProgress(done);
    }
    await takeAll(decoder.finish());
  } catch (error) {
    if (error instanceof MalformedBytes)
      throw new CliError(
        `${file}: ${error.message} (found before byte ${Math.min(done + chunkBytes, bytes)})`,
      );
    if (error instanceof Error && "syscall" in error)
      throw new CliError(`cannot read ${file}: ${error.message}`);
    throw error;
  }
}

function progressTeller(
  what: string,
  bytes: number,
  say: (line: string) => void,
): (done: number) => void {
  const begunMs = Date.now();
  let toldMs = begunMs;
  return (done) => {
    const nowMs = Date.now();
    if (nowMs - toldMs < progressMs) return;
    toldMs = nowMs;
    const left = Math.ceil(((bytes - done) * (nowMs - begunMs)) / done / 1000);
    say(`${what}: ${Math.floor((done / bytes) * 100)} %, about ${left} s left`);
  };
}

async function connectTo({ host, port, user, password }: ImportOptions): Promise<RedisLink> {
  let link: RedisLink | undefined;
  try {
    link = await RedisLink.connect(host, port);
    if (password !== undefined)
      await link.call("AUTH", ...(user === undefined ? [] : [user]), password);
    await link.call("PING");
    return link;
  } catch (error) {
    link?.close();
    throw new CliError(`${host}:${port}: ${(error as Error).message}; nothing was imported`);
  }
}

class Importer {
  readonly summary: ImportSummary = {
    ...{ imported: 0, expired: 0, kept: 0, refused: 0, functions: 0 },
  };
  readonly #options: ImportOptions;
  readonly #link: RedisLink;
  readonly #say: (line: string) => void;
  #database = 0;
  /** Why it cannot go on. */
  #failure: Error | undefined;

  constructor(options: ImportOptions, link: RedisLink, say: (line: string) => void) {
    this.#options = options;
    this.#link = link;
    this.#say = say;
  }

  async take(item: RdbItem): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    if (item.kind === "key") await this.#restore(item);
  }

  async #restore(item: RdbKey): Promise<void> {
    const { key, deadlineMs } = item;
    if (deadlineMs !== undefined && deadlineMs <= Date.now()) {
      this.summary.expired++;
      return;
    }
    if (item.database !== this.#database) {
      // What is on its way belongs to the other database; its replies come first all the same.
      this.#database = item.database;
      await this.#link.call("SELECT", String(item.database));
    }
    const argv = requestOf(item, this.#options.mayReplace);
    await this.#link.push(argv, (error) => this.#onReply(latin1(key), error));
  }

  #onReply(key: string, error: string | undefined): void {
    const { summary } = this;
    if (error === undefined) summary.imported++;
    else if (error.startsWith("BUSYKEY")) summary.kept++;
    else {
      if (summary.refused++ < toldMax) this.#say(`${JSON.stringify(key)} was refused: ${error}`);
      if (summary.refused === refusedMax)
        this.#failure = new Error(`stopped after ${refusedMax} keys were refused`);
    }
  }
}

/** RESTORE with all that the file says of the key. */
function requestOf(item: RdbKey, mayReplace: boolean): Bytes[] {
  const { key, deadlineMs = 0, idleSeconds, frequency } = item;
  const argv = [utf8("RESTORE"), key, utf8(String(deadlineMs))];
  argv.push(sealEncoded(item.type, item.encoded));
  if (deadlineMs > 0) argv.push(utf8("ABSTTL"));
  if (mayReplace) argv.push(utf8("REPLACE"));
  if (idleSeconds !== undefined) argv.push(utf8("IDLETIME"), utf8(String(idleSeconds)));
  else if (frequency !== undefined) argv.push(utf8("FREQ"), utf8(String(frequency)));
  return argv;
}

/** The command: imports, tells what became of the keys; exit code 1 if not all are there. */
export async function runImport(options: ImportOptions): Promise<void> {
  const say = (line: string): void => {
    process.stderr.write(`skerry: ${line}\n`);
  };
  const summary = await importFile(options, say);
  const { imported, expired, kept, refused, functions } = summary;
  process.stdout.write(`imported ${imported} keys\n`);
  if (expired > 0) say(`${expired} keys had expired and were left out`);
  if (functions > 0) say(`${functions} libraries of functions were left out`);
  if (kept > 0) say(`${kept} keys were there already and stayed (--replace writes over them)`);
  if (refused > 0) say(`${refused} keys were refused`);
  if (kept + refused > 0) process.exitCode = 1;
}
