// Sums that leave little, many as one, for compilers that make two kernels of each: one for parts of it where the values are
// made, fused with that, and one for the sum of the parts. The squares of all gradients, what the gates of a residual stream
// move, the gradients of all gains of norms: the parts of all of them under each other have one sum.
import { isFloat } from "../ir/ops/row.ts";
import { count, dims } from "../ir/shape.ts";
import type { Builder, Graph, Node, Pass } from "../ir/types.ts";
import { nodesOf } from "../ir/walk.ts";
import { madeTogether, needs, type Together } from "./order.ts";

type Sum = Node<"reduceSum">;
/** The sum of x as that of `parts` [parts, ...rest], which x summed over `axes` is, reshaped. */
interface Split {
  readonly axes: readonly number[];
  readonly parts: number;
  readonly rest: readonly number[];
}
/** Fewer numbers are summed in one kernel as well. */
const LEAST = 64;

/** Of x [..., n] -> []: the rows' sums. Of x [p, ..., n] -> [n]: the sums of each first place. */
const splitOf = (node: Node): Split | undefined => {
  if (node.op !== "reduceSum" || !isFloat(node.type.dtype) || node.attrs.keepDims) return undefined;
  const [x] = node.inputs;
  const sizes = x.type.shape.map(({ size }) => size);
  const last = sizes.length - 1;
  const [first, width] = [sizes[0]!, sizes[last]!];
  const { axes } = node.attrs;
  if (last >= 1 && axes.length === sizes.length && width >= LEAST)
    return { axes: [last], parts: count(x.type) / width, rest: [] };
  const summed = count(x.type) / (first * width);
  if (last >= 2 && axes.length === last && !axes.includes(last) && summed >= LEAST)
    return { axes: axes.filter((axis) => axis !== 0), parts: first, rest: [width] };
  return undefined;
};

/** Sums of parts of one shape, none of which needs another. */
const groupsOf = (graph: Graph): ReadonlyMap<Node, Together> => {
  const found = new Map<string, { readonly members: Sum[]; readonly split: Split }>();
  for (const node of nodesOf(graph)) {
    const split = splitOf(node);
    if (node.op !== "reduceSum" || split === undefined || split.parts < 2) continue;
    const key = `${split.parts} ${split.rest.join()}`;
    const known = found.get(key);
    if (known === undefined) found.set(key, { members: [node], split });
    else known.members.push(node);
  }
  const groups = new Map<Node, Together>();
  for (const { members, split } of found.values()) {
    const inputs = members.map(({ inputs: [x] }) => x);
    const waits = (node: Node): readonly Node[] => groups.get(node)?.inputs ?? node.inputs;
    if (members.length < 2 || needs(inputs, new Set<Node>(members), waits)) continue;
    const make: Together["make"] = (b, operands) => together(b, members, split, operands);
    for (const member of members) groups.set(member, { members, inputs, make });
  }
  return groups;
};

/** @param operands of each member, in the new graph */
const together = (
  b: Builder,
  members: readonly Sum[],
  { parts, rest }: Split,
  operands: readonly Node[],
): readonly Node[] => {
  const rows = operands.map((x, i) => {
    const { axes } = splitOf(members[i]!)!;
    const wide = x.type.dtype === "f32" ? x : b.emit("cast", [x], { dtype: "f32" });
    const own = b.emit("reduceSum", [wide], { axes, keepDims: false });
    return b.emit("reshape", [own], { shape: dims(1, parts, ...rest) });
  });
  const all = b.emit("concat", rows, { axis: 0 });
  const sums = b.emit("reduceSum", [all], { axes: [1], keepDims: false }); // [n, ...rest]
  return members.map(({ type }, i) => {
    const begin = [i, ...rest.map(() => 0)];
    const one = b.emit("slice", [sums], { begin, size: [1, ...rest] });
    const sum = b.emit("reshape", [one], { shape: type.shape });
    return type.dtype === "f32" ? sum : b.emit("cast", [sum], { dtype: type.dtype });
  });
};

export const mergeSums: Pass = {
  name: "merge-sums",
  doc: "sums that leave little as one sum of all their parts",
  run: (graph) => madeTogether(graph, groupsOf(graph)),
};
