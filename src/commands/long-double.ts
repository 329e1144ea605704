// INCRBYFLOAT's arithmetic: x87 extended precision (64-bit significand, 15-bit exponent, IEEE
// 754-2008 3.7), which Redis gets from C's `long double` on x86. Parsing, adding and printing round
// to nearest, ties to even, exactly once each, as glibc's strtold, the processor and
// printf("%.17Lf") do. Done on big integers, so it is slow and exact.
//
// Left out: NaN (no reader lets one in) and the other rounding modes.

/** `(-1)^negative * significand * 2^exponent`; `infinite` stands for both infinities. */
export interface Extended {
  readonly negative: boolean;
  readonly significand: bigint;
  readonly exponent: number;
  readonly infinite: boolean;
}

const precision = 64;
/** Exponent of the last bit of the smallest subnormal. */
const exponentMin = -16_445;
/** Finite numbers are below two to this. */
const magnitudeMax = 16_384;

/** Redis copies the text into a buffer of 5 KiB, one byte of it for the terminator. */
const textBytesMax = 5 * 1024 - 1;

/** Decimal exponents beyond this overflow or vanish whatever the digits are. */
const decimalExponentMax = 12_000;

const zeroOf = (negative: boolean): Extended => ({
  negative,
  significand: 0n,
  exponent: 0,
  infinite: false,
});

const infinityOf = (negative: boolean): Extended => ({ ...zeroOf(negative), infinite: true });

const double = new DataView(new ArrayBuffer(8));

function bitLength(value: bigint): number {
  if (value === 0n) return 0;
  const rounded = Number(value);
  if (rounded === Number.POSITIVE_INFINITY) {
    const hex = value.toString(16);
    return hex.length * 4 - Math.clz32(Number.parseInt(hex[0]!, 16)) + 28;
  }
  double.setFloat64(0, rounded);
  const length = (double.getUint16(0) >> 4) - 1022;
  // Just below a power of two the double is that power.
  return value >> BigInt(length - 1) === 0n ? length - 1 : length;
}

const powersOfTen = Array.from({ length: 40 }, (_, exponent) => 10n ** BigInt(exponent));

const powerOfTen = (exponent: number): bigint => powersOfTen[exponent] ?? 10n ** BigInt(exponent);

/** The nearest number to `numerator / denominator`, both positive. */
function nearest(negative: boolean, numerator: bigint, denominator: bigint): Extended {
  if (numerator === 0n) return zeroOf(negative);
  let exponent = bitLength(numerator) - bitLength(denominator) - precision;
  if (quotientAt(numerator, denominator, exponent).quotient >> BigInt(precision) > 0n) exponent++;
  exponent = Math.max(exponent, exponentMin);
  let { quotient, remainder, divisor } = quotientAt(numerator, denominator, exponent);
  const twice = remainder * 2n;
  if (twice > divisor || (twice === divisor && (quotient & 1n) === 1n)) quotient++;
  if (bitLength(quotient) > precision) {
    quotient >>= 1n;
    exponent++;
  }
  if (quotient !== 0n && bitLength(quotient) + exponent > magnitudeMax) return infinityOf(negative);
  return { negative, significand: quotient, exponent, infinite: false };
}

function quotientAt(
  numerator: bigint,
  denominator: bigint,
  exponent: number,
): { quotient: bigint; remainder: bigint; divisor: bigint } {
  const dividend = exponent < 0 ? numerator << BigInt(-exponent) : numerator;
  const divisor = exponent > 0 ? denominator << BigInt(exponent) : denominator;
  const quotient = dividend / divisor;
  return { quotient, remainder: dividend - quotient * divisor, divisor };
}

/**
 * Reads a number as strtold does, all of the text; undefined for anything else, for a number too
 * large and for one that is not zero but vanishes.
 */
