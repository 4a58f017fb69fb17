// Several products as one larger one, for compilers that fuse what is done to the operands and the results with their
// neighbours. Products that share their left operand X become X · [Y₁ | Y₂ | …] and slices of it: queries, keys and values, the
// gate and the up projection, and the gradients of their weights. A sum of products X₁ · Y₁ + X₂ · Y₂ becomes
// [X₁ | X₂] · [Y₁ ; Y₂]: the gradient at what those projections read.
import { count, sizes, unnamed } from "../ir/shape.ts";
import type { Builder, Graph, Node, Pass } from "../ir/types.ts";
import { nodesOf, usesOf } from "../ir/walk.ts";
import { madeTogether, needs, type Together } from "./order.ts";

type Product = Node<"matMul">;

/** Fewer rows than this, and moving the operands together costs more than it saves. */
const LEAST = 64;
/**
 * Above it a product fills a card, and moving what it reads and gives costs more than joining it saves: measured on H100 and H200
 * (350M, 64 sequences: its gate and up projection, 9.2e10, are 3 % of a step better apart, queries, keys and values, 3.4e10, together).
 */
const MOST_FLOPS = 6e10;

const isProduct = (node: Node): node is Product => node.op === "matMul";
/** A weight, perhaps in other numbers: no input of the program reaches it. */
const isWeight = (y: Node): boolean =>
  y.op === "state" || (y.op === "cast" && y.inputs[0].op === "state");
/**
 * By one matrix for all rows of the left operand as it lies, and those so many that moving the matrix does not matter; or by one that
 * is moved but once. And not so large that it fills a card by itself.
 */
const isWide = (product: Product, once: boolean): boolean => {
  const {
    inputs: [x, y],
    attrs: { transposeX },
  } = product;
  if (y.type.shape.length !== 2 || (transposeX && x.type.shape.length !== 2)) return false;
  if (count(x.type) === 0) return false;
  const width = x.type.shape.at(-1)!.size;
  if (once && isWeight(y)) return true;
  const rows = count(x.type) / width;
  return rows >= LEAST && 2 * count(product.type) * (transposeX ? rows : width) <= MOST_FLOPS;
};
/** Of a matrix [..., K, N] read as its product reads it. */
const axes = (transposed: boolean): readonly [inner: number, outer: number] =>
  transposed ? [1, 0] : [0, 1];
const outerOf = ({ inputs: [, y], attrs }: Product): number =>
  y.type.shape[axes(attrs.transposeY)[1]]!.size;
const kindOf = ({ attrs, type }: Product): string =>
  `${attrs.transposeX} ${attrs.transposeY} ${attrs.out ?? ""} ${type.dtype}`;

/** Products of one left operand, in order, none of which needs another. */
type Group = readonly Product[];
const inputsOf = (members: Group): readonly Node[] => members.flatMap(({ inputs }) => [...inputs]);

/** The order in which a sum reads the matrices: one copy of them together serves both. */
const rankIn = (sums: ReadonlyMap<Node, Group>): ((product: Product) => number) => {
  const ranks = new Map<Node, number>(
    [...sums.values()].flatMap((terms) => terms.map(({ inputs: [, y] }, i) => [y, i] as const)),
  );
  return ({ inputs: [, y] }) => ranks.get(y) ?? 0;
};

const sharing = (
  nodes: readonly Node[],
  sums: ReadonlyMap<Node, Group>,
  once: boolean,
): ReadonlyMap<Node, Group> => {
  const taken = new Set<Node>([...sums.values()].flat());
  const rank = rankIn(sums);
  const found = new Map<string, Product[]>();
  for (const node of nodes)
    if (isProduct(node) && isWide(node, once) && !taken.has(node)) {
      const key = `${node.inputs[0].id} ${kindOf(node)}`;
      found.set(key, [...(found.get(key) ?? []), node]);
    }
  const groups = new Map<Node, Group>();
  /** What has to be there before a node, when the groups so far are one product each. */
  const waits = (node: Node): readonly Node[] => {
    const group = groups.get(node);
    return group === undefined ? node.inputs : inputsOf(group);
  };
  for (const unordered of found.values()) {
    const members = unordered.toSorted((a, b) => rank(a) - rank(b));
    if (members.length < 2 || new Set(members.map((m) => m.inputs[1])).size < 2) continue;
    if (needs(inputsOf(members), new Set<Node>(members), waits)) continue;
    for (const member of members) groups.set(member, members);
  }
  return groups;
};

