// The weather of a run, as data: which faults there are and how often, drawn from the seed. The
// profile is printed with a failure, and the seed alone brings it back.
//
// A preset says how often at most. Each run draws its own rates below that, and switches whole
// kinds off at random (swarm testing: Groce and others 2012), because faults hide each other: in a
// network that loses every other message nothing is ever reordered.
//
// Names are those of the project's fault catalogue; the last ones are the buggify points of the
// production code (base/buggify.ts). The faults of object stores (storage/faulty-store.ts) are
// drawn apart, for runs whose nodes stream their logs into one, so that all other runs stay as they
// were.

import { type BuggifyPoint, buggifyPoints } from "../base/buggify.js";
import { Prng } from "../base/prng.js";
import { type StoreFault, type StoreFaultProfile, storeFaults } from "../storage/faulty-store.js";
import type { SyncPolicy } from "../storage/wal.js";

/** How a rate counts: a chance per frame, record, timer and so on, or events per minute. */
type Unit = "frame" | "record" | "read" | "timer" | "minute" | "node" | "connection" | "point";

interface Fault {
  readonly per: Unit;
  /** Highest rates. For `node` the rate is the chance that a node has it. */
  readonly calm: number;
  readonly moderate: number;
  readonly chaos: number;
}

const fault = (per: Unit, calm: number, moderate: number, chaos: number): Fault => ({
  per,
  calm,
  moderate,
  chaos,
});

const rare = (): Fault => fault("point", 0.001, 0.01, 0.05);

const points = {
  inbox_is_full: rare(),
  outbox_is_full: rare(),
  logs_are_full: rare(),
  window_is_small: fault("point", 0.01, 0.1, 0.5),
  pull_answer_is_short: fault("point", 0.01, 0.1, 0.5),
  pull_answer_is_lost: fault("point", 0.01, 0.1, 0.3),
  round_is_given_up: fault("point", 0.02, 0.1, 0.4),
  warm_ballot_is_thrown_away: fault("point", 0.01, 0.05, 0.2),
} as const satisfies Record<BuggifyPoint, Fault>;

export const faults = {
  network_drop: fault("frame", 0.002, 0.04, 0.25),
  network_duplicate: fault("frame", 0.002, 0.04, 0.25),
  network_reorder: fault("frame", 0.01, 0.1, 0.4),
  network_delay: fault("frame", 0.001, 0.01, 0.08),
  network_corrupt: fault("frame", 0.001, 0.01, 0.08),
  network_partial_write: fault("frame", 0.001, 0.01, 0.05),
  network_reset: fault("minute", 1, 10, 40),
  network_connect_timeout: fault("connection", 0.01, 0.1, 0.3),
  partition_halves: fault("minute", 1, 8, 20),
  partition_isolate: fault("minute", 1, 8, 20),
  partition_one_way: fault("minute", 1, 8, 20),
  partition_partial: fault("minute", 1, 8, 20),
  timer_drift_fast: fault("node", 0.1, 0.3, 0.5),
  timer_drift_slow: fault("node", 0.1, 0.3, 0.5),
  timer_skip: fault("timer", 0.001, 0.01, 0.05),
  timer_duplicate: fault("timer", 0.001, 0.02, 0.1),
  timer_jump_forward: fault("minute", 0.5, 6, 20),
  timer_jump_back: fault("minute", 0.5, 6, 20),
  clock_offset: fault("node", 0.2, 0.5, 0.8),
  process_crash: fault("minute", 0.5, 8, 20),
  process_pause: fault("minute", 1, 10, 25),
  process_slow: fault("minute", 1, 8, 20),
  process_out_of_memory: fault("minute", 0.5, 4, 12),
  cpu_starvation: fault("minute", 0.5, 3, 10),
  disk_write_fail: fault("record", 0.0002, 0.002, 0.01),
  disk_partial_write: fault("record", 0.0002, 0.002, 0.01),
  disk_fsync_fail: fault("record", 0.0002, 0.002, 0.01),
  disk_corruption: fault("minute", 0.5, 6, 20),
  disk_stale_read: fault("read", 0.005, 0.03, 0.15),
  disk_full: fault("minute", 0.5, 4, 12),
  disk_slow: fault("record", 0.005, 0.05, 0.3),
  gossip_drop: fault("frame", 0.002, 0.04, 0.25),
  gossip_delay: fault("frame", 0.002, 0.04, 0.25),
  gossip_corrupt: fault("frame", 0.001, 0.02, 0.15),
  split_brain: fault("minute", 0.2, 3, 8),
  stale_replica: fault("minute", 0.2, 2, 6),
  ...points,
  member_join: fault("minute", 2, 20, 40),
  member_leave: fault("minute", 1, 12, 30),
  member_forget: fault("minute", 1, 12, 30),
} as const satisfies Record<string, Fault>;

