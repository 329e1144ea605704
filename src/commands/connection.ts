// Commands about one's own connection: PING, ECHO, AUTH, HELLO, RESET, QUIT. Texts and order of
// checks as in Redis 7.0.15. SELECT belongs to the keys, CLIENT has a file of its own.

import { authenticate, isAuthenticated, resetAuthentication } from "./authentication.js";
import type { Call } from "./call.js";
import { setClientName } from "./client-line.js";
import type { CommandSpec } from "./command.js";
import { fail, failArity } from "./errors.js";
import { openFlags } from "./server-spec.js";
import { gate } from "./session.js";

/** What clients are told the server is: programs choose their commands by it. */
export const redisVersion = "7.0.15";

const wrongPassword = "WRONGPASS invalid username-password pair or user is disabled.";

function ping(call: Call): void {
  const { reply, session } = call;
  if (call.argc > 2) {
    failArity(call);
  } else if ((session.gates & gate.subscribed) !== 0 && !session.resp3) {
    // A subscribed RESP2 connection carries messages only, so the answer looks like one.
    reply.array(2);
    reply.bulkText("pong");
    if (call.argc === 2) reply.bulk(call.bytes, call.start(1), call.size(1));
    else reply.bulkText("");
  } else if (call.argc === 1) {
    reply.pong();
  } else {
    reply.bulk(call.bytes, call.start(1), call.size(1));
  }
}

function auth(call: Call): void {
  if (call.argc > 3) {
    fail(call, "syntax");
    return;
  }
  const isOldForm = call.argc === 2;
  if (isOldForm && call.environment.settings.get("requirepass") === "") {
    call.reply.error(
      "ERR AUTH <password> called without any password configured for the default user. " +
        "Are you sure your configuration is correct?",
    );
    return;
  }
  if (authenticate(call, isOldForm ? 0 : 1, isOldForm ? 1 : 2)) call.reply.ok();
  else call.reply.error(wrongPassword);
}

function hello(call: Call): void {
  const { reply, session } = call;
  let version = 0n;
  if (call.argc >= 2) {
    const wanted = call.int64(1);
    if (wanted === undefined) {
      reply.error("ERR Protocol version is not an integer or out of range");
      return;
    }
    if (wanted < 2n || wanted > 3n) {
      reply.error("NOPROTO unsupported protocol version");
      return;
    }
    version = wanted;
  }
  if (!helloOptions(call)) return;
  if (!isAuthenticated(session)) {
    reply.error(
      "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO " +
        "AUTH <user> <pass> option can be used to authenticate the client and select the RESP " +
        "protocol version at the same time",
    );
    return;
  }
  if (version !== 0n) {
    session.resp3 = version === 3n;
    reply.resp3 = session.resp3;
  }
  describe(call);
}

/** Carries out AUTH and SETNAME; false when it replied with an error. */
function helloOptions(call: Call): boolean {
  let index = 2;
  while (index < call.argc) {
    const more = call.argc - 1 - index;
    if (call.is(index, "AUTH") && more >= 2) {
      if (!authenticate(call, index + 1, index + 2)) {
        call.reply.error(wrongPassword);
        return false;
      }
      index += 3;
    } else if (call.is(index, "SETNAME") && more >= 1) {
      if (!setClientName(call, index + 1)) return false;
      index += 2;
    } else {
      call.reply.error(`ERR Syntax error in HELLO option '${call.text(index)}'`);
      return false;
    }
  }
  return true;
}

function describe({ reply, session }: Call): void {
  reply.map(7);
  reply.bulkText("server");
  reply.bulkText("redis");
  reply.bulkText("version");
  reply.bulkText(redisVersion);
  reply.bulkText("proto");
  reply.integer(session.resp3 ? 3 : 2);
  reply.bulkText("id");
  reply.integer(session.id);
  reply.bulkText("mode");
  reply.bulkText("standalone");
  reply.bulkText("role");
  reply.bulkText("master");
  reply.bulkText("modules");
  reply.array(0);
}

function reset(call: Call): void {
  const { environment, reply, session } = call;
  environment.releaseSession(session);
  session.database = 0;
  session.resp3 = false;
  session.name = "";
  session.replyMode = "on";
  session.gates &= ~(gate.silent | gate.subscribed | gate.transaction | gate.observed);
  resetAuthentication(session, environment.settings);
  reply.resp3 = false;
  reply.simple("RESET");
}

const secretsOfHello = (call: Call): number[] => {
  const secrets: number[] = [];
  for (let index = 2; index < call.argc; index++) {
    if (call.is(index, "AUTH")) secrets.push(index + 1, index + 2);
  }
  return secrets;
};

const group = "connection";
const atOnce = [...openFlags, "fast", "no_auth", "allow_busy"] as const;

export const connectionCommands: readonly CommandSpec[] = [
  {
    name: "ping",
    arity: -1,
    flags: ["fast"],
    categories: ["connection"],
    summary: "Ping the server",
    since: "1.0.0",
    group,
    complexity: "O(1)",
    run: ping,
  },
  {
    name: "echo",
    arity: 2,
    flags: ["loading", "stale", "fast"],
    categories: ["connection"],
    summary: "Echo the given string",
    since: "1.0.0",
    group,
    complexity: "O(1)",
    run: (call) => call.reply.bulk(call.bytes, call.start(1), call.size(1)),
  },
  {
    name: "auth",
    arity: -2,
    flags: atOnce,
    categories: ["connection"],
    summary: "Authenticate to the server",
    since: "1.0.0",
    group,
    complexity: "O(N) where N is the number of passwords defined for the user",
    secrets: (call) => (call.argc === 2 ? [1] : [1, 2]),
    run: auth,
  },
  {
    name: "hello",
    arity: -1,
    flags: atOnce,
    categories: ["connection"],
    summary: "Handshake with Redis",
    since: "6.0.0",
    group,
    complexity: "O(1)",
    secrets: secretsOfHello,
    run: hello,
  },
  {
    name: "reset",
    arity: 1,
    flags: atOnce,
    categories: ["connection"],
    summary: "Reset the connection",
    since: "6.2.0",
    group,
    complexity: "O(1)",
    run: reset,
  },
  {
    name: "quit",
    arity: -1,
    flags: atOnce,
    categories: ["connection"],
    summary: "Close the connection",
    since: "1.0.0",
    group,
    complexity: "O(1)",
    run: ({ reply, session }) => {
      reply.ok();
      session.closeAfterReply = true;
    },
  },
];
