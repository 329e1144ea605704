// Publish and subscribe: channels, patterns, shard channels, and PUBSUB, which tells of them.
// Replies and errors: Redis 7.0, pubsub.c. A subscribed RESP2 connection runs little else (a gate
// of the node); on RESP3 messages are pushes.

import type { Call } from "./call.js";
import type { CommandSpec } from "./command.js";
import { allKeys, oneKey } from "./command.js";
import { matchesGlob } from "./glob.js";
import type { Channels, SubscriptionKind } from "./pubsub-channels.js";
import { container } from "./server-spec.js";

/** Every node has channels; a register or a test without them answers as if nobody listened. */
const channelsOf = (call: Call): Channels | undefined => call.environment.channels;

const subscribe =
  (kind: SubscriptionKind) =>
  (call: Call): void => {
    const channels = channelsOf(call);
    // Inside a script or a register every command has one reply; MULTI is admitted for old clients'
    // sake.
    if (channels === undefined || (!call.mayBlock && !call.isInsideExec)) {
      const name = call.command.name.toUpperCase();
      call.reply.error(`ERR ${name} isn't allowed for a DENY BLOCKING client`);
      return;
    }
    for (let index = 1; index < call.argc; index++) {
      channels.subscribe(call.session, kind, call.text(index));
      channels.confirm(call, call.command.name, kind, call.view(index));
    }
  };

const unsubscribe =
  (kind: SubscriptionKind) =>
  (call: Call): void => {
    const channels = channelsOf(call);
    if (channels === undefined) {
      call.reply.error("ERR nobody can subscribe here");
      return;
    }
    const { session, command } = call;
    const given: string[] = [];
    for (let index = 1; index < call.argc; index++) given.push(call.text(index));
    const names = call.argc === 1 ? channels.namesOf(session, kind) : given;
    for (const name of names) {
      channels.unsubscribe(session, kind, name);
      channels.confirm(call, command.name, kind, Buffer.from(name, "latin1"));
    }
    if (names.length === 0) channels.confirm(call, command.name, kind, undefined);
  };

const publish =
  (kind: "channels" | "shardChannels") =>
  (call: Call): void => {
    const count = channelsOf(call)?.publish(kind, call.text(1), call.view(2), call) ?? 0;
    call.reply.integer(count);
  };

const activeNames =
  (kind: SubscriptionKind) =>
  (call: Call): void => {
    const all = channelsOf(call)?.names(kind) ?? [];
    const names = call.argc < 3 ? all : all.filter((name) => matchesGlob(call.view(2), name));
    call.reply.array(names.length);
    for (const name of names) call.reply.bulk(name);
  };

const listenerCounts =
  (kind: SubscriptionKind) =>
  (call: Call): void => {
    call.reply.array((call.argc - 2) * 2);
    for (let index = 2; index < call.argc; index++) {
      call.reply.bulk(call.bytes, call.start(index), call.size(index));
      call.reply.integer(channelsOf(call)?.listenerCount(kind, call.text(index)) ?? 0);
    }
  };

const group = "pubsub";
const flags = ["pubsub", "noscript", "loading", "stale"] as const;
const asking = { arity: -2, flags: ["pubsub", "loading", "stale"], group } as const;
const eachChannel = "O(N) where N is the number of channels.";

const pubsub = container({
  name: "pubsub",
  group,
  since: "2.8.0",
  helpSince: "6.2.0",
  summary: "A container for Pub/Sub commands",
  subcommands: [
    {
      ...asking,
      name: "channels",
      since: "2.8.0",
      summary: "List active channels",
      usage: "[<pattern>]",
      complexity: eachChannel,
      run: activeNames("channels"),
    },
    {
      ...asking,
      name: "numpat",
      arity: 2,
      since: "2.8.0",
      summary: "Get the count of unique patterns pattern subscriptions",
      complexity: "O(1)",
      run: (call) => call.reply.integer(channelsOf(call)?.nameCount("patterns") ?? 0),
    },
    {
      ...asking,
      name: "numsub",
      since: "2.8.0",
      summary: "Get the count of subscribers for channels",
      usage: "[<channel> ...]",
      complexity: "O(N) for the NUMSUB subcommand, where N is the number of requested channels",
      run: listenerCounts("channels"),
    },
    {
      ...asking,
      name: "shardchannels",
      since: "7.0.0",
      summary: "List active shard channels",
      usage: "[<pattern>]",
      complexity: eachChannel,
      run: activeNames("shardChannels"),
    },
    {
      ...asking,
      name: "shardnumsub",
      since: "7.0.0",
      summary: "Get the count of subscribers for shard channels",
      usage: "[<shardchannel> ...]",
      complexity:
        "O(N) for the SHARDNUMSUB subcommand, where N is the number of requested channels",
      run: listenerCounts("shardChannels"),
    },
  ],
});

export const pubsubCommands: readonly CommandSpec[] = [
  {
    name: "subscribe",
    arity: -2,
    flags,
    group,
    since: "2.0.0",
    summary: "Listen for messages published to the given channels",
    complexity: "O(N) where N is the number of channels to subscribe to.",
    run: subscribe("channels"),
  },
  {
    name: "unsubscribe",
    arity: -1,
    flags,
    group,
    since: "2.0.0",
    summary: "Stop listening for messages posted to the given channels",
    complexity: "O(N) where N is the number of channels to unsubscribe from.",
    run: unsubscribe("channels"),
  },
  {
    name: "psubscribe",
    arity: -2,
    flags,
    group,
    since: "2.0.0",
    summary: "Listen for messages published to channels matching the given patterns",
    complexity: "O(N) where N is the number of patterns the client subscribes to.",
    run: subscribe("patterns"),
  },
  {
    name: "punsubscribe",
    arity: -1,
    flags,
    group,
    since: "2.0.0",
    summary: "Stop listening for messages posted to channels matching the given patterns",
    complexity: "O(N) where N is the number of patterns to unsubscribe from.",
    run: unsubscribe("patterns"),
  },
  {
    name: "ssubscribe",
    arity: -2,
    flags,
    keys: allKeys,
    group,
    since: "7.0.0",
    summary: "Listen for messages published to the given shard channels",
    complexity: "O(N) where N is the number of shard channels to subscribe to.",
    run: subscribe("shardChannels"),
  },
  {
    name: "sunsubscribe",
    arity: -1,
    flags,
    keys: allKeys,
    group,
    since: "7.0.0",
    summary: "Stop listening for messages posted to the given shard channels",
    complexity: "O(N) where N is the number of shard channels to unsubscribe from.",
    run: unsubscribe("shardChannels"),
  },
  {
    name: "publish",
    arity: 3,
    flags: ["pubsub", "loading", "stale", "fast", "may_replicate"],
    group,
    since: "2.0.0",
    summary: "Post a message to a channel",
    complexity:
      "O(N+M) where N is the number of clients subscribed to the receiving channel and M is the " +
      "total number of subscribed patterns (by any client).",
    run: publish("channels"),
  },
  {
    name: "spublish",
    arity: 3,
    flags: ["pubsub", "loading", "stale", "fast", "may_replicate"],
    keys: oneKey,
    group,
    since: "7.0.0",
    summary: "Post a message to a shard channel",
    complexity: "O(N) where N is the number of clients subscribed to the receiving shard channel.",
    run: publish("shardChannels"),
  },
  pubsub,
];