export type FaultKind = keyof typeof faults;

export const faultKinds = Object.keys(faults) as FaultKind[];

/** Whether a kind is a point of the production code rather than the world's doing. */
export const isBuggifyPoint = (kind: FaultKind): kind is BuggifyPoint => kind in buggifyPoints;

export const presets = ["calm", "moderate", "chaos"] as const;
export type Preset = (typeof presets)[number];

export interface FaultProfile {
  readonly seed: number;
  readonly preset: Preset;
  readonly nodeCount: number;
  /** How long anything may fail, before everything is healed. */
  readonly safetyMs: number;
  /** One way, of an ordinary frame. */
  readonly delayMs: readonly [min: number, max: number];
  /** How long a turn of a node's event loop goes on taking what arrives. */
  readonly turnUs: number;
  /** 0: the kind is switched off. */
  readonly rates: Readonly<Record<FaultKind, number>>;
  /** Whether clocks may jump so far that others hold what the node writes. */
  readonly hasFarJumps: boolean;
  readonly clientsPerNode: number;
  /** Mean pause of a client between two operations. */
  readonly thinkMs: number;
  /** Part of the operations that go to linearizable keys. */
  readonly linearizableShare: number;
  readonly keySkew: number;
  /** Whether nodes keep a log, on disks that forget what is not synced. */
  readonly hasLog: boolean;
  readonly logPolicy: SyncPolicy;
  /** Whether each node streams its log into an object store, and how often that fails. */
  readonly hasStore: boolean;
  readonly storeRates: StoreFaultProfile;
  /** Faults happen in this part of the safety phase; all of it unless a run was shrunk. */
  readonly faultsMs: readonly [from: number, until: number];
  /** Clients ask no more than this together; Infinity unless a run was shrunk. */
  readonly requestCountMax: number;
  /** Whether nodes come and go: they found a cluster, and tell each other who belongs to it. */
  readonly isClustered: boolean;
  /** Copies of each shard, in such a cluster; 0: every node holds all. */
  readonly replicationFactor: number;
  /** Reads a second that bring a shard a read copy, where there are fewer copies than nodes. */
  readonly readsPerCopy: number;
}

type Weather = Partial<Omit<FaultProfile, "seed" | "preset" | "rates">> &
  Pick<FaultProfile, "safetyMs" | "clientsPerNode"> & {
    readonly rates: Partial<FaultProfile["rates"]>;
  };

/** What is laid over a drawn profile to strain one thing more than any preset does. */
export const weathers = {
  /** Machines of nodes with logs go down again and again, and their disks are slow. */
  crashes: {
    ...{ nodeCount: 3, hasLog: true, safetyMs: 2500, thinkMs: 15, clientsPerNode: 2 },
    ...{ linearizableShare: 0.3, rates: { process_crash: 240, disk_slow: 0.3 } },
  },
  /** Logs rot and are misread between crashes. */
  rot: {
    ...{ nodeCount: 3, hasLog: true, safetyMs: 8000, thinkMs: 30, clientsPerNode: 3 },
    linearizableShare: 0.3,
    rates: {
      ...{ process_crash: 40, disk_corruption: 60, disk_stale_read: 0.2 },
      ...{ disk_write_fail: 0, disk_fsync_fail: 0 },
    },
  },
  /** Nodes come, leave, are forgotten and lose their memory all the time. */
  members: {
    ...{ isClustered: true, safetyMs: 10_000, thinkMs: 200, clientsPerNode: 2 },
    linearizableShare: 0.6,
    rates: {
      ...{ member_join: 60, member_leave: 60, member_forget: 60 },
      ...{ process_crash: 60, stale_replica: 10 },
    },
  },
} as const satisfies Record<string, Weather>;

