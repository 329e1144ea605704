// The manifest: which objects of a store are alive, and who may say so. It is one small object that
// is replaced as a whole; its name is the only one in the store that ever changes its content.
//
//   magic  "SKERRY-MANIFEST"       writer   text, the node that wrote it
//   version 8 bits                 heldLsn  float64, the log up to here is in the objects
//   epoch   float64                count    varint, then the objects: name text, size float64,
//   sequence float64                        crc 32 bits, codec 8 bits, plain size float64, kind
//   crc     32 bits, CRC-32 of all          8 bits, first and last LSN and the highest stamp
//           before it                       time, float64 each
//
// What is not in the manifest is not alive: an object is written before the manifest names it and
// removed after the manifest has ceased to. Left out: manifests that are too large for one object;
// at 100 bytes an object a hundred thousand objects are ten megabytes.

import { crc32 } from "node:zlib";
import {
  ByteReader,
  type Bytes,
  ByteWriter,
  compareText,
  fromUtf8,
  MalformedBytes,
  utf8,
} from "../base/bytes.js";
import { failure, type Result, success } from "../base/result.js";
import type { Time } from "../clock/stamp.js";
import type { ObjectEntry } from "./object-store.js";

/** How an object's bytes are packed; numbers are part of the format. */
export const objectCodecs = { plain: 0, deflate: 1 } as const;

/** What an object holds; numbers are part of the format. */
export const objectKinds = {
  /** A part of a checkpoint file; the parts in the order of their names are the file. */
  checkpoint: 1,
  /** Records of the log, all of them. */
  segment: 2,
  /** Records of the log without what later ones in it replace: only as a whole it is a state. */
  netted: 3,
} as const;

export interface LiveObject {
  readonly name: string;
  /** Bytes as stored. */
  readonly size: number;
  /** CRC-32 of the bytes as stored. */
  readonly crc: number;
  readonly codec: number;
  /** Bytes before they were packed. */
  readonly plainSize: number;
  readonly kind: number;
  /** Of its records; of a checkpoint, where replay begins and what the log must reach. */
  readonly firstLsn: number;
  readonly lastLsn: number;
  /** The highest stamp time of the log up to its end. */
  readonly time: Time;
}

export interface Manifest {
  /** Rises with each writer that takes over; a writer of an older epoch is fenced. */
  readonly epoch: number;
  /** Rises with each replacement, over all epochs. */
  readonly sequence: number;
  readonly writer: string;
  /** The log may be cut below here: records up to this LSN are in the objects. */
  readonly heldLsn: number;
  /** In ascending order of names, each once. */
  readonly objects: readonly LiveObject[];
}

export const manifestMagic = "SKERRY-MANIFEST";
export const manifestVersion = 1;
/** A manifest of nothing, before the first writer. */
export const emptyManifest: Manifest = {
  epoch: 0,
  sequence: 0,
  writer: "",
  heldLsn: 0,
  objects: [],
};

export function encodeManifest({ epoch, sequence, writer, heldLsn, objects }: Manifest): Bytes {
  const bytes = new ByteWriter();
  bytes.raw(utf8(manifestMagic)).u8(manifestVersion).f64(epoch).f64(sequence).text(writer);
  bytes.f64(heldLsn).varint(objects.length);
  for (const object of objects) {
    bytes.text(object.name).f64(object.size).u32(object.crc).u8(object.codec);
    bytes.f64(object.plainSize).u8(object.kind);
    bytes.f64(object.firstLsn).f64(object.lastLsn).f64(object.time);
  }
  bytes.u32(crc32(bytes.view()));
  return bytes.finish();
}

/** The manifest, or why the bytes are none. */
export function decodeManifest(bytes: Bytes): Result<Manifest> {
  const end = bytes.length - 4;
  if (end < manifestMagic.length + 1) return failure("it is too short to be a manifest");
  if (fromUtf8(bytes.subarray(0, manifestMagic.length)) !== manifestMagic)
    return failure("it is no manifest of Skerry");
  const version = bytes[manifestMagic.length];
  if (version !== manifestVersion)
    return failure(`format ${version} is not known, only ${manifestVersion}`);
  if (new ByteReader(bytes, end).u32() !== crc32(bytes.subarray(0, end)))
    return failure("its checksum is wrong");
  try {
    return readBody(new ByteReader(bytes, manifestMagic.length + 1, end));
  } catch (error) {
    if (error instanceof MalformedBytes) return failure(error.message);
    throw error;
  }
}

function readBody(reader: ByteReader): Result<Manifest> {
  const [epoch, sequence, writer] = [reader.f64(), reader.f64(), reader.text()];
  const heldLsn = reader.f64();
  const objects: LiveObject[] = [];
  for (let count = reader.count(); count > 0; count--)
    objects.push({
      ...{ name: reader.text(), size: reader.f64(), crc: reader.u32(), codec: reader.u8() },
      ...{ plainSize: reader.f64(), kind: reader.u8() },
      ...{ firstLsn: reader.f64(), lastLsn: reader.f64(), time: reader.f64() },
    });
  reader.expectEnd();
  return success({ epoch, sequence, writer, heldLsn, objects });
}

/** What changes from one manifest to the next. */
export interface ManifestChange {
  /** Objects that are stored and durable. */
  readonly add: readonly LiveObject[];
  /** Names of objects whose content is in others that are alive. */
  readonly remove: readonly string[];
  /** Never lowers that of the manifest, but for a rebase. */
  readonly heldLsn: number;
  /** The objects added are another history, with its own count of records. */
  readonly isRebase?: boolean;
}

/** The manifest after a change; a name that is added anew replaces the old one. */
export function changed(manifest: Manifest, change: ManifestChange): Manifest {
  const objects = new Map(manifest.objects.map((object) => [object.name, object]));
  for (const name of change.remove) objects.delete(name);
  for (const object of change.add) objects.set(object.name, object);
  return {
    ...manifest,
    sequence: manifest.sequence + 1,
    heldLsn: change.isRebase ? change.heldLsn : Math.max(manifest.heldLsn, change.heldLsn),
    objects: [...objects.values()].sort((a, b) => compareText(a.name, b.name)),
  };
}

const epochDigits = 10;

/** The name of an object: the epoch of its writer first, so that strays can be told apart. */
export const objectNameOf = (folder: string, epoch: number, number: number): string =>
  `${folder}/${String(epoch).padStart(epochDigits, "0")}-${String(number).padStart(12, "0")}`;

/** The epoch in which an object was written, or undefined for a name of another form. */
export function epochOfObject(name: string): number | undefined {
  const found = /\/(\d{10,})-\d{12,}$/.exec(name)?.[1];
  return found === undefined ? undefined : Number(found);
}

/**
 * The objects of a listing that nobody needs: not alive, and written in an epoch that is over. The
 * manifest has to be the one that stands in the store. What the present writer has stored is about
 * to be named, and what a later one has stored is not ours to judge.
 */
export function straysAmong(entries: readonly ObjectEntry[], manifest: Manifest): string[] {
  const alive = new Set(manifest.objects.map(({ name }) => name));
  return entries
    .map(({ name }) => name)
    .filter((name) => !alive.has(name) && (epochOfObject(name) ?? Infinity) < manifest.epoch);
}
