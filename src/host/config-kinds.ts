// What a setting is, and the kinds of values settings have: how each is checked, described in words
// and read from text. The settings themselves are the rows of config-table.ts.

export type ConsistencyMode = "eventual" | "causal" | "linearizable";

export const modes = [
  "eventual",
  "causal",
  "linearizable",
] as const satisfies readonly ConsistencyMode[];

/** One row of the table. T is the type of the value as the program sees it. */
export interface Setting<T> {
  /** Dotted place in perf_config.toml. */
  readonly path: string;
  /** Environment names, the first that is set wins. */
  readonly env: readonly string[];
  /** Long flag without its dashes, or undefined: not a flag. */
  readonly flag: string | undefined;
  /** The kind of value, in words for messages and help: "an integer from 0 to 65535". */
  readonly expects: string;
  readonly schema: Readonly<Record<string, unknown>>;
  /**
   * Text of a flag or of the environment to the TOML value; what does not parse is left as text.
   */
  readonly parse: (text: string) => unknown;
  readonly default: T;
  readonly doc: string;
  readonly refusal: string | undefined;
  readonly note: string | undefined;
  readonly isSecret: boolean;
}

interface Row<T> {
  readonly path: string;
  readonly env?: readonly string[];
  readonly flag?: string;
  readonly default: T;
  readonly doc: string;
  readonly refusal?: string;
  readonly note?: string;
  readonly isSecret?: boolean;
}

type Kind<T> = Pick<Setting<T>, "expects" | "schema" | "parse">;

const setting = <T>(row: Row<T>, kind: Kind<T>): Setting<T> => ({
  env: [],
  flag: undefined,
  refusal: undefined,
  note: undefined,
  isSecret: false,
  ...row,
  ...kind,
});

export const integer = (row: Row<number> & { from: number; to: number }): Setting<number> => {
  const { from, to, ...rest } = row;
  return setting(rest, {
    expects: `an integer from ${from} to ${to}`,
    schema: { type: "integer", minimum: from, maximum: to },
    parse: (text) => (/^[+-]?\d+$/.test(text) ? Number(text) : text),
  });
};

const truths = new Map([
  ["true", true],
  ["yes", true],
  ["1", true],
  ["false", false],
  ["no", false],
  ["0", false],
]);

export const boolean = (row: Row<boolean>): Setting<boolean> =>
  setting(row, {
    expects: "true or false",
    schema: { type: "boolean" },
    parse: (text) => truths.get(text.toLowerCase()) ?? text,
  });

export const text = (
  row: Row<string> & { pattern?: string; expects?: string },
): Setting<string> => {
  const { pattern, expects, ...rest } = row;
  return setting(rest, {
    expects: expects ?? "a text",
    schema: pattern === undefined ? { type: "string" } : { type: "string", pattern },
    parse: (value) => value,
  });
};

export const texts = (
  row: Row<readonly string[]> & { pattern: string; expects: string },
): Setting<readonly string[]> => {
  const { pattern, expects, ...rest } = row;
  return setting(rest, {
    expects,
    schema: { type: "array", items: { type: "string", pattern }, uniqueItems: true, maxItems: 64 },
    parse: (value) => value.split(",").map((part) => part.trim()),
  });
};

export const choice = <T extends string>(row: Row<T> & { of: readonly T[] }): Setting<T> => {
  const { of, ...rest } = row;
  return setting(rest, {
    expects: `one of ${of.join(", ")}`,
    schema: { enum: [...of] },
    parse: (value) => value,
  });
};

/** Key prefix -> mode. As text: `lock:=linearizable,cart:=causal`. */
export const modeTable = (
  row: Row<Readonly<Record<string, ConsistencyMode>>>,
): Setting<Readonly<Record<string, ConsistencyMode>>> =>
  setting(row, {
    expects: `PREFIX=MODE, where the mode is one of ${modes.join(", ")}`,
    schema: {
      type: "object",
      additionalProperties: { enum: [...modes] },
      propertyNames: { minLength: 1, maxLength: 512 },
      maxProperties: 256,
    },
    parse: (value) => {
      const entries = value.split(",").map((part) => {
        const cut = part.lastIndexOf("="); // A prefix may contain "=", a mode does not.
        return cut < 1 ? undefined : ([part.slice(0, cut), part.slice(cut + 1)] as const);
      });
      // Without a prototype, so that a prefix called __proto__ is a prefix.
      const table: Record<string, string> = Object.create(null);
      for (const entry of entries) {
        if (entry === undefined) return value;
        table[entry[0]] = entry[1];
      }
      return table;
    },
  });

/** Parameters of CONFIG by name. As text: one `name=value` per line. */
export const parameterTable = (
  row: Row<Readonly<Record<string, ParameterValue>>>,
): Setting<Readonly<Record<string, ParameterValue>>> =>
  setting(row, {
    expects: "a text, a number or a truth value",
    schema: {
      type: "object",
      additionalProperties: {
        anyOf: [{ type: "string" }, { type: "number" }, { type: "boolean" }],
      },
      maxProperties: 1024,
    },
    parse: (value) => {
      const table: Record<string, string> = Object.create(null);
      for (const line of value.split("\n")) {
        const cut = line.indexOf("=");
        if (cut < 1) return value;
        table[line.slice(0, cut)] = line.slice(cut + 1);
      }
      return table;
    },
  });

export type ParameterValue = string | number | boolean;
