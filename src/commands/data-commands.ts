// The tables of the data families in one list, for the node to join with the others.

import { bitCommands } from "./bits.js";
import { fieldCommands } from "./bits-field.js";
import type { CommandSpec } from "./command.js";
import { dumpCommands } from "./dump.js";
import { expiryCommands } from "./expiry.js";
import { geoCommands } from "./geo.js";
import { geoSearchCommands } from "./geo-search.js";
import { hashCommands } from "./hashes.js";
import { hashCountCommands } from "./hashes-count.js";
import { hashRandomCommands } from "./hashes-random.js";
import { hyperLogLogCommands } from "./hyperloglog.js";
import { keyCommands } from "./keys.js";
import { moveCommands } from "./keys-move.js";
import { objectCommands } from "./keys-object.js";
import { listCommands } from "./lists.js";
import { listEditCommands } from "./lists-edit.js";
import { listMoveCommands } from "./lists-move.js";
import { scanCommands } from "./scan.js";
import { setCommands } from "./sets.js";
import { setAlgebraCommands } from "./sets-algebra.js";
import { setRandomCommands } from "./sets-random.js";
import { skerryCommands } from "./skerry.js";
import { sortCommands } from "./sort.js";
import { streamCommands } from "./streams.js";
import { streamClaimCommands } from "./streams-claim.js";
import { streamGroupCommands } from "./streams-groups.js";
import { streamInfoCommands } from "./streams-info.js";
import { streamReadCommands } from "./streams-read.js";
import { stringCommands } from "./strings.js";
import { countCommands } from "./strings-count.js";
import { lcsCommands } from "./strings-lcs.js";
import { rangeCommands } from "./strings-range.js";
import { zsetCombineCommands } from "./zset-combine.js";
import { zsetPopCommands } from "./zset-pop.js";
import { zsetRangeCommands } from "./zset-range.js";
import { zsetScanCommands } from "./zset-scan.js";
import { zsetCommands } from "./zsets.js";

export const dataCommands: readonly CommandSpec[] = [
  ...stringCommands,
  ...countCommands,
  ...rangeCommands,
  ...keyCommands,
  ...moveCommands,
  ...scanCommands,
  ...expiryCommands,
  ...objectCommands,
  ...bitCommands,
  ...fieldCommands,
  ...lcsCommands,
  ...hashCommands,
  ...hashCountCommands,
  ...hashRandomCommands,
  ...setCommands,
  ...setAlgebraCommands,
  ...setRandomCommands,
  ...zsetCommands,
  ...zsetRangeCommands,
  ...zsetPopCommands,
  ...zsetCombineCommands,
  ...zsetScanCommands,
  ...geoCommands,
  ...geoSearchCommands,
  ...hyperLogLogCommands,
  ...listCommands,
  ...listEditCommands,
  ...listMoveCommands,
  ...sortCommands,
  ...streamCommands,
  ...streamReadCommands,
  ...streamGroupCommands,
  ...streamClaimCommands,
  ...streamInfoCommands,
  ...dumpCommands,
  ...skerryCommands,
];
