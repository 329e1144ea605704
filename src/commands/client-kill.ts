// CLIENT KILL, in the old form (an address) and the new one (any number of filters). The caller
// itself is closed after its reply has left; everybody else at once.

import { isUser } from "./authentication.js";
import type { Call } from "./call.js";
import { type ClientType, clientTypeArgument, clientTypeOf } from "./client-line.js";
import { fail } from "./errors.js";
import type { Session } from "./session.js";

interface Filter {
  id?: number;
  type?: ClientType;
  address?: string;
  localAddress?: string;
  user?: string;
  skipsCaller: boolean;
}

export function killClients(call: Call): void {
  if (call.argc === 3) {
    // With the old form a client can close itself.
    const killed = kill(call, { address: call.text(2), skipsCaller: false });
    if (killed === 0) call.reply.error("ERR No such client");
    else call.reply.ok();
    return;
  }
  const filter = readFilter(call);
  if (filter !== undefined) call.reply.integer(kill(call, filter));
}

function readFilter(call: Call): Filter | undefined {
  const filter: Filter = { skipsCaller: true };
  for (let index = 2; index < call.argc; index += 2) {
    if (index + 1 >= call.argc) {
      fail(call, "syntax");
      return undefined;
    }
    if (!readOption(call, index, filter)) return undefined;
  }
  return filter;
}

/** Reads one pair; false after the error was replied. */
function readOption(call: Call, index: number, filter: Filter): boolean {
  const at = index + 1;
  if (call.is(index, "ID")) {
    const id = call.int64(at);
    if (id === undefined || id < 1n) {
      call.reply.error("ERR client-id should be greater than 0");
      return false;
    }
    filter.id = Number(id);
  } else if (call.is(index, "TYPE")) {
    const type = clientTypeArgument(call, at);
    if (type === undefined) return false;
    filter.type = type;
  } else if (call.is(index, "ADDR")) {
    filter.address = call.text(at);
  } else if (call.is(index, "LADDR")) {
    filter.localAddress = call.text(at);
  } else if (call.is(index, "USER")) {
    filter.user = call.text(at);
    if (!isUser(filter.user)) {
      call.reply.error(`ERR No such user '${filter.user}'`);
      return false;
    }
  } else if (call.is(index, "SKIPME") && (call.is(at, "YES") || call.is(at, "NO"))) {
    filter.skipsCaller = call.is(at, "YES");
  } else {
    fail(call, "syntax");
    return false;
  }
  return true;
}

function kill(call: Call, filter: Filter): number {
  const { environment, session: caller } = call;
  const matching = [...environment.sessions()].filter(
    (session) => !isClosing(session, caller) && matches(session, filter, caller),
  );
  for (const session of matching) {
    if (session === caller) session.closeAfterReply = true;
    else environment.closeSession(session);
  }
  return matching.length;
}

const isClosing = (session: Session, caller: Session): boolean =>
  session !== caller && session.closeAfterReply;

function matches(session: Session, filter: Filter, caller: Session): boolean {
  return (
    (filter.address === undefined || session.address === filter.address) &&
    (filter.localAddress === undefined || session.localAddress === filter.localAddress) &&
    (filter.type === undefined || clientTypeOf(session) === filter.type) &&
    (filter.id === undefined || session.id === filter.id) &&
    (filter.user === undefined || session.user === filter.user) &&
    !(session === caller && filter.skipsCaller)
  );
}