export type WeatherName = keyof typeof weathers;

export interface DrawOptions {
  readonly preset?: Preset;
  readonly weather?: WeatherName;
  readonly nodeCount?: number;
  /** Kinds that must not happen. */
  readonly suppressed?: readonly FaultKind[];
  /** What shrinking has found to be enough (shrink.ts). */
  readonly safetyMs?: number;
  readonly clientsPerNode?: number;
  readonly faultsFromMs?: number;
  readonly faultsUntilMs?: number;
  /** Whether nodes keep logs; drawn when left out. */
  readonly hasLog?: boolean;
  readonly logPolicy?: SyncPolicy;
  /** Nodes have object stores; they keep logs then. */
  readonly hasStore?: boolean;
  readonly requestCountMax?: number;
  /** As in the profile; drawn when left out. */
  readonly isClustered?: boolean;
  readonly replicationFactor?: number;
}

/** Chance of a run in which nodes come and go, and of one of those with fewer copies than nodes. */
const clusteredChance = 0.4;
const placedChance = 0.5;
/** Chance that a run lacks a kind of fault altogether. */
const offChance = 0.35;

export function drawProfile(seed: number, options: DrawOptions = {}): FaultProfile {
  const prng = new Prng(seed);
  const preset = options.preset ?? "moderate";
  const rates = Object.fromEntries(
    faultKinds.map((kind) => {
      // Always the same number of draws, so that suppressing one kind leaves the others alone.
      const isOff = prng.chance(offChance);
      const rate = faults[kind][preset] * prng.pick([0.25, 0.5, 1]);
      return [kind, isOff || options.suppressed?.includes(kind) === true ? 0 : rate];
    }),
  ) as Record<FaultKind, number>;
  const delayMsMax = prng.pick(preset === "chaos" ? [2, 10, 40, 80] : [1, 5, 20]);
  const drawnCount = prng.pick([3, 3, 3, 5]);
  const drawnSafetyMs = prng.pick([4000, 6000, 8000]);
  const drawn = {
    seed,
    preset,
    safetyMs: options.safetyMs ?? drawnSafetyMs,
    delayMs: [0.1, delayMsMax],
    turnUs: prng.pick([20, 200, 1000]),
    rates,
    hasFarJumps: prng.chance(0.25),
    clientsPerNode: prng.between(2, 4),
    thinkMs: prng.pick([35, 100, 200]),
    linearizableShare: prng.pick([0.15, 0.3, 0.6]),
    keySkew: prng.pick([0, 0.7, 1]),
    hasLog: prng.chance(0.4),
    faultsMs: [options.faultsFromMs ?? 0, options.faultsUntilMs ?? Number.POSITIVE_INFINITY],
    requestCountMax: options.requestCountMax ?? Number.POSITIVE_INFINITY,
    logPolicy: prng.pick<SyncPolicy>(["everysec", "always"]),
    isClustered: prng.chance(clusteredChance),
    replicationFactor: prng.chance(placedChance) ? 2 : 0,
    readsPerCopy: 2,
  } as const;
  // One more than the fewest, so that one may go.
  const moreCount = prng.below(2);
  // Whoever comes with an empty disk would come back from its store.
  const isOfMembers = weatherOf(options)?.isClustered === true;
  const mayCluster = options.hasStore !== true && (isOfMembers || drawn.isClustered);
  const isClustered = options.isClustered ?? mayCluster;
  const profile: FaultProfile = {
    ...drawn,
    nodeCount: options.nodeCount ?? drawnCount + (isClustered ? moreCount : 0),
    clientsPerNode: options.clientsPerNode ?? drawn.clientsPerNode,
    hasLog: options.hasStore === true || (options.hasLog ?? drawn.hasLog),
    logPolicy: options.logPolicy ?? drawn.logPolicy,
    isClustered,
    replicationFactor: isClustered ? (options.replicationFactor ?? drawn.replicationFactor) : 0,
    hasStore: options.hasStore === true,
    storeRates: options.hasStore === true ? drawStoreRates(seed, preset) : {},
    // A damaged log and a store do not go together: its owner starts once without the store.
    rates: options.hasStore === true ? { ...rates, ...withoutDamage } : rates,
  };
  return options.weather === undefined ? profile : under(options.weather, profile, options);
}

