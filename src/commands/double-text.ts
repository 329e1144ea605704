// Doubles as Redis reads and prints them: C's strtod in, printf's "%.17g" out (ISO C 7.22.1.3,
// 7.21.6.1). Common numbers, integers and short fractions, are read and written without making
// text.
//
// Left out: NaN, which every reader refuses, whatever its spelling; and locales.

import { latin1 } from "../base/bytes.js";
import { decimalOfDouble, doubleOfDecimal } from "../lattice/double.js";
import type { Reply } from "./reply.js";

/** Powers of ten that are doubles exactly. */
const tens = Array.from({ length: 16 }, (_, power) => 10 ** power);

/**
 * The argument as a double: all of the text, no space around it, neither NaN nor out of range. NaN
 * when it is none (Redis's string2d).
 */
export function parseDouble(bytes: Uint8Array, start: number, length: number): number {
  const plain = parsePlain(bytes, start, length);
  if (!Number.isNaN(plain)) return plain;
  const text = latin1(bytes, start, start + length);
  if (isSpace(text.charCodeAt(0))) return Number.NaN;
  const isNamedInfinity = /^[+-]?inf(inity)?$/i.test(text);
  const value = parseC(text);
  if (Number.isFinite(value) || isNamedInfinity)
    return isVanished(text, value) ? Number.NaN : value;
  return Number.NaN;
}

/** A number too small for a double, which strtod calls out of range when nothing is left of it. */
const isVanished = (text: string, value: number): boolean =>
  value === 0 && /[1-9a-f]/i.test(text.replace(/^[+-]?0x/i, "").replace(/[ep].*$/i, ""));

/**
 * A bound of a range of scores, which may begin after spaces and overflow to an infinity, and ends
 * at a zero byte as a C string does. NaN when it is none.
 */
export function parseBound(bytes: Uint8Array, start: number, length: number): number {
  const plain = parsePlain(bytes, start, length);
  if (!Number.isNaN(plain)) return plain;
  const text = latin1(bytes, start, start + length);
  const end = text.indexOf("\0");
  const line = end < 0 ? text : text.slice(0, end);
  return line === "" ? 0 : parseC(line.replace(/^[ \t\n\v\f\r]+/, ""));
}

const isSpace = (code: number): boolean => code === 32 || (code >= 9 && code <= 13);

/**
 * Digits with at most one point, fifteen of them: exact as an integer over a power of ten (Clinger
 * 1990). Else NaN.
 */
function parsePlain(bytes: Uint8Array, start: number, length: number): number {
  let at = start;
  const end = start + length;
  const isNegative = bytes[at] === 45;
  if (isNegative) at++;
  if (at === end || end - at > 16) return Number.NaN;
  let value = 0;
  let digits = 0;
  let fraction = -1;
  for (; at < end; at++) {
    const byte = bytes[at]!;
    if (byte === 46 && fraction < 0) {
      fraction = digits;
      continue;
    }
    const digit = byte - 48;
    if (digit < 0 || digit > 9) return Number.NaN;
    value = value * 10 + digit;
    digits++;
  }
  if (digits === 0 || digits > 15) return Number.NaN;
  if (fraction >= 0) value /= tens[digits - fraction]!;
  return isNegative ? -value : value;
}

const decimal = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const hexadecimal = /^([+-]?)0x([\da-f]*)\.?([\da-f]*)(?:p([+-]?\d+))?$/i;

/**
 * All of a text without leading space, as strtod reads it; infinite when it overflows, NaN when it
 * is no number.
 */
function parseC(text: string): number {
  if (decimal.test(text)) return Number(text);
  const name = /^([+-]?)inf(inity)?$/i.exec(text);
  if (name !== null) return name[1] === "-" ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  const match = hexadecimal.exec(text);
  if (match === null) return Number.NaN;
  const [, sign, whole = "", fraction = "", exponentText = "0"] = match;
  const digits = whole + fraction;
  if (digits === "" || /\..*\./.test(text)) return Number.NaN;
  const magnitude = scaleByTwo(BigInt(`0x${digits}`), Number(exponentText) - 4 * fraction.length);
  return sign === "-" ? -magnitude : magnitude;
}

