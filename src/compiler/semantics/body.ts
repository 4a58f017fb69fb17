// The keys of a place from their texts: unknown and missing ones, defaults, `--set`, in the order of the table.
import { suggest } from "../../bundle/suggest.ts";
import type { Span } from "../diagnostics/types.ts";
import type { Context } from "./context.ts";
import { defaultOf, keyValue, overridden, withoutLayer } from "./construct.ts";
import type { Written } from "./flatten.ts";
import { didYouMean } from "./load.ts";
import { valueOf } from "./samples.ts";
import type { Key } from "./schema.ts";
import { restamp, type Maybe } from "./values.ts";

export interface Place {
  /** "model", "blocks", "recipe". */
  readonly name: string;
  readonly keys: readonly Key[];
  /** Where models that read something else have the key, what each of the two reads, and their `input`. */
  readonly elsewhere?: (
    key: string,
  ) => { readonly other: string; readonly reads: string; readonly input: string } | undefined;
  /** Words that are more than keys: "blocks", "decay". */
  readonly words: readonly string[];
  /** Path of the place for `--set`: "" or "blocks". */
  readonly path: string;
  /** The declaration's name, for `--set Llama.hidden_size`. */
  readonly owner: string;
  readonly at: Span;
  readonly broken: boolean;
}

export const evaluateKeys = (
  place: Place,
  written: ReadonlyMap<string, Written>,
  ctx: Context,
): Map<string, Maybe> => {
  const { report } = ctx;
  let misnamed = false;
  for (const { setting, ctx: own } of written.values()) {
    const { name } = setting;
    if (place.keys.some((key) => key.name === name.text)) continue;
    const known = place.elsewhere?.(name.text);
    if (known !== undefined) {
      const { other, reads, input } = known;
      own.report(
        "key-of-other-input",
        name.span,
        { key: name.text, other, reads },
        { help: [`remove it; input = ${input}(…) makes a model that reads ${other}`] },
      );
      continue;
    }
    misnamed = true;
    const candidates = [...place.keys.map((key) => key.name), ...place.words];
    own.report(
      "unknown-key",
      name.span,
      { key: name.text, place: place.name },
      didYouMean(name, candidates),
    );
  }
  const values = new Map<string, Maybe>();
  const missing: Key[] = [];
  for (const key of place.keys) {
    const own = written.get(key.name);
    let value: Maybe;
    if (own === undefined) {
      value = defaultOf(key, place.at, ctx, values);
      if (key.default === undefined) missing.push(key);
    } else value = writtenKey(key, own, ctx, values);
    const path = place.path === "" ? key.name : `${place.path}.${key.name}`;
    const final = overridden(value, key, path, place.owner, ctx);
    values.set(key.name, withoutLayer(final, ctx));
  }
  const unset = missing.filter((key) => !ctx.checker.overrides.some((o) => o.key === key.name));
  // A misspelt key is most likely the missing one.
  const excused = (key: Key): boolean =>
    misnamed && [...written.keys()].some((name) => suggest(name, [key.name]) !== undefined);
  const due = unset.filter((key) => !excused(key));
  if (due.length > 0 && !place.broken)
    report(
      "missing-key",
      place.at,
      { place: place.name, missing: due.map((key) => key.name).join(", ") },
      {
        help: due.map(
          (key) => `write \`${key.name} = ${valueOf(key, ctx.checker.vocabulary)}\`: ${key.doc}`,
        ),
      },
    );
  return values;
};

const writtenKey = (
  key: Key,
  { setting, ctx: own, how }: Written,
  ctx: Context,
  earlier: ReadonlyMap<string, Maybe>,
): Maybe => {
  const inner: Context =
    ctx.layer === undefined ? own : { ...own, layer: ctx.layer, dry: own.dry || ctx.dry };
  if (setting.form !== "assign" || setting.value === undefined) {
    if (setting.form !== "assign")
      inner.report("value-expected", setting.name.span, { key: key.name });
    return undefined;
  }
  if (setting.header !== undefined)
    inner.report("unexpected-header", setting.header.span, { key: key.name });
  const value = keyValue(key, setting.value, inner, earlier);
  return how === "inherited" ? restamp(value, { how }) : value;
};
