// CLIENT: what a connection knows and changes of itself and of others. Replies and errors as in
// Redis 7.0.15, with NO-TOUCH and SETINFO of 7.2, which today's client libraries send on
// connecting.
//
// Left out: tracking of keys for client-side caching. TRACKING ON is refused, so that no client
// caches in vain.

import type { Call } from "./call.js";
import { killClients } from "./client-kill.js";
import {
  type ClientType,
  clientLine,
  clientTypeArgument,
  clientTypeOf,
  isPlainWord,
  setClientName,
} from "./client-line.js";
import type { CommandFlag, CommandSpec } from "./command.js";
import { fail } from "./errors.js";
import { adminFlags, container, openFlags } from "./server-spec.js";
import { gate, type Session } from "./session.js";

/** Sessions that are not on their way out, the caller's own always among them. */
function liveSessions(call: Call): Session[] {
  return [...call.environment.sessions()].filter(
    (session) => session === call.session || !session.closeAfterReply,
  );
}

function list(call: Call): void {
  if (call.argc === 2) replyLines(call, liveSessions(call));
  else if (call.argc === 4 && call.is(2, "TYPE")) listType(call);
  else if (call.argc > 3 && call.is(2, "ID")) listIds(call);
  else fail(call, "syntax");
}

function listType(call: Call): void {
  const type: ClientType | undefined = clientTypeArgument(call, 3);
  if (type === undefined) return;
  replyLines(
    call,
    liveSessions(call).filter((session) => clientTypeOf(session) === type),
  );
}

function listIds(call: Call): void {
  const found: Session[] = [];
  for (let index = 3; index < call.argc; index++) {
    const id = call.int64(index);
    if (id === undefined) {
      call.reply.error("ERR Invalid client ID");
      return;
    }
    const session = call.environment.findSession(Number(id));
    if (session !== undefined) found.push(session);
  }
  replyLines(call, found);
}

function replyLines(call: Call, sessions: readonly Session[]): void {
  call.reply.verbatim(sessions.map((session) => `${clientLine(call, session)}\n`).join(""));
}

function replyMode(call: Call): void {
  const { session } = call;
  if (call.is(2, "ON")) {
    session.replyMode = "on";
    session.gates &= ~gate.silent;
    call.reply.ok();
  } else if (call.is(2, "OFF")) {
    session.replyMode = "off";
    session.gates |= gate.silent;
  } else if (call.is(2, "SKIP")) {
    if (session.replyMode === "off") return;
    session.replyMode = "skip-next";
    session.gates |= gate.silent;
  } else {
    fail(call, "syntax");
  }
}

/** ON or OFF as argument 2; undefined after the error was replied. */
function switchArgument(call: Call): boolean | undefined {
  if (call.is(2, "ON")) return true;
  if (call.is(2, "OFF")) return false;
  fail(call, "syntax");
  return undefined;
}

const int64Max = 2n ** 63n - 1n;

function pause(call: Call): void {
  const { environment, reply } = call;
  if (call.argc > 4) {
    failShape(call);
    return;
  }
  const isWrite = call.argc === 4 && call.is(3, "WRITE");
  if (call.argc === 4 && !isWrite && !call.is(3, "ALL")) {
    reply.error("ERR CLIENT PAUSE mode must be WRITE or ALL");
    return;
  }
  const timeoutMs = call.int64(2);
  const nowMs = Math.floor(environment.nowMicros / 1000);
  if (timeoutMs === undefined) reply.error("ERR timeout is not an integer or out of range");
  else if (timeoutMs < 0n) reply.error("ERR timeout is negative");
  else if (timeoutMs > int64Max - BigInt(nowMs)) reply.error("ERR timeout is out of range");
  else {
    environment.pause(nowMs + Number(timeoutMs), isWrite ? "write" : "all");
    reply.ok();
  }
}

/** The container's own error for a subcommand with too many arguments. */
function failShape(call: Call): void {
  call.reply.error(
    `ERR unknown subcommand or wrong number of arguments for '${call.text(1).slice(0, 128)}'. ` +
      "Try CLIENT HELP.",
  );
}