const weatherOf = ({ weather }: DrawOptions): Weather | undefined =>
  weather === undefined ? undefined : weathers[weather];

/** What somebody has asked for goes before the weather. */
function under(name: WeatherName, profile: FaultProfile, options: DrawOptions): FaultProfile {
  const weather: Weather = weathers[name];
  const isClustered =
    weather.isClustered === true ? profile.isClustered : options.isClustered === true;
  const rates = { ...profile.rates, ...weather.rates };
  for (const kind of options.suppressed ?? []) rates[kind] = 0;
  if (profile.hasStore) Object.assign(rates, withoutDamage);
  return {
    ...{ ...profile, ...weather, rates },
    nodeCount: options.nodeCount ?? weather.nodeCount ?? profile.nodeCount,
    safetyMs: options.safetyMs ?? weather.safetyMs,
    clientsPerNode: options.clientsPerNode ?? weather.clientsPerNode,
    hasLog: profile.hasStore || (options.hasLog ?? weather.hasLog ?? profile.hasLog),
    // Where nodes come and go an operator waits between two crashes.
    isClustered,
    replicationFactor: isClustered ? profile.replicationFactor : 0,
  };
}

const withoutDamage = { disk_corruption: 0, disk_stale_read: 0 } as const;

/** Highest chance of each fault of a store, per operation that it can befall. */
const storeRateMax = { calm: 0.01, moderate: 0.05, chaos: 0.15 } as const;
/** What draws these has nothing to do with what draws the others. */
const storeSeed = 0x570_12e;

function drawStoreRates(seed: number, preset: Preset): StoreFaultProfile {
  const prng = new Prng(seed ^ storeSeed);
  const kinds = Object.keys(storeFaults) as StoreFault[];
  return Object.fromEntries(
    kinds.map((kind) => {
      const isOff = prng.chance(offChance);
      const rate = storeRateMax[preset] * prng.pick([0.25, 0.5, 1]);
      return [kind, isOff ? 0 : rate];
    }),
  );
}

const describeRates = (rates: StoreFaultProfile): string =>
  Object.entries(rates)
    .filter(([, rate]) => rate > 0)
    .map(([kind, rate]) => `${kind}=${rate}`)
    .join(" ");

/** The profile in a few lines: what there is, then the faults that are switched on. */
export function describeProfile(profile: FaultProfile): string {
  const { rates, delayMs, faultsMs, storeRates, ...rest } = profile;
  const head = Object.entries({
    ...rest,
    delayMs: delayMs.join("-"),
    faultsMs: faultsMs.join("-"),
  });
  const on = faultKinds.filter((kind) => rates[kind] > 0);
  const off = faultKinds.filter((kind) => rates[kind] === 0);
  return [
    head.map(([name, value]) => `${name}=${value}`).join(" "),
    `on: ${on.map((kind) => `${kind}=${rates[kind]}/${faults[kind].per}`).join(" ")}`,
    `off: ${off.join(" ")}`,
    ...(profile.hasStore ? [`store: ${describeRates(storeRates)}`] : []),
  ].join("\n");
}
