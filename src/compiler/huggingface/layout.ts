// How a family's tensors are made of specc's: renamed, transposed, joined. Declared once and read in both directions, so that
// what is loaded is what is saved.
import { joinRaw, splitRaw, transposeRaw, type RawTensor } from "../../bundle/raw-tensor.ts";

/** A tensor of the family as an expression of specc's; names may hold `{l}`, which stands for a number, and end in `*`. */
export type Made =
  | string
  | { readonly op: "transpose"; readonly of: Made }
  | { readonly op: "join"; readonly axis: number; readonly of: readonly Made[] };
export interface TensorRule {
  readonly theirs: string;
  readonly made: Made;
}
export const transpose = (of: Made): Made => ({ op: "transpose", of });
export const join = (axis: number, ...of: readonly Made[]): Made => ({ op: "join", axis, of });

/** specc's tensors as they lie on disk. */
export type Shapes = ReadonlyMap<string, readonly number[]>;
/** Their name -> how it is made. */
export type Layout = ReadonlyMap<string, Made>;

export const leavesOf = (made: Made): readonly string[] => {
  if (typeof made === "string") return [made];
  return made.op === "join" ? made.of.flatMap(leavesOf) : leavesOf(made.of);
};
const mapLeaves = (made: Made, change: (name: string) => string): Made => {
  if (typeof made === "string") return change(made);
  return made.op === "join"
    ? { ...made, of: made.of.map((part) => mapLeaves(part, change)) }
    : { ...made, of: mapLeaves(made.of, change) };
};

type Bindings = ReadonlyMap<string, string>;
const PLACEHOLDER = /\{\w\}|\*/g;
/** What the placeholders of a pattern stand for in a name. */
const bind = (pattern: string, name: string): Bindings | undefined => {
  const keys = pattern.match(PLACEHOLDER) ?? [];
  const source = pattern
    .split(PLACEHOLDER)
    .map((text) => text.replaceAll(".", "\\."))
    .reduce((all, text, i) => `${all}${keys[i - 1] === "*" ? "(\\w+)" : "(\\d+)"}${text}`);
  const found = new RegExp(`^${source}$`).exec(name);
  return found === null ? undefined : new Map(keys.map((key, i) => [key, found[i + 1] ?? ""]));
};
const fill = (pattern: string, bindings: Bindings): string =>
  pattern.replaceAll(PLACEHOLDER, (key) => bindings.get(key) ?? key);

/** Every tensor of a model in the family's terms. */
export const layoutOf = (rules: readonly TensorRule[], ours: Shapes): Layout => {
  const layout = new Map<string, Made>();
  const used = new Set<string>();
  for (const { theirs, made } of rules) {
    const first = leavesOf(made)[0]!;
    for (const name of ours.keys()) {
      const bindings = bind(first, name);
      if (bindings === undefined) continue;
      const filled = mapLeaves(made, (leaf) => fill(leaf, bindings));
      const leaves = leavesOf(filled);
      if (!leaves.every((leaf) => ours.has(leaf)) || leaves.some((leaf) => used.has(leaf)))
        continue;
      layout.set(fill(theirs, bindings), filled);
      for (const leaf of leaves) used.add(leaf);
    }
  }
  for (const name of ours.keys()) if (!used.has(name)) layout.set(name, name);
  return layout;
};

export const shapeOf = (made: Made, ours: Shapes): readonly number[] => {
  if (typeof made === "string") return ours.get(made) ?? [];
  if (made.op === "transpose") return [...shapeOf(made.of, ours)].reverse();
  const shapes = made.of.map((part) => shapeOf(part, ours));
  return shapes[0]!.map((n, i) =>
    i === made.axis ? shapes.reduce((sum, shape) => sum + shape[i]!, 0) : n,
  );
};

/** Theirs from ours, when saving. */
export const build = async (
  made: Made,
  read: (ours: string) => Promise<RawTensor>,
): Promise<RawTensor> => {
  if (typeof made === "string") return read(made);
  if (made.op === "transpose") return transposeRaw(await build(made.of, read));
  const parts: RawTensor[] = [];
  for (const part of made.of) parts.push(await build(part, read));
  return joinRaw(parts, made.axis);
};

/** Ours from theirs, when loading: by name. */
export const takeApart = (
  made: Made,
  theirs: RawTensor,
  ours: Shapes,
): readonly (readonly [name: string, tensor: RawTensor])[] => {
  if (typeof made === "string") return [[made, theirs]];
  if (made.op === "transpose") return takeApart(made.of, transposeRaw(theirs), ours);
  const sizes = made.of.map((part) => shapeOf(part, ours)[made.axis]!);
  const parts = splitRaw(theirs, made.axis, sizes);
  return made.of.flatMap((part, i) => takeApart(part, parts[i]!, ours));
};

/** In words: "transposed, split in 3". */
export const told = (made: Made): string => {
  if (typeof made === "string") return "renamed";
  if (made.op === "join") return `split in ${made.of.length}`;
  return typeof made.of === "string" ? "transposed" : `transposed, ${told(made.of)}`;
};
