// Offsets as lines and columns. The line starts of a source are found once, so that many diagnostics of a long file are cheap.
import type { Source } from "./types.ts";

/** From 1; columns count code points, and a byte-order mark is none. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

const known = new WeakMap<Source, readonly number[]>();
const startsOf = (source: Source): readonly number[] => {
  const found = known.get(source);
  if (found !== undefined) return found;
  const starts = [0];
  for (const match of source.text.matchAll(/\r\n?|\n/g)) starts.push(match.index + match[0].length);
  known.set(source, starts);
  return starts;
};

/** The number of the line, from 1, that holds the offset. */
export function lineOf(source: Source, offset: number): number {
  const starts = startsOf(source);
  let [low, high] = [0, starts.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((starts[middle] ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  return low + 1;
}

/** A line without its end. */
export function lineText(source: Source, line: number): string {
  const starts = startsOf(source);
  const text = source.text.slice(starts[line - 1] ?? source.text.length, starts[line]);
  return text.replace(/^\uFEFF/, "").replace(/[\r\n]+$/, "");
}

export function positionOf(source: Source, offset: number): Position {
  const line = lineOf(source, offset);
  const before = source.text.slice(startsOf(source)[line - 1], offset).replace(/^\uFEFF/, "");
  return { line, column: Array.from(before).length + 1 };
}
