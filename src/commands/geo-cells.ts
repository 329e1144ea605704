// Positions as scores: the cell of a grid of 2^26 by 2^26, its two indices interleaved bit by bit
// (Morton order, called a geohash of 52 bits), so that neighbours mostly have close scores. The
// grid covers the square that web maps show (EPSG:3857). Arithmetic, step by step, as Redis 7.0's
// geohash.c, so that every bit agrees.

/** Bits of each index in a score. */
export const stepMax = 26;

export const bounds = {
  longitudeMin: -180,
  longitudeMax: 180,
  latitudeMin: -85.05112878,
  latitudeMax: 85.05112878,
} as const;

/** A cell of the grid with 2^step columns and rows; step 0 stands for no cell. */
export interface Cell {
  readonly column: number;
  readonly row: number;
  readonly step: number;
}

export interface Area {
  readonly west: number;
  readonly east: number;
  readonly south: number;
  readonly north: number;
}

/** Where the last `decodeScore` lies. */
export const position = { longitude: 0, latitude: 0 };

const longitudes = bounds.longitudeMax - bounds.longitudeMin;
const latitudes = bounds.latitudeMax - bounds.latitudeMin;

/**
 * The cell of a position within the bounds. At the upper bounds the index is one beyond the grid.
 */
export const cellAt = (longitude: number, latitude: number, step: number): Cell => ({
  column: Math.floor(((longitude - bounds.longitudeMin) / longitudes) * 2 ** step),
  row: Math.floor(((latitude - bounds.latitudeMin) / latitudes) * 2 ** step),
  step,
});

/** Puts a zero bit before each of the lower sixteen bits. */
function spread(value: number): number {
  let v = value & 0xffff;
  v = (v | (v << 8)) & 0x00ff00ff;
  v = (v | (v << 4)) & 0x0f0f0f0f;
  v = (v | (v << 2)) & 0x33333333;
  return (v | (v << 1)) & 0x55555555;
}

/** The inverse of `spread`. */
function gather(value: number): number {
  let v = value & 0x55555555;
  v = (v | (v >>> 1)) & 0x33333333;
  v = (v | (v >>> 2)) & 0x0f0f0f0f;
  v = (v | (v >>> 4)) & 0x00ff00ff;
  return (v | (v >>> 8)) & 0xffff;
}

const word = 2 ** 32;

/** The upper and the lower 32 bits of a cell's interleaved indices: rows are the even bits. */
const high = ({ row, column }: Cell): number =>
  (spread(row >>> 16) | (spread(column >>> 16) << 1)) >>> 0;
const low = ({ row, column }: Cell): number => (spread(row) | (spread(column) << 1)) >>> 0;

/** The score of a position; beyond 53 bits, at the upper bounds, rounded as a double is. */
export function scoreAt(longitude: number, latitude: number): number {
  const cell = cellAt(longitude, latitude, stepMax);
  return high(cell) * word + low(cell);
}

/** The scores [from, to) of all positions in a cell. */
export function scoresOf(cell: Cell): { from: number; to: number } {
  const bits = (BigInt(high(cell)) << 32n) | BigInt(low(cell));
  const shift = BigInt(2 * (stepMax - cell.step));
  return { from: Number(bits << shift), to: Number((bits + 1n) << shift) };
}

/** Puts the middle of a score's cell into `position`, whatever the score. */
export function decodeScore(score: number): void {
  let upper = Math.floor(score / word);
  let lower = Math.floor(score) - upper * word;
  if (!(score >= 0 && score < 2 ** 53)) {
    const bits = unsigned(score);
    upper = Number(bits >> 32n);
    lower = Number(bits & 0xffff_ffffn);
  }
  const row = (gather(lower) | (gather(upper) << 16)) >>> 0;
  const column = (gather(lower >>> 1) | (gather(upper >>> 1) << 16)) >>> 0;
  const { west, east, south, north } = areaOf({ column, row, step: stepMax });
  position.longitude = clamp((west + east) / 2, bounds.longitudeMin, bounds.longitudeMax);
  position.latitude = clamp((south + north) / 2, bounds.latitudeMin, bounds.latitudeMax);
}

/** A score that ZADD made, as a processor turns it into an unsigned integer of 64 bits. */
function unsigned(score: number): bigint {
  if (score >= 2 ** 64) return 0n;
  return score < -(2 ** 63) ? 2n ** 63n : BigInt.asUintN(64, BigInt(Math.trunc(score)));
}

const clamp = (value: number, min: number, max: number): number =>
  Math.min(max, Math.max(min, value));

export function areaOf({ column, row, step }: Cell): Area {
  const scale = 2 ** step;
  return {
    south: bounds.latitudeMin + (row / scale) * latitudes,
    north: bounds.latitudeMin + (((row + 1) >>> 0) / scale) * latitudes,
    west: bounds.longitudeMin + (column / scale) * longitudes,
    east: bounds.longitudeMin + (((column + 1) >>> 0) / scale) * longitudes,
  };
}

/** The cell so many columns and rows away; the grid is closed in both directions. */
export function neighbour(cell: Cell, columns: number, rows: number): Cell {
  const mask = 2 ** cell.step - 1;
  return {
    column: columns === 0 ? cell.column : (cell.column + columns) & mask,
    row: rows === 0 ? cell.row : (cell.row + rows) & mask,
    step: cell.step,
  };
}

const alphabet = "0123456789bcdefghjkmnpqrstuvwxyz";

/**
 * The eleven characters of a standard geohash, which counts latitudes from -90; the last is always
 * 0.
 */
export function geohashText(longitude: number, latitude: number): string {
  const cell: Cell = {
    column: Math.floor(((longitude + 180) / 360) * 2 ** stepMax),
    row: Math.floor(((latitude + 90) / 180) * 2 ** stepMax),
    step: stepMax,
  };
  const bits = (BigInt(high(cell)) << 32n) | BigInt(low(cell));
  let text = "";
  for (let i = 1; i <= 10; i++) text += alphabet[Number((bits >> BigInt(52 - i * 5)) & 31n)];
  return `${text}0`;
}
