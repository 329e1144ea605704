// Follows SCAN, SSCAN, HSCAN or ZSCAN until its cursor is 0 and returns what it found as one frame,
// sorted and without repetition: the guarantee is that every element which stays is returned, in
// any order, at least once.

import { encodeCommand, parseReply, type RespConnection } from "./resp-client.js";

/**
 * More calls than any generated keyspace needs; a cursor that never ends is reported, not followed.
 */
const callsMax = 20_000;

export async function drain(connection: RespConnection, argv: readonly string[]): Promise<Buffer> {
  const command = argv[0]!.toUpperCase();
  const cursorAt = command === "SCAN" ? 1 : 2;
  const isPairs = command === "HSCAN" || command === "ZSCAN";
  const found = new Set<string>();
  let cursor = "0";
  for (let calls = 0; calls < callsMax; calls++) {
    const asked = argv.map((word, at) => (at === cursorAt ? cursor : word));
    const frame = (await connection.exchange([asked]))[0]!;
    const [next, elements] = parseReply(frame).items ?? [];
    if (next?.text === undefined || elements?.items === undefined) return frame;
    for (let i = 0; i < elements.items.length; i += isPairs ? 2 : 1) {
      const element = elements.items[i]!.text ?? "(null)";
      found.add(isPairs ? `${element} -> ${elements.items[i + 1]?.text}` : element);
    }
    cursor = next.text;
    if (cursor === "0") return encodeCommand([...found].sort());
  }
  throw new Error(`${command} did not end within ${callsMax} calls`);
}
