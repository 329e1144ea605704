// The checks of Maelstrom's messages as functions: those that the build has compiled, else compiled
// here and now. The compiler costs about 100 ms of a start, which is more than the rest of the
// node.

import { createHash } from "node:crypto";
import { type Check, type CheckName, type Checks, schemas } from "../wire/maelstrom-schemas.js";

/** The module that the build writes (scripts/compile-checks.ts), beside the schemas. */
export const compiledUrl = new URL("../wire/maelstrom-checks.js", import.meta.url);

/** Names the schemas that a compiled module was made from. */
export const schemasFingerprint = (): string =>
  createHash("sha1").update(JSON.stringify(schemas)).digest("hex");

export async function loadChecks(): Promise<Checks> {
  return (await loadCompiled()) ?? (await compile());
}

async function loadCompiled(): Promise<Checks | undefined> {
  try {
    const module = (await import(compiledUrl.href)) as { fingerprint: string } & Checks;
    return module.fingerprint === schemasFingerprint() ? module : undefined;
  } catch {
    return undefined; // The sources run as they are.
  }
}

async function compile(): Promise<Checks> {
  const { Ajv } = await import("ajv");
  const ajv = new Ajv({ strictRequired: false });
  const checks = Object.entries(schemas).map(([name, schema]): [CheckName, Check] => [
    name as CheckName,
    ajv.compile(schema) as Check,
  ]);
  return Object.fromEntries(checks) as Checks;
}
