// One text per JSON value: object keys sorted, so that two values are equal exactly when their
// texts are. Judges compare and group what clients sent and read through this, never through
// reference equality.

/** Any JSON value. Keys, inputs and outputs of operations are of this type. */
export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json };

/**
 * The canonical text of a value; an absent value (undefined) has its own text, which no JSON value
 * has.
 */
export function canonical(value: Json | undefined): string {
  if (value === undefined) return "absent";
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (isArray(value)) return `[${value.map(canonical).join(",")}]`;
  const fields = Object.keys(value).sort();
  const members = fields.map((field) => `${JSON.stringify(field)}:${canonical(value[field])}`);
  return `{${members.join(",")}}`;
}

const isArray = (value: Json): value is readonly Json[] => Array.isArray(value);
