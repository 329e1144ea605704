// The flags that decide a run, and the line that brings it back.

import {
  type DrawOptions,
  type FaultKind,
  faultKinds,
  type Preset,
  type WeatherName,
} from "../sim/fault-profile.js";

/** Flags of `npm run sim` that change what happens in a run of a seed. */
export interface RunFlags {
  readonly preset: Preset;
  readonly weather?: WeatherName;
  readonly nodes?: number;
  readonly stores?: true;
  readonly without?: readonly FaultKind[];
  /** The kinds that may happen; `true`: none. */
  readonly only?: readonly FaultKind[] | true;
  readonly safety?: number;
  readonly clients?: number;
  readonly faultsFrom?: number;
  readonly faultsUntil?: number;
  readonly requests?: number;
}

/** Kinds that these flags switch off. */
export function suppressedBy({ only, without = [] }: RunFlags): readonly FaultKind[] {
  if (only === undefined) return without;
  return faultKinds.filter((kind) => only === true || !only.includes(kind));
}

export function drawOptionsOf(flags: RunFlags): DrawOptions {
  return {
    preset: flags.preset,
    ...(flags.weather !== undefined && { weather: flags.weather }),
    ...(flags.nodes !== undefined && { nodeCount: flags.nodes }),
    ...(flags.stores === true && { hasStore: true }),
    suppressed: suppressedBy(flags),
    ...(flags.safety !== undefined && { safetyMs: flags.safety }),
    ...(flags.clients !== undefined && { clientsPerNode: flags.clients }),
    ...(flags.faultsFrom !== undefined && { faultsFromMs: flags.faultsFrom }),
    ...(flags.faultsUntil !== undefined && { faultsUntilMs: flags.faultsUntil }),
    ...(flags.requests !== undefined && { requestCountMax: flags.requests }),
  };
}

/** The flags of a run, as the command line takes them. */
export function flagsOf(seed: number, options: DrawOptions): string[] {
  const flags = ["--seed", String(seed), "--preset", options.preset ?? "moderate"];
  if (options.weather !== undefined) flags.push("--weather", options.weather);
  const add = (name: string, value: number | undefined): void => {
    if (value !== undefined) flags.push(name, String(value));
  };
  add("--nodes", options.nodeCount);
  if (options.hasStore === true) flags.push("--stores");
  add("--clients", options.clientsPerNode);
  add("--safety", options.safetyMs);
  add("--faults-from", options.faultsFromMs);
  add("--faults-until", options.faultsUntilMs);
  add("--requests", options.requestCountMax);
  const { suppressed = [] } = options;
  const left = faultKinds.filter((kind) => !suppressed.includes(kind));
  if (left.length < suppressed.length) flags.push("--only", ...left);
  else if (suppressed.length > 0) flags.push("--without", ...suppressed);
  return flags;
}

export const replayLine = (seed: number, options: DrawOptions): string =>
  `npm run sim -- ${flagsOf(seed, options).join(" ")} --trace`;
