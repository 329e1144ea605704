// Builders of settings rows, so that a row of the table fits a line. A row is `accepted` unless it
// says `real`.

import type { SettingKind, SettingSpec } from "./settings.js";

interface RowOptions
  extends Partial<
    Pick<
      SettingSpec,
      "aliases" | "immutable" | "hidden" | "guarded" | "secret" | "read" | "complete" | "summary"
    >
  > {
  readonly real?: true;
}

type Bound = number | bigint;

function row(
  kind: SettingKind,
  name: string,
  initial: string,
  more: Partial<SettingSpec>,
  options: RowOptions,
): SettingSpec {
  const { real, ...rest } = options;
  return { name, kind, initial, support: real === true ? "real" : "accepted", ...more, ...rest };
}

export const flag = (name: string, initial: "yes" | "no", options: RowOptions = {}): SettingSpec =>
  row("boolean", name, initial, {}, options);

export const text = (name: string, initial: string, options: RowOptions = {}): SettingSpec =>
  row("text", name, initial, {}, options);

export const words = (
  name: string,
  initial: string,
  read: NonNullable<SettingSpec["read"]>,
  options: RowOptions = {},
): SettingSpec => row("words", name, initial, { read }, options);

export const choice = (
  name: string,
  initial: string,
  choices: readonly string[],
  options: RowOptions = {},
): SettingSpec => row("choice", name, initial, { choices }, options);

export const choices = (
  name: string,
  initial: string,
  of: readonly string[],
  options: RowOptions = {},
): SettingSpec => row("choices", name, initial, { choices: of }, options);

const numeric =
  (kind: SettingKind) =>
  (name: string, initial: string, min: Bound, max: Bound, options: RowOptions = {}): SettingSpec =>
    row(kind, name, initial, { min, max }, options);

export const integer = numeric("integer");
export const memory = numeric("memory");
export const memoryOrPercent = numeric("memoryOrPercent");
export const octal = numeric("octal");
