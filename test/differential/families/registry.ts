// Every family of the differential test. Adding one is a file beside this and a line here.

import type { Family } from "../step.js";
import { bitsFamily } from "./bits.js";
import { dumpFamily } from "./dump.js";
import { geoFamily } from "./geo.js";
import { hashesFamily } from "./hashes.js";
import { hyperLogLogFamily } from "./hyperloglog.js";
import { keysFamily } from "./keys.js";
import { listsFamily } from "./lists.js";
import { serverFamily } from "./server.js";
import { setsFamily } from "./sets.js";
import { sortFamily } from "./sort.js";
import { streamsFamily } from "./streams.js";
import { stringsFamily } from "./strings.js";
import { syntaxFamily } from "./syntax.js";
import { transactionsFamily } from "./transactions.js";
import { usesFamily } from "./uses.js";
import { zsetEdgesFamily } from "./zset-edges.js";
import { zsetsFamily } from "./zsets.js";

const dataFamilies: readonly Family[] = [
  stringsFamily,
  bitsFamily,
  keysFamily,
  setsFamily,
  hashesFamily,
  listsFamily,
  zsetsFamily,
  zsetEdgesFamily,
  geoFamily,
  sortFamily,
  hyperLogLogFamily,
  streamsFamily,
  dumpFamily,
];

/** Wrong arity and syntax are tried on the commands of all the others. */
export const families: readonly Family[] = [
  ...dataFamilies,
  syntaxFamily(dataFamilies),
  transactionsFamily,
  serverFamily,
  usesFamily,
];
