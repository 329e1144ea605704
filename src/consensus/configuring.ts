// Choosing the next configuration (consensus-rules 15 and 16): a register of its own, decided by
// the members of the present epoch like any other. A change names the epoch that it replaces and is
// refused by any other, so each epoch has one successor. Whoever learns the outcome adopts it and
// tells the rest (Registers.adopt); a proposer that dies in between leaves the outcome in the
// register, where the next change finds it.
//
// One member changes at a time: any majority of the old members then meets any of the new.

import { ByteReader, type Bytes, ByteWriter, equalBytes, MalformedBytes } from "../base/bytes.js";
import { readConfiguration, writeConfiguration } from "./codec.js";
import { type Configuration, newConfiguration } from "./configuration.js";
import type { ChangedState } from "./register-value.js";

/** No key of a client can have this name: theirs go on with "k" or "t". */
export const configurationRegister = "\0c";

export function encodeConfiguration(configuration: Configuration): Bytes {
  const writer = new ByteWriter(128);
  writeConfiguration(writer, configuration);
  return writer.finish();
}

/** @throws MalformedBytes */
export function decodeConfiguration(bytes: Bytes): Configuration {
  const reader = new ByteReader(bytes);
  const configuration = readConfiguration(reader);
  reader.expectEnd();
  return configuration;
}

/** The register's change function: each outcome is the configuration that holds after it. */
export function changeConfiguration(state: Bytes, operations: readonly Bytes[]): ChangedState {
  let now = state;
  const outcomes = operations.map((operation) => {
    now = apply(now, operation);
    return now;
  });
  return { state: now, outcomes, changed: !equalBytes(now, state) };
}

function apply(state: Bytes, operation: Bytes): Bytes {
  try {
    const wanted = decodeConfiguration(operation);
    // Blank: the first epoch was founded, not chosen.
    const epoch = state.length === 0 ? 1 : decodeConfiguration(state).epoch;
    return wanted.epoch === epoch + 1 ? operation.slice() : state;
  } catch (error) {
    if (error instanceof MalformedBytes) return state;
    throw error;
  }
}

/** The present configuration with one member in, in a new incarnation, or out. */
export function withMember(
  { epoch, members }: Configuration,
  node: string,
  incarnation: number | undefined,
): Configuration {
  const others = members.filter((member) => member.node !== node);
  if (incarnation === undefined) return newConfiguration(epoch + 1, others, "shrunk");
  const growth = others.length === members.length ? "grown" : "same";
  return newConfiguration(epoch + 1, [...others, { node, incarnation }], growth);
}
