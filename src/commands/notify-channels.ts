// Keyspace events as messages: what commands announce (notify.ts) goes out on the channels
// __keyspace@db__:key and __keyevent@db__:event, for the classes that `notify-keyspace-events`
// names (Redis 7.0, notify.c). While the setting names none, nobody listens to the keyspace and an
// event costs one comparison.
//
// A client that changes a key and listens to it gets the message behind its reply, not in front of
// it as in Redis: in front it could stand in the middle of an array.

import { type Bytes, latin1, utf8 } from "../base/bytes.js";
import type { EventListener, Keyspace, ModifiedListener } from "../keyspace/keyspace.js";
import type { Channels } from "./pubsub-channels.js";

/** The letters of the classes; `A` in the setting is spelled out here. */
const letters: Readonly<Record<string, string>> = {
  generic: "g",
  string: "$",
  list: "l",
  set: "s",
  hash: "h",
  zset: "z",
  stream: "t",
  expired: "x",
  evicted: "e",
  module: "d",
  new: "n",
  keymiss: "m",
};

const allLetters = "g$lshzxetd";

/** Makes the keyspace tell of the classes that the setting names. */
export function announceEvents(keyspace: Keyspace, channels: Channels, setting: string): void {
  const wanted = new Set(setting.replace("A", allLetters));
  const isAudible = wanted.has("K") || wanted.has("E");
  const publish: EventListener = (group, event, database, key) => {
    if (!wanted.has(letters[group] ?? "")) return;
    const name = latin1(key);
    if (wanted.has("K")) send(channels, `__keyspace@${database}__:${name}`, utf8(event));
    if (wanted.has("E")) send(channels, `__keyevent@${database}__:${event}`, key);
  };
  const only = (letter: string, group: string, event: string): ModifiedListener | undefined =>
    isAudible && wanted.has(letter)
      ? (database, key) => publish(group, event, database, key)
      : undefined;
  const hasAny = Object.values(letters).some((letter) => wanted.has(letter));
  keyspace.onEvent = isAudible && hasAny ? publish : undefined;
  keyspace.onExpired = only("x", "expired", "expired");
  keyspace.onEvicted = only("e", "evicted", "evicted");
  keyspace.onCreated = only("n", "new", "new");
  keyspace.onMissed = only("m", "keymiss", "keymiss");
}

const send = (channels: Channels, channel: string, message: Bytes): void => {
  channels.publish("channels", channel, message);
};
