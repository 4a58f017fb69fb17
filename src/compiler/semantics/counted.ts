// What selectors count: blocks, and the branches of a model that parts (heads[0], members[1]).
import { singular } from "../../bundle/branches.ts";
import { indices } from "./selectors.ts";
import type { SelectorSpec } from "./spec.ts";

/** How many there are of each but blocks: word to count. */
const branchesIn = (paths: readonly string[]): ReadonlyMap<string, number> => {
  const counts = new Map<string, number>();
  for (const [, word = "", index] of paths.flatMap((p) => [...p.matchAll(/(\w+)\.(\d+)\./g)]))
    if (word !== "blocks") counts.set(word, Math.max(counts.get(word) ?? 0, Number(index) + 1));
  return counts;
};

/** The first index past the end of what there is: "block" 7 of 4. */
export const pastEnd = (
  selector: SelectorSpec,
  paths: readonly string[],
  blocks: number,
): { readonly word: string; readonly index: number; readonly count: number } | undefined => {
  const there = new Map([...branchesIn(paths), ["blocks", blocks] as const]);
  for (const { name, to } of indices(selector)) {
    const count = there.get(name);
    if (count !== undefined && to > count) return { word: singular(name), index: to - 1, count };
  }
  return undefined;
};

/** Where a selector counts what the model does not, or not there: what can be counted. */
export const uncountedHelp = (
  selector: SelectorSpec,
  paths: readonly string[],
  model: string,
): string | undefined => {
  const there = branchesIn(paths);
  const counted = indices(selector);
  const branch = counted.find(({ name }) => name !== "blocks");
  if (branch === undefined) return undefined;
  if (there.has(branch.name))
    return counted.length === 1 ? undefined : blocksOf(`${branch.name}.${branch.from}.`, paths);
  const ranges = [...there].map(([word, n]) => rangeOf(word, 0, n - 1));
  return ranges.length === 0
    ? `${model} has no ${branch.name} to count`
    : `${model} has ${ranges.join(", ")}`;
};

const rangeOf = (word: string, first: number, last: number): string =>
  first === last ? `${word}[${first}]` : `${word}[${first}] to ${word}[${last}]`;

/** The blocks of a branch, which count as in the whole model. */
const blocksOf = (branch: string, paths: readonly string[]): string => {
  const found = paths
    .filter((path) => path.startsWith(branch))
    .flatMap(
      (path) => /^blocks\.(\d+)\./.exec(path.slice(branch.length))?.slice(1).map(Number) ?? [],
    );
  const name = branch.replace(/\.(\d+)\.$/, "[$1]");
  return found.length === 0
    ? `${name} has no blocks of its own`
    : `blocks count as in the whole model: ${name} has ${rangeOf("blocks", Math.min(...found), Math.max(...found))}`;
};
