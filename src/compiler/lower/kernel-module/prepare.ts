// TensorFlow nodes made ready for planning: products of many rows without transpose flags (a flagged product bypasses XNNPACK,
// so the transpose becomes a node of its own, shared by all products that want it) and one-hots as comparisons, which fuse. A
// matrix of experts is turned likewise, all of them at once.
import type { PlainGraph as TfGraph, PlainNode as TfNode } from "../tf-nodes.ts";
import type { TfOp } from "../tf-ops.ts";

const FLAGS = {
  MatMul: ["transpose_a", "transpose_b"],
  BatchMatMulV2: ["adj_x", "adj_y"],
  GroupedMatMul: [undefined, "transpose_w"],
} as const;
const isProduct = (op: TfOp): op is keyof typeof FLAGS => op in FLAGS;
const flag = (node: TfNode, name: string | undefined): boolean => {
  const attr = name === undefined ? undefined : node.attrs[name];
  return attr !== undefined && "bool" in attr && attr.bool;
};

/** So few rows read a transposed right operand as it lies: turning it round would cost more than the product. */
const FEW_ROWS = 32;

export const prepare = (graph: TfGraph): TfGraph => {
  const nodes: TfNode[] = [];
  const byName = new Map<string, TfNode>();
  const transposes = new Map<string, string>();
  const add = (node: TfNode): string => {
    nodes.push(node);
    byName.set(node.name, node);
    return node.name;
  };
  const transposed = (name: string): string => {
    const known = transposes.get(name);
    if (known !== undefined) return known;
    const x = byName.get(name)!;
    const rank = x.shape.length;
    const perm = x.shape.map((_, d) => (d < rank - 2 ? d : 2 * rank - 3 - d));
    const made = add({
      ...{ name: `${name}/transposed`, op: "Transpose", dtype: x.dtype },
      inputs: [name],
      attrs: { perm: { ints: perm } },
      shape: perm.map((d) => x.shape[d]!),
    });
    transposes.set(name, made);
    return made;
  };

  for (const node of graph.nodes) {
    if (isProduct(node.op)) {
      const [x, y] = FLAGS[node.op];
      const few = node.op !== "GroupedMatMul" && node.shape.at(-2)! <= FEW_ROWS;
      const turned = few && flag(node, y);
      const inputs = [
        flag(node, x) ? transposed(node.inputs[0]!) : node.inputs[0]!,
        flag(node, y) && !turned ? transposed(node.inputs[1]!) : node.inputs[1]!,
        ...node.inputs.slice(2),
      ];
      add({ ...node, inputs, attrs: { turned: { bool: turned } } });
    } else if (node.op === "OneHot") {
      const ids = byName.get(node.inputs[0]!)!;
      const depth = node.shape.at(-1)!;
      const counts = `constants/Range_${depth}`;
      if (!byName.has(counts))
        add({ name: counts, op: "Range", inputs: [], attrs: {}, dtype: "i32", shape: [depth] });
      const column = add({
        ...node,
        name: `${node.name}/ids`,
        op: "Reshape",
        inputs: [ids.name],
        attrs: {},
        dtype: "i32",
        shape: [...ids.shape, 1],
      });
      const hit = add({
        ...node,
        name: `${node.name}/hit`,
        op: "Equal",
        inputs: [column, counts],
        attrs: {},
        dtype: "bool",
      });
      add({ ...node, op: "Cast", inputs: [hit], attrs: {} });
    } else add(node);
  }
  return { ...graph, nodes };
};
