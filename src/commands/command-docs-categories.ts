// ACL categories of a command: those that follow from its flags, and those that its record names.
// The same rules and the same order as in Redis 7.0.

import type { CommandSpec } from "./command.js";

/** All categories, in the order of ACL CAT. */
export const aclCategories = [
  "keyspace",
  "read",
  "write",
  "set",
  "sortedset",
  "list",
  "hash",
  "string",
  "bitmap",
  "hyperloglog",
  "geo",
  "stream",
  "pubsub",
  "admin",
  "fast",
  "slow",
  "blocking",
  "dangerous",
  "connection",
  "transaction",
  "scripting",
] as const;

export type AclCategory = (typeof aclCategories)[number];

export function categoriesOf(spec: CommandSpec): string[] {
  const named = new Set((spec.categories ?? []).map((name) => name.replace(/^@/, "")));
  const has = (flag: CommandSpec["flags"][number]): boolean => spec.flags.includes(flag);
  if (spec.group === "transactions") named.add("transaction");
  if (has("write")) named.add("write");
  if (has("readonly") && !named.has("scripting")) named.add("read");
  if (has("admin")) named.add("admin").add("dangerous");
  if (has("pubsub")) named.add("pubsub");
  if (has("blocking")) named.add("blocking");
  if (has("fast")) named.add("fast");
  if (!named.has("fast")) named.add("slow");
  return aclCategories.filter((category) => named.has(category));
}
