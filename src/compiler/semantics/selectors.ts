// Which parameters a selector takes: a path matches every parameter whose own path contains it as a run of segments, and
// all below it. `*` is one segment, `**` any number, `norm` any segment that is or ends in a norm.
import type { SegmentSpec, SelectorSpec } from "./spec.ts";

const matchSegment = (segment: SegmentSpec & { readonly kind: "name" }, parts: readonly string[], at: number): number | undefined => {
  const part = parts[at];
  if (part === undefined) return undefined;
  if (part !== segment.name && !(segment.name === "norm" && part.endsWith("_norm"))) return undefined;
  if (segment.index === undefined) {
    // `blocks.attention` passes over the block's number.
    return segment.name === "blocks" && /^\d+$/.test(parts[at + 1] ?? "") ? at + 2 : at + 1;
  }
  const index = Number(parts[at + 1]);
  return index >= segment.index.from && index < segment.index.to ? at + 2 : undefined;
};

const matchFrom = (segments: readonly SegmentSpec[], s: number, parts: readonly string[], at: number): boolean => {
  const segment = segments[s];
  if (segment === undefined) return true;
  switch (segment.kind) {
    case "any":
      return at < parts.length && matchFrom(segments, s + 1, parts, at + 1);
    case "deep":
      return parts.slice(at).some((_p, i) => matchFrom(segments, s + 1, parts, at + i)) || s + 1 === segments.length;
    case "name": {
      const next = matchSegment(segment, parts, at);
      return next !== undefined && matchFrom(segments, s + 1, parts, next);
    }
  }
};

/** @param parameter "blocks.3.attention.q.weight" */
export const matchSelector = (selector: SelectorSpec, parameter: string): boolean => {
  switch (selector.kind) {
    case "path": {
      const parts = parameter.split(".");
      return parts.some((_p, at) => matchFrom(selector.segments, 0, parts, at));
    }
    case "not":
      return !matchSelector(selector.operand, parameter);
    case "and":
      return selector.operands.every((s) => matchSelector(s, parameter));
    case "or":
      return selector.operands.some((s) => matchSelector(s, parameter));
  }
};
