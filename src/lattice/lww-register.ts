// Last-writer-wins register, the textbook one: a stamp and a value, the higher stamp wins. It needs
// no context because it never forgets: a value can be replaced but not removed. Keys do not use it:
// DEL must be able to take away what it has seen and nothing else, for which mv-register.ts keeps
// the losers.

import {
  type ByteReader,
  type Bytes,
  type ByteWriter,
  equalBytes,
  MalformedBytes,
} from "../base/bytes.js";
import type { ReplicaTable } from "../clock/replica-table.js";
import { decodeTime, type ReplicaIndex, type Time } from "../clock/stamp.js";
import type { ReplicaCodec } from "./cell.js";
import { contextFree } from "./lattice.js";

export interface LastWrite {
  readonly time: Time;
  readonly replica: ReplicaIndex;
  /** The place in its batch: two writes of one batch have one stamp. */
  readonly place: number;
  readonly value: Bytes;
}

type State = LastWrite | undefined;

export const lwwRegister = contextFree<State, { readonly value: Bytes }, Bytes | undefined>({
  name: "lww_register",
  tag: 2,
  bottom: () => undefined,
  news(state, { value }, { stamp }) {
    const isSameBatch = state?.time === stamp.time && state.replica === stamp.replica;
    return { ...stamp, place: isSameBatch ? state.place + 1 : 0, value };
  },
  // Spec: Lattice.DrawLast.
  joinValues: (a, b, replicas) => (comesBefore(a, b, replicas) ? b : a),
  query: (state) => state?.value,
  equals(a, b) {
    if (a === undefined || b === undefined) return a === b;
    const isSameStamp = a.time === b.time && a.replica === b.replica && a.place === b.place;
    return isSameStamp && equalBytes(a.value, b.value);
  },
  encode(writer: ByteWriter, state: State, codec: ReplicaCodec) {
    writer.f64(state?.time ?? 0);
    if (state === undefined) return;
    codec.write(writer, state.replica);
    writer.varint(state.place).bytes(state.value);
  },
  decode(reader: ByteReader, codec: ReplicaCodec) {
    const time = decodeTime(reader);
    if (time === 0) return undefined;
    const replica = codec.read(reader);
    const place = reader.varint();
    if (place > 0xffff_ffff) throw new MalformedBytes("a batch has no such place");
    return { time, replica, place, value: reader.bytes().slice() };
  },
});

function comesBefore(a: State, b: State, replicas: ReplicaTable): boolean {
  if (a === undefined || b === undefined) return b !== undefined;
  const order = replicas.compareStamps(a, b);
  return order !== 0 ? order < 0 : a.place < b.place;
}
