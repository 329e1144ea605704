// CONFIG's parameters while the node runs: one table row each (settings-table.ts), with its type,
// its range and what happens when it changes. Values are text at the edge, as Redis prints them,
// and typed inside.

/**
 * How a value is read: `memory` takes units (`1gb`), `memoryOrPercent` also `5%`, `octal` a file
 * mode, `choices` several words of a list, `words` what the row's own `read` makes of the words.
 */
export type SettingKind =
  | "boolean"
  | "integer"
  | "memory"
  | "memoryOrPercent"
  | "octal"
  | "text"
  | "choice"
  | "choices"
  | "words";

/** A value in canonical form, or why it is refused. */
export type Reading = { readonly value: string } | { readonly refusal: string };

export interface SettingSpec {
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly kind: SettingKind;
  /** As CONFIG GET prints it. */
  readonly initial: string;
  readonly choices?: readonly string[];
  readonly min?: number | bigint;
  readonly max?: number | bigint;
  /** Cannot change while the node runs. */
  readonly immutable?: boolean;
  /** CONFIG GET shows it only when it is asked for by its full name. */
  readonly hidden?: boolean;
  /** CONFIG SET changes it only where `enable-protected-configs` allows. */
  readonly guarded?: boolean;
  /** A password: SLOWLOG and MONITOR must not show its value. */
  readonly secret?: boolean;
  /** For `text` and `words`: checks and completes a value. `current` is the value before. */
  readonly read?: (text: string, current: string) => Reading;
  /** For numbers: brings a value within what is really used. */
  readonly complete?: (value: string) => string;
  /** Real: it does what Redis's does. Accepted: it is kept and shown, and has no effect here. */
  readonly support: "real" | "accepted";
  readonly summary?: string;
}

/** Why a change was refused; nothing of it was applied. */
export interface SettingRefusal {
  /** The parameter that is to blame, as the caller wrote it when it is not known. */
  readonly name: string;
  /** Absent when there is no such parameter. */
  readonly reason?: string;
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
  /** Changes several parameters, all or none. */
  setAll(changes: readonly (readonly [name: string, value: string])[]): SettingRefusal | undefined;
  /** All names, aliases included, hidden ones not. */
  names(): readonly string[];
  specOf(name: string): SettingSpec | undefined;
  /** Called after every change of the named parameter, and once at registration. */
  onChange(name: string, listener: (value: string) => void): void;
  /**
   * Asked before the named parameter takes another value while the node runs: carries the change
   * out (a listener moves to another port) or answers why it cannot.
   */
  onApply(name: string, apply: (value: string) => string | undefined): void;
}
