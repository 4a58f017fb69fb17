// config.json by typed keys. What is missing or of another kind is a fault of the file, told with the key's name; which keys
// nobody asked for is remembered, so that none is dropped in silence.
import { FileFault } from "../../bundle/file-fault.ts";
import { MOST_LAYERS } from "../semantics/model.ts";

export type Config = Readonly<Record<string, unknown>>;

export interface Missing {
  readonly key: string;
  readonly kind: string;
}
/** Missing keys are noted and read as something of their kind, so that one reading finds them all. */
export interface ConfigReader {
  /** For messages. */
  readonly file: string;
  /** There, and not null. */
  has(key: string): boolean;
  /** There, be it null. */
  given(key: string): boolean;
  /** Without `otherwise` the key must be there. */
  whole(key: string, otherwise?: number): number;
  /** How many layers there are: as many as the language allows. */
  layers(key: string): number;
  real(key: string, otherwise?: number): number;
  flag(key: string, otherwise?: boolean): boolean;
  text(key: string, otherwise?: string): string;
  texts(key: string): readonly string[];
  wholes(key: string): readonly number[];
  reals(key: string): readonly number[];
  /** A whole number, or undefined where the key is missing or null. */
  optional(key: string): number | undefined;
  inner(key: string): ConfigReader;
  /** The key says this or nothing: any other value would be another model. */
  only(key: string, value: string | number | boolean): void;
  /** Every key here was read, or is null: what is left would be of no effect in `kind`. */
  nothingElse(kind: string): void;
  fault(key: string, reason: string): FileFault;
  /** What was asked for without a default and is not there, of this object and those inside it. */
  missing(): readonly Missing[];
  /** Of this object and those inside it that were read; a path each. */
  unread(): readonly string[];
}

export const isConfig = (x: unknown): x is Config =>
  typeof x === "object" && x !== null && !Array.isArray(x);

export const configReader = (config: Config, file: string, path = ""): ConfigReader => {
  const asked = new Map<string, ConfigReader | undefined>();
  const lacking = new Map<string, string>();
  const at = (key: string): string => `${path}${key}`;
  const fault = (key: string, reason: string): FileFault =>
    new FileFault(file, `${at(key)} ${reason}`);
  const value = (key: string): unknown => {
    if (!asked.has(key)) asked.set(key, undefined);
    return config[key];
  };
  const typed =
    <T>(kind: string, is: (x: unknown) => x is T, some: T) =>
    (key: string, otherwise?: T): T => {
      const found = value(key);
      if (found === undefined || found === null) {
        if (otherwise !== undefined) return otherwise;
        lacking.set(at(key), kind);
        return some;
      }
      if (is(found)) return found;
      throw fault(key, `is ${JSON.stringify(found)}, expected a ${kind}`);
    };
  const whole = typed(
    "whole number",
    (x): x is number => typeof x === "number" && Number.isSafeInteger(x) && x >= 0,
    1,
  );
  const isList = <T>(x: unknown, is: (y: unknown) => y is T): x is readonly T[] =>
    Array.isArray(x) && x.every(is);
  return {
    file,
    given: (key) => value(key) !== undefined,
    has: (key) => value(key) !== undefined && config[key] !== null,
    whole,
    layers: (key) => {
      const found = whole(key);
      if (found <= MOST_LAYERS) return found;
      throw fault(key, `is ${found}: a model may have ${MOST_LAYERS} layers`);
    },
    real: typed("number", (x): x is number => typeof x === "number", 1),
    flag: typed("true or false", (x): x is boolean => typeof x === "boolean", false),
    text: typed("text", (x): x is string => typeof x === "string", ""),
    texts: (key) =>
      typed(
        "list of texts",
        (x): x is readonly string[] => isList(x, (y): y is string => typeof y === "string"),
        [],
      )(key, []),
    reals: (key) =>
      typed(
        "list of numbers",
        (x): x is readonly number[] => isList(x, (y): y is number => typeof y === "number"),
        [],
      )(key),
    wholes: (key) =>
      typed(
        "list of whole numbers",
        (x): x is readonly number[] => isList(x, (y): y is number => Number.isSafeInteger(y)),
        [],
      )(key, []),
    optional: (key) => (value(key) === undefined || config[key] === null ? undefined : whole(key)),
    inner: (key) => {
      const found = value(key);
      if (!isConfig(found)) throw fault(key, "is missing, or no object");
      const reader = asked.get(key) ?? configReader(found, file, `${at(key)}.`);
      asked.set(key, reader);
      return reader;
    },
    only: (key, wanted) => {
      const found = value(key);
      if (found !== undefined && found !== null && found !== wanted)
        throw fault(
          key,
          `is ${JSON.stringify(found)}; specc knows this family with ${JSON.stringify(wanted)} alone`,
        );
    },
    nothingElse: (kind) => {
      const left = Object.keys(config).find((key) => !asked.has(key) && config[key] !== null);
      if (left !== undefined)
        throw new FileFault(
          file,
          `${at(left)} is no key of ${kind} that specc knows`,
          `--set ${at(left)}=null leaves it out`,
        );
    },
    fault,
    missing: () => [
      ...[...lacking].map(([key, kind]) => ({ key, kind })),
      ...[...asked.values()].flatMap((inner) => inner?.missing() ?? []),
    ],
    unread: () =>
      Object.keys(config).flatMap((key) =>
        asked.has(key) ? (asked.get(key)?.unread() ?? []) : [at(key)],
      ),
  };
};