export function parseExtended(text: string): Extended | undefined {
  if (text.length > textBytesMax) return undefined;
  const [, sign, body] = /^([+-]?)(.+)$/s.exec(text) ?? [];
  if (body === undefined) return undefined;
  const negative = sign === "-";
  if (/^inf(inity)?$/i.test(body)) return infinityOf(negative);
  const value = parseHexadecimal(negative, body) ?? parseDecimalText(negative, body);
  return value === undefined || value.infinite ? undefined : value;
}

function parseDecimalText(negative: boolean, body: string): Extended | undefined {
  const match = /^(\d*)(?:\.(\d*))?(?:e([+-]?\d+))?$/i.exec(body);
  if (match === null) return undefined;
  const [, whole = "", fraction = "", exponentText = "0"] = match;
  if (whole.length + fraction.length === 0) return undefined;
  const digits = BigInt(whole + fraction);
  if (digits === 0n) return zeroOf(negative);
  const exponent = Number(exponentText) - fraction.length;
  if (exponent > decimalExponentMax) return infinityOf(negative);
  if (exponent < -decimalExponentMax) return undefined;
  const value =
    exponent >= 0
      ? nearest(negative, digits * powerOfTen(exponent), 1n)
      : nearest(negative, digits, powerOfTen(-exponent));
  return value.significand === 0n && !value.infinite ? undefined : value;
}

function parseHexadecimal(negative: boolean, body: string): Extended | undefined {
  const match = /^0x([\da-f]*)(?:\.([\da-f]*))?(?:p([+-]?\d+))?$/i.exec(body);
  if (match === null) return undefined;
  const [, whole = "", fraction = "", exponentText = "0"] = match;
  if (whole.length + fraction.length === 0) return undefined;
  const digits = BigInt(`0x${whole}${fraction}`);
  if (digits === 0n) return zeroOf(negative);
  const exponent = Number(exponentText) - fraction.length * 4;
  if (Math.abs(exponent) > decimalExponentMax * 4) {
    return exponent > 0 ? infinityOf(negative) : undefined;
  }
  const value =
    exponent >= 0
      ? nearest(negative, digits << BigInt(exponent), 1n)
      : nearest(negative, digits, 1n << BigInt(-exponent));
  return value.significand === 0n && !value.infinite ? undefined : value;
}

/** Undefined when the sum is infinite or not a number. */
export function addExtended(a: Extended, b: Extended): Extended | undefined {
  if (a.infinite || b.infinite) return undefined;
  const exponent = Math.min(a.exponent, b.exponent);
  const sum = signedAt(a, exponent) + signedAt(b, exponent);
  const magnitude = sum < 0n ? -sum : sum;
  const value =
    exponent >= 0
      ? nearest(sum < 0n, magnitude << BigInt(exponent), 1n)
      : nearest(sum < 0n, magnitude, 1n << BigInt(-exponent));
  return value.infinite ? undefined : value;
}

function signedAt(value: Extended, exponent: number): bigint {
  const shifted = value.significand << BigInt(value.exponent - exponent);
  return value.negative ? -shifted : shifted;
}

const decimals = 17;

/** Printed with seventeen decimals, trailing zeros cut: what INCRBYFLOAT answers and stores. */
export function formatExtended({ negative, significand, exponent }: Extended): string {
  let scaled = significand * powerOfTen(decimals);
  if (exponent >= 0) scaled <<= BigInt(exponent);
  else {
    const divisor = 1n << BigInt(-exponent);
    const twice = (scaled % divisor) * 2n;
    scaled /= divisor;
    if (twice > divisor || (twice === divisor && (scaled & 1n) === 1n)) scaled++;
  }
  if (scaled === 0n) return "0";
  const digits = scaled.toString().padStart(decimals + 1, "0");
  const fraction = digits.slice(-decimals).replace(/0+$/, "");
  const whole = digits.slice(0, -decimals);
  return `${negative ? "-" : ""}${whole}${fraction === "" ? "" : `.${fraction}`}`;
}
