// Selectors against parameter paths: a path matches where it is a run of segments, and everything below.
import type { Expr, Segment, Selector } from "../syntax/ast.ts";
import type { Context } from "./context.ts";
import { evaluate } from "./evaluate.ts";
import { didYouMean } from "./load.ts";
import type { SegmentSpec, SelectorSpec } from "./spec.ts";

interface Step {
  readonly name: string;
  readonly index: number | undefined;
}

/** "blocks.3.attention" as steps: the number belongs to the word before it. */
const steps = (path: string): readonly Step[] => {
  const made: Step[] = [];
  for (const part of path.split(".")) {
    const last = made.at(-1);
    if (/^\d+$/.test(part) && last !== undefined)
      made[made.length - 1] = { name: last.name, index: Number(part) };
    else made.push({ name: part, index: undefined });
  }
  return made;
};

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
      const parts = steps(path);
      return parts.some((_part, start) => runs(selector.segments, 0, parts, start));
    }
  }
};

/** A path whose end is reached takes everything below. */
const runs = (
  segments: readonly SegmentSpec[],
  i: number,
  parts: readonly Step[],
  at: number,
): boolean => {
  const segment = segments[i];
  if (segment === undefined) return true;
  if (segment.kind === "deep") {
    for (let next = at; next <= parts.length; next += 1)
      if (runs(segments, i + 1, parts, next)) return true;
    return false;
  }
  const part = parts[at];
  if (part === undefined) return false;
  if (segment.kind === "name" && !takes(segment, part)) return false;
  return runs(segments, i + 1, parts, at + 1);
};

/** `norm` is a class: attention_norm, ffn_norm and final_norm are of it. */
const takes = (segment: Extract<SegmentSpec, { kind: "name" }>, part: Step): boolean => {
  const named =
    part.name === segment.name || (segment.name === "norm" && part.name.endsWith("_norm"));
  if (!named) return false;
  const { index } = segment;
  return (
    index === undefined ||
    (part.index !== undefined && part.index >= index.from && part.index < index.to)
  );
};

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
      const segments = selector.segments.map((s) => segmentSpec(s, words, ctx));
      const sound = segments.filter((s) => s !== undefined);
      return sound.length < segments.length ? undefined : { kind: "path", segments: sound };
    }
  }
};

const segmentSpec = (
  segment: Segment,
  words: readonly string[],
  ctx: Context,
): SegmentSpec | undefined => {
  if (segment.kind !== "name") return { kind: segment.kind };
  const { name, index } = segment;
  const range = index && indexSpec(index, ctx);
  if (name.text === "" || (index !== undefined && range === undefined)) return undefined;
  if (!words.includes(name.text)) {
    ctx.report("unknown-selector-word", name.span, { name: name.text }, didYouMean(name, words));
    return undefined;
  }
  return range === undefined
    ? { kind: "name", name: name.text }
    : { kind: "name", name: name.text, index: range };
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
): readonly { readonly name: string; readonly to: number }[] =>
  selector.kind === "path"
    ? selector.segments.flatMap((s) =>
        s.kind === "name" && s.index ? [{ name: s.name, to: s.index.to }] : [],
      )
    : selector.kind === "not"
      ? indices(selector.operand)
      : selector.operands.flatMap(indices);
