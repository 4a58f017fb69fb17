// A selector of known words that takes nothing: what was probably meant, from the paths of the model's parameters.
import { matchSelector } from "./selectors.ts";
import type { SegmentSpec, SelectorSpec } from "./spec.ts";

type Segments = readonly SegmentSpec[];
const DEEP: SegmentSpec = { kind: "deep" };

/** A word that is in no path. `norm` is in none, and takes several. */
export const absentWord = (
  selector: SelectorSpec,
  paths: readonly string[],
): string | undefined => {
  if (selector.kind !== "path") return undefined;
  const there = new Set(paths.flatMap((path) => path.split(".")));
  const absent = selector.segments.find(
    (s) => s.kind === "name" && s.name !== "norm" && !there.has(s.name),
  );
  return absent?.kind === "name" ? absent.name : undefined;
};

/**
 * A path that takes something: with `**` in place of segments that were left out, as few as will do (`heads[0].ffn` of a model
 * that has `heads.0.blocks.2.ffn.up`), or with its words in the order of a parameter's.
 */
export const nearestSelector = (
  selector: SelectorSpec,
  paths: readonly string[],
  blockCount: number,
): { readonly text: string; readonly reordered: boolean } | undefined => {
  if (selector.kind !== "path") return undefined;
  const takes = (segments: Segments): boolean =>
    paths.some((path) => matchSelector({ kind: "path", segments }, path, blockCount));
  const { segments } = selector;
  const found = withGaps(segments).find(takes);
  if (found !== undefined) return { text: textOf(found), reordered: false };
  const sorted = inOrderOf(segments, paths);
  const moved = sorted && [sorted, ...withGaps(sorted)].find(takes);
  return moved && { text: textOf(moved), reordered: true };
};

/** With one gap at each place, then with one at every place. */
const withGaps = (segments: Segments): readonly Segments[] => {
  const inner = segments.slice(1).map((_segment, i) => i + 1);
  return [...inner.map((at) => [at]), inner].map((gaps) =>
    segments.flatMap((s, i) => (gaps.includes(i) ? [DEEP, s] : [s])),
  );
};

/** As the words follow each other in a path that has all of them. */
const inOrderOf = (segments: Segments, paths: readonly string[]): Segments | undefined => {
  const named = segments.filter((s) => s.kind === "name");
  const path = paths
    .map((each) => each.split("."))
    .find((parts) => named.every(({ name }) => parts.includes(name)));
  return path && named.sort((a, b) => path.indexOf(a.name) - path.indexOf(b.name));
};

const textOf = (segments: Segments): string =>
  segments
    .map((segment) => {
      if (segment.kind !== "name") return segment.kind === "deep" ? "**" : "*";
      const { name, index } = segment;
      if (index === undefined) return name;
      return `${name}[${index.to === index.from + 1 ? index.from : `${index.from} .. ${index.to}`}]`;
    })
    .join(".");
