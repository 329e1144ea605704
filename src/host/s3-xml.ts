// The two answers of S3 that come as XML: a page of a listing and an error. Reads the elements that
// are needed, in the form that Amazon documents. Left out: everything else of XML; names of objects
// are ours and hold no character that would be written as an entity, tokens are unescaped.

import type { ObjectEntry, ObjectPage } from "../storage/object-store.js";

/** The code of an error, such as NoSuchKey; empty when there is none. */
export const readErrorCode = (xml: string): string => elementOf(xml, "Code") ?? "";

/**
 * The page of a ListObjectsV2, its names without the prefix; undefined when it is none. Names
 * without the prefix are others' and are left out.
 */
export function readListPage(xml: string, prefix: string): ObjectPage | undefined {
  if (!/<ListBucketResult[\s>]/.test(xml)) return undefined;
  const entries: ObjectEntry[] = [];
  for (const [, contents] of xml.matchAll(/<Contents>(.*?)<\/Contents>/gs)) {
    const key = elementOf(contents!, "Key");
    const size = Number(elementOf(contents!, "Size"));
    if (key === undefined || !Number.isSafeInteger(size)) return undefined;
    if (key.startsWith(prefix)) entries.push({ name: key.slice(prefix.length), size });
  }
  const isCut = elementOf(xml, "IsTruncated") === "true";
  const continuation = isCut ? elementOf(xml, "NextContinuationToken") : undefined;
  return isCut && continuation === undefined ? undefined : { entries, continuation };
}

function elementOf(xml: string, name: string): string | undefined {
  const found = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1];
  return found?.replace(/&(amp|lt|gt|quot|apos|#39|#34);/g, (_, entity) => entities[entity]!);
}

const entities: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  "#39": "'",
  "#34": '"',
};
