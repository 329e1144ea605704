// Assertions are for our own bugs: a broken invariant always stops the node, it never becomes a
// reply. What the outside world does wrong (a bad frame, a full disk) is a `Result` or an error
// reply instead.

/** Thrown when the program contradicts itself. Never caught below `host/`. */
export class AssertionError extends Error {
  override readonly name = "AssertionError";
}

/**
 * States what must hold. The message is built by the caller only where it is cheap;
 * hot paths pass a constant string.
 */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** Marks a switch as exhaustive: a new variant of a union fails to compile here. */
export function unreachable(value: never): never {
  throw new AssertionError(`unreachable variant: ${JSON.stringify(value)}`);
}