/** The double nearest to `mantissa * 2^exponent`. */
function scaleByTwo(mantissa: bigint, exponent: number): number {
  if (mantissa === 0n) return 0;
  const bits = mantissa.toString(16).length * 4;
  if (bits + exponent > 1100) return Number.POSITIVE_INFINITY;
  if (bits + exponent < -1100) return 0;
  if (exponent >= 0) return Number(mantissa << BigInt(exponent));
  const scale = -exponent;
  return doubleOfDecimal({ units: mantissa * 5n ** BigInt(scale), scale });
}

const exponentMax = 17;
const exponentMin = -5;

/** A double with up to seventeen significant digits: "%.17g", and `inf`. */
export function formatDouble(value: number): string {
  if (Number.isSafeInteger(value)) return Object.is(value, -0) ? "-0" : String(value);
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  const [mantissa, exponentText] = seventeenDigits(value).split("e") as [string, string];
  const exponent = Number(exponentText);
  const sign = value < 0 ? "-" : "";
  const digits = mantissa.replace("-", "").replace(".", "").replace(/0+$/, "");
  if (exponent > exponentMin && exponent < exponentMax) return sign + placePoint(digits, exponent);
  const fraction = digits.length > 1 ? `.${digits.slice(1)}` : "";
  const mark = exponent < 0 ? "-" : "+";
  return `${sign}${digits[0]}${fraction}e${mark}${String(Math.abs(exponent)).padStart(2, "0")}`;
}

function placePoint(digits: string, exponent: number): string {
  if (exponent < 0) return `0.${"0".repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, "0");
  const fraction = digits.slice(exponent + 1);
  return fraction === "" ? whole : `${whole}.${fraction}`;
}

/** Only a multiple of 2^-25 can lie half-way between two numbers of seventeen digits. */
const tieScale = 2 ** 25;

/** In the form d.ddde±x. JavaScript rounds a half up, C to even. */
function seventeenDigits(value: number): string {
  if (!Number.isInteger(value * tieScale)) return value.toExponential(16);
  const [mantissa, exponent] = value.toExponential(60).split("e") as [string, string];
  const cut = mantissa.length - 44;
  const isTie = /^50*$/.test(mantissa.slice(cut));
  const isEven = Number(mantissa[cut - 1]) % 2 === 0;
  return isTie && isEven ? `${mantissa.slice(0, cut)}e${exponent}` : value.toExponential(16);
}

/** With a fixed number of decimals, a half rounded to even: "%.*f". */
export function formatFixed(value: number, decimals: number): string {
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  const { units, scale } = decimalOfDouble(value);
  const isNegative = value < 0 || Object.is(value, -0);
  const magnitude = units < 0n ? -units : units;
  const scaled =
    scale <= decimals
      ? magnitude * 10n ** BigInt(decimals - scale)
      : divideToEven(magnitude, 10n ** BigInt(scale - decimals));
  const digits = scaled.toString().padStart(decimals + 1, "0");
  const whole = digits.slice(0, digits.length - decimals);
  return `${isNegative ? "-" : ""}${whole}.${digits.slice(digits.length - decimals)}`;
}

function divideToEven(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor;
  const twice = (dividend - quotient * divisor) * 2n;
  const isUp = twice > divisor || (twice === divisor && (quotient & 1n) === 1n);
  return isUp ? quotient + 1n : quotient;
}

/** With up to seventeen decimals, as Redis shows numbers to people. */
export function formatHuman(value: number): string {
  if (!Number.isFinite(value)) return formatFixed(value, 17);
  const text = formatFixed(value, 17).replace(/\.?0+$/, "");
  return text === "-0" ? "0" : text;
}

/** A score as RESP2 and RESP3 send it. */
export function replyDouble(reply: Reply, value: number): void {
  if (!reply.resp3 && Number.isSafeInteger(value) && !Object.is(value, -0)) {
    reply.bulkInteger(value);
  } else {
    reply.double(formatDouble(value));
  }
}
