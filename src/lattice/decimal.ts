// Exact decimal sums for counters: an integer scaled by a power of ten. Addition is exact and so
// does not depend on the order of arrival, which binary floating point would (merge-rules 8).

/** `units * 10^-scale`, canonical: a non-zero scale has no trailing zero in `units`. */
export interface Decimal {
  readonly units: bigint;
  readonly scale: number;
}

export const zero: Decimal = { units: 0n, scale: 0 };

export const integer = (units: bigint): Decimal => ({ units, scale: 0 });

/**
 * Digits after the point that a sum may carry; a parsed number beyond it is refused by
 * `parseDecimal`.
 */
export const scaleMax = 4096;

/**
 * Digits that `units` may have: parsing admits `scaleMax` digits moved by up to `scaleMax` places,
 * a sum brings them to `scaleMax` decimals, and 2^53 summands add sixteen more.
 */
export const digitsMax = 3 * scaleMax + 16;

/** Whether the number is one that parsing and adding can yield, in its one canonical form. */
export const isCanonical = ({ units, scale }: Decimal): boolean =>
  Number.isInteger(scale) && scale >= 0 && scale <= scaleMax && (scale === 0 || units % 10n !== 0n);

function normalise(units: bigint, scale: number): Decimal {
  let rest = units;
  let digits = scale;
  while (digits > 0 && rest % 10n === 0n) {
    rest /= 10n;
    digits--;
  }
  return { units: rest, scale: digits };
}

const unitsAt = (value: Decimal, scale: number): bigint =>
  value.units * 10n ** BigInt(scale - value.scale);

export function add(a: Decimal, b: Decimal): Decimal {
  if (a.scale === 0 && b.scale === 0) return { units: a.units + b.units, scale: 0 };
  const scale = Math.max(a.scale, b.scale);
  return normalise(unitsAt(a, scale) + unitsAt(b, scale), scale);
}

export const negate = (a: Decimal): Decimal => ({ units: -a.units, scale: a.scale });

export const subtract = (a: Decimal, b: Decimal): Decimal => add(a, negate(b));

export const equalDecimals = (a: Decimal, b: Decimal): boolean =>
  a.units === b.units && a.scale === b.scale;

/** Parses `-12.5e3`; undefined when the text is not a decimal number or has too many digits. */
export function parseDecimal(text: string): Decimal | undefined {
  const match = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,5}))?$/.exec(text);
  if (match === null) return undefined;
  const [, sign, whole = "", fraction = "", exponent = "0"] = match;
  if (whole.length + fraction.length === 0) return undefined;
  const scale = fraction.length - Number(exponent);
  if (Math.abs(scale) > scaleMax || whole.length + fraction.length > scaleMax) return undefined;
  const digits = BigInt(whole + fraction) * (sign === "-" ? -1n : 1n);
  return scale >= 0
    ? normalise(digits, scale)
    : { units: digits * 10n ** BigInt(-scale), scale: 0 };
}

/**
 * Plain notation without an exponent, rounded half away from zero to at most `decimalsMax`
 * decimals.
 */
export function formatDecimal(value: Decimal, decimalsMax = scaleMax): string {
  let { units, scale } = value;
  if (scale > decimalsMax) {
    const drop = 10n ** BigInt(scale - decimalsMax);
    const half = units < 0n ? -drop / 2n : drop / 2n;
    ({ units, scale } = normalise((units + half) / drop, decimalsMax));
  }
  const digits = (units < 0n ? -units : units).toString().padStart(scale + 1, "0");
  const whole = digits.slice(0, digits.length - scale);
  const text = scale === 0 ? whole : `${whole}.${digits.slice(digits.length - scale)}`;
  return units < 0n ? `-${text}` : text;
}
