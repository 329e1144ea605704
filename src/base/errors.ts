// The error table. Codes below 1000 are Maelstrom's (doc/protocol.md there); each says whether the
// operation certainly did not happen ("definite") or may have happened ("indefinite").
// Retrying is decided from this table, never from the text of a message.

export interface ErrorKind {
  readonly code: number;
  /** True: certainly not applied. False: it may have been applied. */
  readonly definite: boolean;
}

export const errors = {
  timeout: { code: 0, definite: false },
  node_not_found: { code: 1, definite: true },
  not_supported: { code: 10, definite: true },
  temporarily_unavailable: { code: 11, definite: true },
  malformed_request: { code: 12, definite: true },
  crash: { code: 13, definite: false },
  abort: { code: 14, definite: true },
  key_does_not_exist: { code: 20, definite: true },
  key_already_exists: { code: 21, definite: true },
  precondition_failed: { code: 22, definite: true },
  txn_conflict: { code: 30, definite: true },
} as const satisfies Record<string, ErrorKind>;

export type ErrorName = keyof typeof errors;

const namesByCode = new Map<number, ErrorName>(
  (Object.keys(errors) as ErrorName[]).map((name) => [errors[name].code, name]),
);

/**
 * The name of a code, or undefined for a code this table does not know (treat it as indefinite).
 */
export const errorNameOf = (code: number): ErrorName | undefined => namesByCode.get(code);

/**
 * Whether an operation that failed with `code` certainly did not happen. Unknown codes are
 * indefinite.
 */
export function isDefinite(code: number): boolean {
  const name = namesByCode.get(code);
  return name !== undefined && errors[name].definite;
}
