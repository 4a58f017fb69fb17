// The keys of a place from their texts: unknown and missing ones, defaults, `--set`, in the order of the table.
import { suggest } from "../../bundle/suggest.ts";
import type { Span } from "../diagnostics/types.ts";
import type { Context } from "./context.ts";
import { defaultOf, keyValue, overridden, withoutLayer } from "./construct.ts";
import type { Written } from "./flatten.ts";
import { decoderKind, imageKind } from "./kinds.ts";
import { didYouMean } from "./did-you-mean.ts";
import { calledElsewhere } from "./other-names.ts";
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
  /** What may have been meant where keys are missing. */
  readonly otherwise?: string | undefined;
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
    const near = didYouMean(name, candidates, ctx.checker.vocabulary.otherNames);
    const help =
      calledElsewhere(name.text, candidates, ctx.checker.vocabulary.otherNames) === undefined
        ? keyElsewhere(name.text, place, ctx)
        : undefined;
    own.report(
      "unknown-key",
      name.span,
      { key: name.text, place: place.name },
      help === undefined ? near : { help: [help] },
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
    misnamed &&
    [...written.keys()].some(
      (name) =>
        (calledElsewhere(name, [key.name], ctx.checker.vocabulary.otherNames) ??
          suggest(name, [key.name])) !== undefined,
    );
  const due = unset.filter((key) => !excused(key));
  if (due.length > 0 && !place.broken)
    report(
      "missing-key",
      place.at,
      { place: place.name, missing: due.map((key) => key.name).join(", ") },
      {
        help: [
          ...(place.otherwise === undefined ? [] : [place.otherwise]),
          ...due.map(
            (key) => `write \`${key.name} = ${valueOf(key, ctx.checker.vocabulary)}\`: ${key.doc}`,
          ),
        ],
      },
    );
  return values;
};

/** What has the key, where this has not; or the key that it is a value of, or an argument of one. */
const keyElsewhere = (name: string, place: Place, { checker }: Context): string | undefined => {
  const { keys } = checker.vocabulary;
  const words: readonly (readonly [table: string, told: string])[] = [
    [decoderKind.model, "the model itself, outside of `blocks`"],
    [decoderKind.blocks, "layers: put it into `blocks N { … }`"],
    [imageKind.model, "the model itself, outside of `blocks`"],
    [imageKind.blocks, "layers: put it into `blocks N { … }`"],
    ["recipe", "recipes"],
  ];
  const holder = place.keys.find(
    ({ type }) =>
      type.kind === "sum" &&
      checker.vocabulary.constructors.some((c) => c.name === name && c.of === type.name),
  );
  if (holder !== undefined) return `${name} is a value: write \`${holder.name} = ${name}(…)\``;
  for (const { name: key, type } of place.keys) {
    const of = type.kind === "sum" ? type.name : undefined;
    const values = checker.vocabulary.constructors.filter((c) => c.of === of);
    const args = values.flatMap((c) => c.keys.map((k) => k.name));
    const called = calledElsewhere(name, args, checker.vocabulary.otherNames) ?? name;
    const value = values.find((c) => c.keys.some((k) => k.name === called));
    if (value !== undefined)
      return `${called} is an argument: write \`${key} = ${value.name}(${called}: …)\``;
  }
  const found = words.find(
    ([table]) => keys[table] !== place.keys && keys[table]?.some((key) => key.name === name),
  );
  return found && `${name} is a key of ${found[1]}`;
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
