// How much of what a function calls V8 may compile into it. Its usual bounds are for programs of
// which no part is hot for long: the path of a command through a node is one call deep after
// another, and beyond them each small function of it is a real call, thousands of times in a
// millisecond.

import { setFlagsFromString } from "node:v8";

/** Bytes of bytecode: of one function that is taken in, and of all that one takes in. */
const calleeBytesMax = 800;
const sumBytesMax = 4000;

/** To be called before anything has been compiled for speed. */
export function allowDeepInlining(): void {
  setFlagsFromString(`--max-inlined-bytecode-size=${calleeBytesMax}`);
  setFlagsFromString(`--max-inlined-bytecode-size-cumulative=${sumBytesMax}`);
}