function unblock(call: Call): void {
  const { environment, reply } = call;
  if (call.argc > 4) {
    failShape(call);
    return;
  }
  const withError = call.argc === 4 && call.is(3, "ERROR");
  if (call.argc === 4 && !withError && !call.is(3, "TIMEOUT")) {
    reply.error("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
    return;
  }
  const id = call.int64(2);
  if (id === undefined) {
    fail(call, "notInteger");
    return;
  }
  const session = environment.findSession(Number(id));
  const done =
    session !== undefined && environment.unblock(session, withError ? "error" : "timeout");
  reply.integer(done ? 1 : 0);
}

function tracking(call: Call): void {
  if (call.is(2, "OFF")) call.reply.ok();
  else if (call.is(2, "ON")) {
    call.reply.error("ERR Client tracking is not supported by this node");
  } else fail(call, "syntax");
}

function trackingInfo({ reply }: Call): void {
  reply.map(3);
  reply.bulkText("flags");
  reply.set(1);
  reply.bulkText("off");
  reply.bulkText("redirect");
  reply.integer(-1);
  reply.bulkText("prefixes");
  reply.array(0);
}

function setInfo(call: Call): void {
  const isName = call.is(2, "LIB-NAME");
  if (!isName && !call.is(2, "LIB-VER")) {
    call.reply.error(`ERR Unrecognized option '${call.text(2)}'`);
    return;
  }
  const value = call.text(3);
  if (!isPlainWord(value)) {
    const option = isName ? "lib-name" : "lib-ver";
    call.reply.error(`ERR ${option} cannot contain spaces, newlines or special characters.`);
    return;
  }
  if (isName) call.session.libraryName = value;
  else call.session.libraryVersion = value;
  call.reply.ok();
}

const sub = (
  name: string,
  arity: number,
  flags: readonly CommandFlag[],
  since: string,
  summary: string,
  run: CommandSpec["run"],
  usage?: string,
): CommandSpec => ({
  name,
  arity,
  flags,
  categories: ["connection"],
  summary,
  since,
  group: "connection",
  complexity: "O(1)",
  ...(usage === undefined ? {} : { usage }),
  run,
});

const subcommands: readonly CommandSpec[] = [
  sub(
    "caching",
    3,
    openFlags,
    "6.0.0",
    "Instruct the server about tracking or not keys in the next request",
    ({ reply }) =>
      reply.error(
        "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN " +
          "or OPTOUT mode enabled",
      ),
    "(YES|NO)",
  ),
  sub("getname", 2, openFlags, "2.6.9", "Get the current connection name", ({ reply, session }) => {
    if (session.name === "") reply.nil();
    else reply.bulkText(session.name);
  }),
  sub(
    "getredir",
    2,
    openFlags,
    "6.0.0",
    "Get tracking notifications redirection client ID if any",
    ({ reply }) => reply.integer(-1),
  ),
  sub(
    "id",
    2,
    openFlags,
    "5.0.0",
    "Returns the client ID for the current connection",
    ({ reply, session }) => reply.integer(session.id),
  ),
  sub(
    "info",
    2,
    openFlags,
    "6.2.0",
    "Returns information about the current client connection.",
    (call) => replyLines(call, [call.session]),
  ),
  sub(
    "kill",
    -3,
    adminFlags,
    "2.4.0",
    "Kill the connection of a client",
    killClients,
    "<ip:port> | <option> <value> [<option> <value> [...]]",
  ),
  sub(
    "list",
    -2,
    adminFlags,
    "2.4.0",
    "Get the list of client connections",
    list,
    "[TYPE <type> | ID <id> [...]]",
  ),
  sub(
    "no-evict",
    3,
    adminFlags,
    "7.0.0",
    "Set client eviction mode for the current connection",
    (call) => {
      const on = switchArgument(call);
      if (on === undefined) return;
      call.session.noEvict = on;
      call.reply.ok();
    },
    "(ON|OFF)",
  ),
  sub(
    "no-touch",
    3,
    openFlags,
    "7.2.0",
    "Set whether commands of the current connection leave the access time of keys alone",
    (call) => {
      const on = switchArgument(call);
      if (on === undefined) return;
      call.session.noTouch = on;
      call.reply.ok();
    },
    "(ON|OFF)",
  ),
  sub(
    "pause",
    -3,
    adminFlags,
    "2.9.50",
    "Stop processing commands from clients for some time",
    pause,
    "<timeout> [WRITE|ALL]",
  ),
  sub(
    "reply",
    3,
    openFlags,
    "3.2.0",
    "Instruct the server whether to reply to commands",
    replyMode,
    "(ON|OFF|SKIP)",
  ),
  sub(
    "setinfo",
    4,
    openFlags,
    "7.2.0",
    "Set the name or version of the library that the current connection uses",
    setInfo,
    "(LIB-NAME <name> | LIB-VER <version>)",
  ),
  sub(
    "setname",
    3,
    openFlags,
    "2.6.9",
    "Set the current connection name",
    (call) => {
      if (setClientName(call, 2)) call.reply.ok();
    },
    "<name>",
  ),
  sub(
    "tracking",
    -3,
    openFlags,
    "6.0.0",
    "Enable or disable server assisted client side caching support",
    tracking,
    "(ON|OFF)",
  ),
  sub(
    "trackinginfo",
    2,
    openFlags,
    "6.2.0",
    "Return information about server assisted client side caching for the current connection",
    trackingInfo,
  ),
  sub(
    "unblock",
    -3,
    adminFlags,
    "5.0.0",
    "Unblock a client blocked in a blocking command from a different connection",
    unblock,
    "<id> [TIMEOUT|ERROR]",
  ),
  sub(
    "unpause",
    2,
    adminFlags,
    "6.2.0",
    "Resume processing of clients that were paused",
    ({ environment, reply }) => {
      environment.pause(0, "all");
      reply.ok();
    },
  ),
];

export const clientCommands: readonly CommandSpec[] = [
  container({
    name: "client",
    summary: "A container for client connection commands",
    since: "2.4.0",
    group: "connection",
    subcommands,
  }),
];
