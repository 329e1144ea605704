// A client as CLIENT LIST shows it: one line of `name=value`, the fields and their order as in
// Redis 7.0.15. What this node does not have is shown as Redis shows its absence: fd=-1 (sockets
// are the host's), rbs=0 (replies of all connections share one buffer).

import type { Call } from "./call.js";
import { outcome, type Session } from "./session.js";

export type ClientType = "normal" | "master" | "replica" | "pubsub";

/** What the publish/subscribe family keeps in `session.extras` under "subscriptions". */
export interface Subscriptions {
  readonly channels: { readonly size: number };
  readonly patterns: { readonly size: number };
  readonly shardChannels: { readonly size: number };
}

/** What client tracking keeps in `session.extras` under "tracking". */
export interface TrackingState {
  readonly redirect: number;
  readonly isBroadcast: boolean;
  readonly isBroken: boolean;
}

const none = { size: 0 };
const noSubscriptions: Subscriptions = { channels: none, patterns: none, shardChannels: none };

export const subscriptionsOf = (session: Session): Subscriptions =>
  (session.extras.get("subscriptions") as Subscriptions | undefined) ?? noSubscriptions;

export const trackingOf = (session: Session): TrackingState | undefined =>
  session.extras.get("tracking") as TrackingState | undefined;

export const isMonitor = (session: Session): boolean => session.extras.has("monitor");

const isSubscribed = (session: Session): boolean => {
  const { channels, patterns, shardChannels } = subscriptionsOf(session);
  return channels.size + patterns.size + shardChannels.size > 0;
};

export const clientTypeOf = (session: Session): ClientType =>
  isSubscribed(session) ? "pubsub" : "normal";

const typeNames = new Map<string, ClientType>([
  ["normal", "normal"],
  ["master", "master"],
  ["slave", "replica"],
  ["replica", "replica"],
  ["pubsub", "pubsub"],
]);

/** The type of clients that an argument names, or undefined after the error was replied. */
export function clientTypeArgument(call: Call, index: number): ClientType | undefined {
  const name = call.text(index);
  const type = typeNames.get(name.toLowerCase());
  if (type === undefined) call.reply.error(`ERR Unknown client type '${name}'`);
  return type;
}

function flagsOf(session: Session): string {
  const tracking = trackingOf(session);
  let flags = isMonitor(session) ? "O" : "";
  if (isSubscribed(session)) flags += "P";
  if (session.transaction !== undefined) flags += "x";
  if (session.waiting === outcome.blocked || session.waiting === outcome.postponed) flags += "b";
  if (tracking !== undefined) flags += "t";
  if (tracking?.isBroken === true) flags += "R";
  if (tracking?.isBroadcast === true) flags += "B";
  if (session.watchBroken) flags += "d";
  if (session.closeAfterReply) flags += "c";
  if (session.noEvict) flags += "e";
  return flags === "" ? "N" : flags;
}

/** Bytes that the running request took on the wire, as an array of bulk strings. */
function requestBytes(call: Call): number {
  let bytes = `*${call.argc}\r\n`.length;
  for (let index = 0; index < call.argc; index++) {
    bytes += `$${call.size(index)}\r\n\r\n`.length + call.size(index);
  }
  return bytes;
}

function argumentBytes(call: Call): number {
  let bytes = 0;
  for (let index = 0; index < call.argc; index++) bytes += call.size(index);
  return bytes;
}

const queuedBytes = (session: Session): number =>
  (session.transaction?.queue ?? []).reduce((sum, queued) => sum + queued.bytes.length, 0);

/** A session object with its strings and maps, roughly. */
const sessionBytes = 600;

/** Memory that a client takes: its unread input, its queue, what it has not read yet. */
export const clientMemory = (session: Session): number =>
  sessionBytes + session.tail.length + session.unreadBytes + queuedBytes(session);

/** One client, seen from the running command; no line end. */
export function clientLine(call: Call, session: Session): string {
  const isSelf = session === call.session;
  const nowMs = call.environment.nowMicros / 1000;
  const seconds = (sinceMs: number): number => Math.max(0, Math.floor((nowMs - sinceMs) / 1000));
  const { channels, patterns, shardChannels } = subscriptionsOf(session);
  const queueBytes = queuedBytes(session);
  const fields: (readonly [string, string | number])[] = [
    ["id", session.id],
    ["addr", session.address],
    ["laddr", session.localAddress],
    ["fd", -1],
    ["name", session.name],
    ["age", seconds(session.createdMs)],
    ["idle", isSelf ? 0 : seconds(session.lastCommandMs)],
    ["flags", flagsOf(session)],
    ["db", session.database],
    ["sub", channels.size],
    ["psub", patterns.size],
    ["ssub", shardChannels.size],
    ["multi", session.transaction?.queue.length ?? -1],
    ["qbuf", session.tailLength + (isSelf ? requestBytes(call) : 0)],
    ["qbuf-free", Math.max(0, session.tail.length - session.tailLength)],
    ["argv-mem", isSelf ? argumentBytes(call) : 0],
    ["multi-mem", queueBytes],
    ["rbs", 0],
    ["rbp", 0],
    ["obl", 0],
    ["oll", session.unreadBytes > 0 ? 1 : 0],
    ["omem", session.unreadBytes],
    ["tot-mem", clientMemory(session)],
    ["events", session.unreadBytes > 0 ? "rw" : "r"],
    ["cmd", isSelf ? call.command.name : session.lastCommand],
    ["user", session.user],
    ["redir", trackingOf(session)?.redirect ?? -1],
    ["resp", session.resp3 ? 3 : 2],
  ];
  return fields.map(([name, value]) => `${name}=${value}`).join(" ");
}

/** Sets the name of the running session from an argument; false after the error was replied. */
export function setClientName(call: Call, index: number): boolean {
  const name = call.text(index);
  if (!isPlainWord(name)) {
    call.reply.error("ERR Client names cannot contain spaces, newlines or special characters.");
    return false;
  }
  call.session.name = name;
  return true;
}

/** Whether a text can stand in a line of CLIENT LIST: printable ASCII without spaces. */
export const isPlainWord = (text: string): boolean => /^[!-~]*$/.test(text);
