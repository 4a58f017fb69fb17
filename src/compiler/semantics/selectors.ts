// Selectors against parameter paths: a path matches where it is a run of segments, and everything below.
import type { Expr, Segment, Selector } from "../syntax/ast.ts";
import type { Context } from "./context.ts";
import { evaluate } from "./evaluate.ts";
import { didYouMean } from "./did-you-mean.ts";
import type { SegmentSpec, SelectorSpec } from "./spec.ts";

export const matchSelector = (
  selector: SelectorSpec,
  path: string,
  blockCount: number,
): boolean => {
  switch (selector.kind) {
    case "not":
      return !matchSelector(selector.operand, path, blockCount);
    case "and":
      return selector.operands.every((s) => matchSelector(s, path, blockCount));
    case "or":
      return selector.operands.some((s) => matchSelector(s, path, blockCount));
    case "path": {
      const parts = path.split(".");
      return parts.some((_part, start) => runs(selector.segments, 0, parts, start));
    }
  }
};

const isIndex = (part: string | undefined): boolean => part !== undefined && /^\d+$/.test(part);

/** A path whose end is reached takes everything below. A word without an index takes any that follows it. */
const runs = (
  segments: readonly SegmentSpec[],
  i: number,
  parts: readonly string[],
  at: number,
): boolean => {
  const segment = segments[i];
  if (segment === undefined) return true;
  const on = (next: number): boolean => runs(segments, i + 1, parts, next);
  if (segment.kind === "deep") {
    for (let next = at; next <= parts.length; next += 1) if (on(next)) return true;
    return false;
  }
  const part = parts[at];
  if (part === undefined || (segment.kind === "name" && !isCalled(segment.name, part)))
    return false;
  const index = segment.kind === "name" ? segment.index : undefined;
  const numbered = !isIndex(part) && isIndex(parts[at + 1]);
  if (index === undefined) return on(at + 1) || (numbered && on(at + 2));
  const number = Number(parts[at + 1]);
  return numbered && number >= index.from && number < index.to && on(at + 2);
};

/** `norm` is a class: attention_norm, ffn_norm and final_norm are of it. */
const isCalled = (name: string, part: string): boolean =>
  part === name || (name === "norm" && part.endsWith("_norm"));

/** A selector as written; undefined when something in it is wrong already. `words`: what segments may be called. */
export const selectorSpec = (
  selector: Selector,
  words: readonly string[],
  ctx: Context,
): SelectorSpec | undefined => {
  switch (selector.kind) {
    case "not": {
      const operand = selectorSpec(selector.operand, words, ctx);
      return operand && { kind: "not", operand };
    }
    case "and":
    case "or": {
      const operands = selector.operands.map((s) => selectorSpec(s, words, ctx));
      const sound = operands.filter((s) => s !== undefined);
      return sound.length < operands.length ? undefined : { kind: selector.kind, operands: sound };
    }
    case "path": {
      const segments = selector.segments.map((s) => segmentSpec(s, selector.segments, words, ctx));
      const sound = segments.filter((s) => s !== undefined);
      return sound.length < segments.length ? undefined : { kind: "path", segments: sound };
    }
  }
};

const segmentSpec = (
  segment: Segment,
  path: readonly Segment[],
  words: readonly string[],
  ctx: Context,
): SegmentSpec | undefined => {
  if (segment.kind !== "name") return { kind: segment.kind };
  const { name, index } = segment;
  const range = index && indexSpec(index, ctx);
  if (name.text === "" || (index !== undefined && range === undefined)) return undefined;
  if (!words.includes(name.text)) {
    const near = didYouMean(name, [...words, "*"], ctx.checker.vocabulary.otherNames);
    const without =
      near.fixes === undefined
        ? textOf(
            path.filter((other) => other !== segment),
            words,
          )
        : undefined;
    const help = without === undefined ? near.help : [`leave it out: \`${without}\``];
    ctx.report("unknown-selector-word", name.span, { name: name.text }, { ...near, help });
    return undefined;
  }
  return range === undefined
    ? { kind: "name", name: name.text }
    : { kind: "name", name: name.text, index: range };
};

/** A path of words that are all known, as it is written. */
const textOf = (segments: readonly Segment[], words: readonly string[]): string | undefined => {
  const parts = segments.map((s) =>
    s.kind === "name" && s.index === undefined && words.includes(s.name.text)
      ? s.name.text
      : undefined,
  );
  return parts.length > 0 && parts.every((part) => part !== undefined)
    ? parts.join(".")
    : undefined;
};

/** `[3]` is one, `[0 .. 12]` half open. */
const indexSpec = (
  expr: Expr,
  ctx: Context,
): { readonly from: number; readonly to: number } | undefined => {
  const type = { kind: "int", min: 0 } as const;
  if (expr.kind !== "range") {
    const one = evaluate(expr, { type, optional: false }, ctx);
    return one?.raw.k === "number" ? { from: one.raw.value, to: one.raw.value + 1 } : undefined;
  }
  const from = evaluate(expr.from, { type, optional: false }, ctx);
  const to = evaluate(expr.to, { type, optional: false }, ctx);
  if (from?.raw.k !== "number" || to?.raw.k !== "number") return undefined;
  if (from.raw.value >= to.raw.value) {
    ctx.report("empty-index-range", expr.span, { from: from.raw.value, to: to.raw.value });
    return undefined;
  }
  return { from: from.raw.value, to: to.raw.value };
};

/** The largest index that a selector names, with its word: for "past the end". */
export const indices = (
  selector: SelectorSpec,
): readonly { readonly name: string; readonly from: number; readonly to: number }[] =>
  selector.kind === "path"
    ? selector.segments.flatMap((s) =>
        s.kind === "name" && s.index ? [{ name: s.name, ...s.index }] : [],
      )
    : selector.kind === "not"
      ? indices(selector.operand)
      : selector.operands.flatMap(indices);
