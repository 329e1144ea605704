// Generated input of clients: requests that are right, nearly right, and random bytes; and ways to
// cut it into reads.

import fc from "fast-check";

const bytesOf = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "latin1"));

export function encodeRequest(args: readonly (string | Uint8Array)[]): Uint8Array {
  const parts: Uint8Array[] = [bytesOf(`*${args.length}\r\n`)];
  for (const arg of args) {
    const bytes = typeof arg === "string" ? bytesOf(arg) : arg;
    parts.push(bytesOf(`$${bytes.length}\r\n`), bytes, bytesOf("\r\n"));
  }
  return Uint8Array.from(Buffer.concat(parts));
}

const blob = fc.oneof(
  { weight: 4, arbitrary: fc.uint8Array({ maxLength: 12 }) },
  { weight: 1, arbitrary: fc.uint8Array({ minLength: 90, maxLength: 130 }) },
);

const word = fc.constantFrom("ECHO", "set", "GET", "incr", "MULTI", "EXEC", "ping", "nosuch");

/** A request as a client library sends it, of commands whose replies follow from the requests. */
const multibulk = fc
  .tuple(word, fc.array(blob, { maxLength: 3 }))
  .map(([name, args]) => encodeRequest([name, ...args]));

const keyed = fc
  .tuple(fc.constantFrom("k", "key", "another"), blob, fc.constantFrom("SET", "APPEND"))
  .map(([key, value, name]) => encodeRequest([name, key, value]));

const inlinePiece = fc.constantFrom(
  ...[
    "ECHO ",
    "ping",
    "set k ",
    '"a b"',
    "'it\\'s'",
    '"\\x41\\n"',
    '"',
    "'",
    "\\",
    "\t",
    "\v",
    "\f",
  ],
  ...["word", " ", "\0", "\x80", '"x"y'],
);
const inline = fc
  .tuple(fc.array(inlinePiece, { maxLength: 5 }), fc.constantFrom("\r\n", "\n", "\r\n\r\n"))
  .map(([pieces, end]) => bytesOf(pieces.join("") + end));

/** What a broken or hostile client says. */
const nonsense = fc.oneof(
  fc.uint8Array({ maxLength: 20 }),
  fc
    .constantFrom(
      ...[
        "*-1\r\n",
        "*0\r\n",
        "*-0\r\n",
        "*+1\r\n",
        "*01\r\n",
        "*1\r\n*1\r\n*1\r\n",
        "*1\r\n$-1\r\n",
      ],
      ...["*2147483648\r\n", "*9223372036854775808\r\n", "*-9223372036854775808\r\n", "*abc\r\n"],
      ...["*1\r\n$4\n\nPING\r\n", "*1\r\n$536870913\r\n", "*1\r\n$99999999999999999999999\r\n"],
      ...[
        "*1\r\n\0",
        "*1\r\n:1\r\n",
        "*\r\n",
        "*1\0\r\n",
        "*1\r\n$\r\n",
        "$4\r\nPING\r\n",
        "*1\rX$1\rXaYZ",
      ],
    )
    .map(bytesOf),
);

/** A conversation of one client, as one piece. */
export const conversation = fc
  .array(
    fc.oneof(
      { weight: 6, arbitrary: multibulk },
      { weight: 6, arbitrary: keyed },
      { weight: 3, arbitrary: inline },
      { weight: 1, arbitrary: nonsense },
    ),
    { maxLength: 60 },
  )
  .map((parts) => Uint8Array.from(Buffer.concat(parts)));

/** Positions at which input is cut, as fractions of its length. */
export const cuts = fc.array(
  // Without its bias towards the ends, where a cut cuts nothing.
  fc.noBias(fc.integer({ min: 1, max: 999 })).map((thousandths) => thousandths / 1000),
  { minLength: 1, maxLength: 12 },
);

export function cutAt(bytes: Uint8Array, fractions: readonly number[]): Uint8Array[] {
  const positions = fractions.map((each) => Math.round(each * bytes.length)).sort((a, b) => a - b);
  const pieces: Uint8Array[] = [];
  let start = 0;
  for (const end of [...positions, bytes.length]) {
    if (end > start) pieces.push(bytes.slice(start, end));
    start = end;
  }
  return pieces;
}

export const eachByte = (bytes: Uint8Array): Uint8Array[] =>
  Array.from(bytes, (byte) => Uint8Array.of(byte));
