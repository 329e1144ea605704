// CONFIG's parameters while the node runs: one table row each, with its type, its range and what happens when it
// changes. Values are text at the edge, as Redis prints them, and typed inside.

export type SettingKind = "boolean" | "integer" | "memory" | "text" | "choice";

export interface SettingSpec {
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly kind: SettingKind;
  readonly initial: string;
  readonly choices?: readonly string[];
  readonly min?: number;
  readonly max?: number;
  /** Cannot change while the node runs. */
  readonly immutable?: boolean;
  /** Real: it does what Redis's does. Accepted: it is kept and shown, and has no effect here. */
  readonly support: "real" | "accepted";
  readonly summary?: string;
}

/** The settings of one node. */
export interface Settings {
  /** Canonical text of a parameter or of an alias; undefined when there is no such parameter. */
  get(name: string): string | undefined;
  /** A numeric parameter's value; `memory` in bytes. The name must be a known number. */
  number(name: string): number;
  /** Whether a boolean parameter is `yes`. */
  flag(name: string): boolean;
  /** Changes one parameter. Returns the error text, or undefined. */
  set(name: string, value: string): string | undefined;
  names(): readonly string[];
  specOf(name: string): SettingSpec | undefined;
  /** Called after every change of the named parameter, and once at registration. */
  onChange(name: string, listener: (value: string) => void): void;
}
