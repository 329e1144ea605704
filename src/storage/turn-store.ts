// An object store and a packer whose answers come as turns of the node: `run` is told what to do
// and does it between two inputs. Before the node stands there are no turns, and answers come as
// they do.

import type { ObjectStore } from "./object-store.js";
import type { Packer } from "./packer.js";

export interface TurnPort {
  run: (work: () => void) => void;
}

export const storeInTurns = (store: ObjectStore, port: TurnPort): ObjectStore => ({
  get: (name, range, done) => store.get(name, range, (result) => port.run(() => done(result))),
  put: (name, bytes, condition, done) =>
    store.put(name, bytes, condition, (result) => port.run(() => done(result))),
  list: (prefix, continuation, done) =>
    store.list(prefix, continuation, (result) => port.run(() => done(result))),
  delete: (name, done) => store.delete(name, (result) => port.run(() => done(result))),
});

export const packInTurns = (packer: Packer, port: TurnPort): Packer => ({
  pack: (bytes, done) => packer.pack(bytes, (packed) => port.run(() => done(packed))),
  unpack: (packed, done) => packer.unpack(packed, (bytes) => port.run(() => done(bytes))),
});
