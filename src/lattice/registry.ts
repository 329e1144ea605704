// Every lattice there is. One line here and one generator in test/laws/arbitraries.ts bring a new
// one under the law suite. Tags are part of the stored format: a new lattice takes the next number,
// none is ever reused.

import { addWinsSet } from "./add-wins-set.js";
import { expiryRegister } from "./expiry-register.js";
import { fieldMap } from "./field-map.js";
import { gCounter } from "./g-counter.js";
import { gSet } from "./g-set.js";
import { hyperLogLog } from "./hyperloglog.js";
import { keyLattice } from "./key-lattice.js";
import type { Lattice } from "./lattice.js";
import { lwwRegister } from "./lww-register.js";
import { maxRegister } from "./max-register.js";
import { mvRegister } from "./mv-register.js";
import { pnCounter } from "./pn-counter.js";
import { streamLog } from "./stream-log.js";

export const lattices = {
  mv_register: mvRegister,
  lww_register: lwwRegister,
  max_register: maxRegister,
  g_set: gSet,
  g_counter: gCounter,
  pn_counter: pnCounter,
  add_wins_set: addWinsSet,
  field_map: fieldMap,
  expiry_register: expiryRegister,
  key: keyLattice,
  hyperloglog: hyperLogLog,
  stream_log: streamLog,
} as const;

export type LatticeName = keyof typeof lattices;

/** A lattice of which nothing is known but that it is one. */
export type AnyLattice = Lattice<unknown, unknown, unknown, unknown>;

const byTag = new Map<number, AnyLattice>(
  Object.values(lattices).map((lattice) => [lattice.tag, lattice as AnyLattice]),
);

/** The lattice with a tag that was read from outside; undefined when there is none. */
export const latticeByTag = (tag: number): AnyLattice | undefined => byTag.get(tag);
