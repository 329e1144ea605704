// PFSELFTEST: registers hold what is written to them, and both encodings give one estimate, close
// to the truth. Redis adds ten million elements; a tenth of that is enough here and stops the node
// for a fraction of a second only.

import { cardOf, Sketch } from "../keyspace/hyperloglog.js";
import { registerCount, touchOf } from "../lattice/hyperloglog.js";

const elementsMax = 1_000_000;
/** The error of one in ten thousand runs, in standard errors. */
const errorsMax = 6;

/** What is wrong; undefined when nothing is. */
export function selfTest(random: () => number, sparseBytesMax: number): string | undefined {
  return testRegisters(random) ?? testEstimates(random, sparseBytesMax);
}

function testRegisters(random: () => number): string | undefined {
  const wanted = Uint8Array.from({ length: registerCount }, () => Math.floor(random() * 64));
  const dense = new Sketch().clear();
  dense.toDense();
  for (const [index, value] of wanted.entries()) dense.raise(index, value, 0);
  const found = new Uint8Array(registerCount);
  dense.raiseInto(found);
  const wrong = found.findIndex((value, index) => value !== wanted[index]);
  if (wrong < 0) return undefined;
  return `Register ${wrong} should be ${wanted[wrong]} but is ${found[wrong]}`;
}

function testEstimates(random: () => number, sparseBytesMax: number): string | undefined {
  const dense = new Sketch().clear();
  dense.toDense();
  const sparse = new Sketch().clear();
  const element = new DataView(new ArrayBuffer(8));
  const bytes = new Uint8Array(element.buffer);
  const seed = Math.floor(random() * 2 ** 32);
  element.setUint32(4, Math.floor(random() * 2 ** 32));
  for (let count = 1, checkpoint = 1; count <= elementsMax; count++) {
    element.setUint32(0, (count ^ seed) >>> 0);
    const { index, run } = touchOf(bytes, 0, 8);
    dense.raise(index, run, sparseBytesMax);
    sparse.raise(index, run, sparseBytesMax);
    if (count !== checkpoint) continue;
    checkpoint *= 10;
    if (count < sparseBytesMax / 2 && sparse.isDense) return "sparse encoding not used";
    const failure = judge(dense, sparse, count);
    if (failure !== undefined) return failure;
  }
  return undefined;
}

function judge(dense: Sketch, sparse: Sketch, count: number): string | undefined {
  const card = cardOf(dense.histogram()!);
  if (card !== cardOf(sparse.histogram()!)) return "dense/sparse disagree";
  const error = Math.abs(Number(card) - count);
  const allowed =
    count === 10 ? 1 : Math.ceil((1.04 / Math.sqrt(registerCount)) * errorsMax * count);
  return error > allowed ? `Too big error. card:${count} abserr:${error}` : undefined;
}
