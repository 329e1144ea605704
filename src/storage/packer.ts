// Packing the bytes of an object before it is stored, as a port: the host packs beside the event
// loop, and a pure core has no compression of its own. The codec's number stands in the manifest,
// so objects packed in different ways live beside each other.

import type { Bytes } from "../base/bytes.js";
import { objectCodecs } from "./manifest.js";

export interface Packed {
  /** Of `objectCodecs`. */
  readonly codec: number;
  readonly bytes: Bytes;
}

/** Answers come at once or in a turn of the caller's own. */
export interface Packer {
  pack(bytes: Bytes, done: (packed: Packed) => void): void;
  /** Undefined: the codec is not known, or the bytes are none of it. */
  unpack(packed: Packed, done: (bytes: Bytes | undefined) => void): void;
}

/** Leaves everything as it is. */
export const plainPacker: Packer = {
  pack: (bytes, done) => done({ codec: objectCodecs.plain, bytes }),
  unpack: ({ codec, bytes }, done) => done(codec === objectCodecs.plain ? bytes : undefined),
};
