// Error replies that several families share. The texts are Redis 7.0's to the letter: clients and
// tests compare them. An error of one command only stands where that command is.

import type { Call } from "./call.js";

export const errorText = {
  wrongType: "WRONGTYPE Operation against a key holding the wrong kind of value",
  syntax: "ERR syntax error",
  notInteger: "ERR value is not an integer or out of range",
  notFloat: "ERR value is not a valid float",
  notInt32: "ERR value is out of range, value must between -2147483648 and 2147483647",
  noSuchKey: "ERR no such key",
  sameObject: "ERR source and destination objects are the same",
  databaseRange: "ERR DB index is out of range",
  offsetRange: "ERR offset is out of range",
  stringTooLong: "ERR string exceeds maximum allowed size (proto-max-bulk-len)",
  notANumberOrInfinity: "ERR increment would produce NaN or Infinity",
} as const;

export type ErrorText = keyof typeof errorText;

/** Answers with one of the shared errors. */
export function fail(call: Call, error: ErrorText): void {
  call.reply.error(errorText[error]);
}

/** The name that errors give a command: `container|sub` for a subcommand. */
export function failExpireTime(call: Call): void {
  call.reply.error(`ERR invalid expire time in '${call.command.name}' command`);
}

export function failArity(call: Call): void {
  call.reply.error(`ERR wrong number of arguments for '${call.command.name}' command`);
}
