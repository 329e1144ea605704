// The no-operation responder of the benchmark: `node bench-floor.js PORT`. It gives every command
// the same reply without parsing or storing anything, so its rate is what sockets of Node alone can
// carry: our floor. The reply is +OK until somebody sends `FLOOR.REPLY bytes`: replies of the
// length of the true ones take as long to send, and cost the client as much to read. It counts
// commands by length: redis-benchmark sends commands of one length per run, so only the first one
// of a connection is measured. Good for nothing else, and it must not be used to compare replies.

import { createServer, Socket } from "node:net";

const readBytes = 64 * 1024;
const repliesBytes = 80 * 1024;
const ok = Buffer.from("+OK\r\n");
const order = Buffer.from("*2\r\n$11\r\nFLOOR.REPLY\r\n$");
let reply: Buffer = ok;
let repliesMax = 0;
let replies: Buffer = ok;
const shared = Buffer.alloc(readBytes);

/** What is given from now on: many of them at hand, to be sent in one write. */
function giveReply(bytes: Buffer): void {
  reply = bytes;
  repliesMax = Math.max(1, Math.floor(repliesBytes / bytes.length));
  replies = Buffer.alloc(repliesMax * bytes.length, bytes);
}

/** The bytes that a whole `FLOOR.REPLY` gives; undefined when the chunk is something else. */
function orderedReply(chunk: Buffer): Buffer | undefined {
  if (!chunk.subarray(0, order.length).equals(order)) return undefined;
  const lineEnd = chunk.indexOf("\r\n", order.length);
  const length = Number(chunk.toString("latin1", order.length, lineEnd));
  if (chunk.length !== lineEnd + 2 + length + 2) throw new Error("FLOOR.REPLY came in pieces");
  return Buffer.from(chunk.subarray(lineEnd + 2, lineEnd + 2 + length));
}

/** Length of the first command in `bytes`, all of which redis-benchmark sends in one write. */
function commandLength(bytes: Buffer): number {
  if (bytes[0] !== 0x2a) return bytes.indexOf("\r\n") + 2; // An inline command ends at its line.
  let at = bytes.indexOf("\r\n");
  const count = Number(bytes.toString("latin1", 1, at));
  at += 2;
  for (let i = 0; i < count; i++) {
    const lineEnd = bytes.indexOf("\r\n", at);
    at = lineEnd + 4 + Number(bytes.toString("latin1", at + 1, lineEnd));
  }
  return at;
}

function serve(handle: unknown): void {
  let length = 0;
  let pending = 0;
  const onread = {
    buffer: shared,
    callback(count: number, bytes: Uint8Array): boolean {
      const chunk = bytes as Buffer;
      const ordered = orderedReply(chunk.subarray(0, count));
      if (ordered !== undefined) {
        giveReply(ordered);
        socket.write(ok);
        return true;
      }
      // The benchmark asks for CONFIG before it starts; its commands then come over fresh
      // connections.
      if (length === 0) length = commandLength(chunk.subarray(0, count));
      pending += count;
      let commands = Math.floor(pending / length);
      pending -= commands * length;
      while (commands > 0) {
        const now = Math.min(commands, repliesMax);
        socket.write(replies.subarray(0, now * reply.length));
        commands -= now;
      }
      return true;
    },
  };
  // The accepted handle is taken over to read into one shared buffer, as the node's own host does.
  const options = { handle, onread } as unknown as ConstructorParameters<typeof Socket>[0];
  const socket = new Socket(options);
  socket.setNoDelay(true);
  socket.on("error", () => socket.destroy());
  socket.resume();
}

giveReply(ok);
const server = createServer({ pauseOnConnect: true }, (accepted) => {
  const owner = accepted as unknown as { _handle: { reading: boolean } };
  const handle = owner._handle;
  handle.reading = false;
  serve(handle);
});
server.listen(Number(process.argv[2]), "127.0.0.1");
