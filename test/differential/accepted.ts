// Differences from redis-server 7.0.15 that we keep on purpose: at most twenty rows, each with the
// exact commands that show it and the reason. A row matches one step and the two replies to it,
// nothing more; a test counts the rows and demands that each still has its commands and its reason.

import { sameAtEveryDepth } from "./compare.js";
import { parseReply } from "./resp-client.js";
import type { Step } from "./step.js";

export interface AcceptedDifference {
  readonly name: string;
  /** Commands that show the difference, as typed into redis-cli. */
  readonly commands: readonly string[];
  readonly reason: string;
  matches(step: Step, ours: string, theirs: string): boolean;
}

export const acceptedMax = 20;

/** Key specs of COMMAND INFO without their remarks: an attribute less in each. */
const withoutNotes = (reply: string): string =>
  reply.replaceAll(
    /([*%])(\d+)\r\n\$5\r\nnotes\r\n\$\d+\r\n[^\r]*\r\n/g,
    (_, type: string, count: string) => `${type}${Number(count) - (type === "*" ? 2 : 1)}\r\n`,
  );

const isSame = (ours: string, theirs: string, step: Step): boolean => {
  const [a, b] = [ours, theirs].map((reply) => parseReply(Buffer.from(reply, "latin1")));
  return sameAtEveryDepth(a!, b!, step);
};

const isWord = (step: Step, at: number, word: string): boolean =>
  step.argv[at]?.toUpperCase() === word;

export const acceptedDifferences: readonly AcceptedDifference[] = [
  {
    name: "HELP is in our own words",
    commands: ["OBJECT HELP", "CONFIG HELP", "MEMORY HELP", "SLOWLOG HELP", "LATENCY HELP"],
    reason:
      "The lines are prose for people; ours follow from the command table, so they cannot be wrong.",
    matches: (step, ours, theirs) =>
      step.argv.length === 2 && isWord(step, 1, "HELP") && ours[0] === "*" && theirs[0] === "*",
  },
  {
    name: "COMMAND INFO without remarks on keys",
    commands: ["COMMAND INFO set", "COMMAND INFO getex"],
    reason: "The remarks are prose about Redis's sources; no client reads them.",
    matches: (step, ours, theirs) =>
      isWord(step, 0, "COMMAND") &&
      isWord(step, 1, "INFO") &&
      isSame(ours, withoutNotes(theirs), step),
  },
  {
    name: "an error shows a word past its NUL byte",
    commands: ['"SET\\x00"', 'OBJECT "\\x00\\xff"'],
    reason:
      "Redis prints errors as C strings and loses the rest of the word; ours shows what was sent.",
    matches: (_step, ours, theirs) =>
      ours[0] === "-" && theirs[0] === "-" && ours.replaceAll(/\0[^']*/g, "") === theirs,
  },
  {
    name: "a command's name with a NUL byte in it",
    commands: ['"SET\\x00" k v'],
    reason:
      "Redis compares names as C strings and may run SET; no command of ours has such a name.",
    matches: (step, ours) =>
      (step.argv[0]?.includes("\0") ?? false) && ours.startsWith("-ERR unknown command"),
  },
  {
    name: "a copied small integer is shared",
    commands: ["SET a 0", "COPY a b", "OBJECT REFCOUNT b"],
    reason:
      "Redis shares its objects for 0 to 9999 unless they were copied; nothing is shared here, and the count follows from the value.",
    matches: (step, ours, theirs) =>
      isWord(step, 0, "OBJECT") &&
      isWord(step, 1, "REFCOUNT") &&
      ours === ":2147483647\r\n" &&
      theirs === ":1\r\n",
  },
];

/** The row that explains this difference, if any. Replies are latin1 text of the raw frames. */
export const explanationOf = (
  step: Step,
  ours: Buffer,
  theirs: Buffer,
): AcceptedDifference | undefined =>
  acceptedDifferences.find((row) =>
    row.matches(step, ours.toString("latin1"), theirs.toString("latin1")),
  );