/** The products that a node is the sum of, where nothing else reads them or the sums on the way. */
const summed = (nodes: readonly Node[], graph: Graph): ReadonlyMap<Node, Group> => {
  const uses = usesOf(graph);
  const terms = new Map<Node, Group>();
  const within = new Set<Node>();
  for (const node of nodes) {
    if (node.op !== "add") continue;
    const parts = node.inputs.map((term) =>
      uses.get(term) !== 1
        ? undefined
        : isProduct(term) && isWide(term, false) && !term.attrs.transposeX
          ? [term]
          : terms.get(term),
    );
    const all = parts.flatMap((part) => part ?? []);
    const same = new Set(all.map((term) => `${kindOf(term)} ${sizes(term.type).join(" ")}`));
    if (parts.includes(undefined) || same.size > 1) continue;
    for (const term of node.inputs) within.add(term);
    terms.set(node, all);
  }
  return new Map([...terms].filter(([root]) => !within.has(root)));
};

/** [..., n] -> [rows, n], through reshapes, so that what is the same stays one node. */
const flat = (b: Builder, x: Node): Node => {
  const last = x.type.shape.at(-1)!;
  const source = x.op === "reshape" ? x.inputs[0] : x;
  return b.emit("reshape", [source], { shape: [unnamed(count(x.type) / last.size), last] });
};
const concat = (b: Builder, parts: readonly Node[], axis: number): Node =>
  b.emit("concat", [...parts], { axis });

/** @param operands of each member, in the new graph */
const together = (
  b: Builder,
  group: Group,
  operands: readonly (readonly [Node, Node])[],
): readonly Node[] => {
  const [first] = group as readonly [Product];
  const { attrs } = first;
  const [x] = operands[0]!;
  const rows = attrs.transposeX ? x : flat(b, x);
  const [, outer] = axes(attrs.transposeY);
  const matrices = operands.map(([, y]) => (attrs.transposeX ? flat(b, y) : y));
  const all = b.emit("matMul", [rows, concat(b, matrices, outer)], attrs); // [rows, ΣN]
  const [height] = sizes(all.type) as [number, number];
  let at = 0;
  return group.map((member) => {
    const size = outerOf(member);
    const own = b.emit("slice", [all], { begin: [0, at], size: [height, size] });
    at += size;
    return b.emit("reshape", [own], { shape: member.type.shape });
  });
};

/** @param operands of each term, in the new graph */
const sumOf = (
  b: Builder,
  sum: Node,
  terms: Group,
  operands: readonly (readonly [Node, Node])[],
): Node => {
  const { attrs } = terms[0]!;
  const [inner] = axes(attrs.transposeY);
  const rows = concat(
    b,
    operands.map(([x]) => flat(b, x)),
    1,
  ); // [rows, ΣK]
  const matrices = concat(
    b,
    operands.map(([, y]) => y),
    inner,
  );
  return b.emit("reshape", [b.emit("matMul", [rows, matrices], attrs)], { shape: sum.type.shape });
};

/** Of each member, as `inputsOf` lists them. */
const pairsOf = (inputs: readonly Node[]): readonly (readonly [Node, Node])[] =>
  Array.from({ length: inputs.length / 2 }, (_, i) => [inputs[2 * i]!, inputs[2 * i + 1]!]);

const merge = (graph: Graph, once: boolean): Graph => {
  const nodes = nodesOf(graph);
  const sums = summed(nodes, graph);
  const made = new Map<Node, Together>();
  for (const [member, members] of sharing(nodes, sums, once))
    made.set(member, {
      members,
      inputs: inputsOf(members),
      make: (b, inputs) => together(b, members, pairsOf(inputs)),
    });
  for (const [sum, terms] of sums)
    made.set(sum, {
      members: [sum],
      inputs: inputsOf(terms),
      make: (b, inputs) => [sumOf(b, sum, terms, pairsOf(inputs))],
    });
  return madeTogether(graph, made);
};

/** @param once whether what is done to weights alone is done once for many runs: then a product of one row is worth it */
export const mergeProducts = (once: boolean): Pass => ({
  name: "merge-products",
  doc: "products of one operand, and sums of products, as one larger product",
  run: (graph) => merge(graph, once),
});
