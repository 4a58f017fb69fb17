// What each node is to the planner: a leaf, an alias of its operand, a layout read, an elementwise line of a loop, a
// reduction, an assembly of windows, or a kernel of its own; and which values must be stored rather than recomputed in loops.
import { sizeOf } from "../../../bundle/tensor.ts";
import { InternalError } from "../../diagnostics/types.ts";
import type { PlainGraph as TfGraph, PlainNode as TfNode } from "../tf-nodes.ts";
import type { TfOp } from "../tf-ops.ts";

export type Role =
  "leaf" | "alias" | "layout" | "elementwise" | "reduction" | "assembly" | "kernel";

const ROLES: Readonly<Partial<Record<TfOp, Role>>> = {
  Placeholder: "leaf", Const: "leaf", Fill: "leaf", Range: "leaf",
  Reshape: "alias", Identity: "alias",
  Transpose: "layout", BroadcastTo: "layout", Slice: "layout",
  AddV2: "elementwise", Sub: "elementwise", Mul: "elementwise", RealDiv: "elementwise", Maximum: "elementwise", Minimum: "elementwise",
  Neg: "elementwise", Exp: "elementwise", Log: "elementwise", Sqrt: "elementwise", Rsqrt: "elementwise", Square: "elementwise",
  Abs: "elementwise", Sigmoid: "elementwise", Tanh: "elementwise", Erf: "elementwise", Relu: "elementwise", LeakyRelu: "elementwise",
  Equal: "elementwise", Less: "elementwise", LessEqual: "elementwise", Greater: "elementwise", GreaterEqual: "elementwise",
  LogicalAnd: "elementwise", LogicalNot: "elementwise", IsFinite: "elementwise", SelectV2: "elementwise", Cast: "elementwise",
  Sum: "reduction", Mean: "reduction", Max: "reduction",
  ConcatV2: "assembly", PadV2: "assembly",
  TopK: "kernel", Cumsum: "kernel", GroupedMatMul: "kernel", GroupedOuter: "kernel", WriteRows: "kernel",
  MatMul: "kernel", BatchMatMulV2: "kernel", GatherV2: "kernel", ScatterNd: "kernel", Pow: "kernel", Cos: "kernel", Sin: "kernel",
}; // prettier-ignore

/** How many of the inputs are data; the rest are constant arguments that the static shapes already tell. */
const dataInputs = (node: TfNode): readonly string[] => {
  if (node.op === "ConcatV2") return node.inputs.slice(0, -1);
  if (["GatherV2", "ScatterNd"].includes(node.op)) return node.inputs.slice(0, 2);
  if (node.op === "Cumsum") return node.inputs.slice(0, 1);
  const role = ROLES[node.op];
  if (node.op === "Fill" || node.op === "Range") return [];
  return role === "elementwise" || role === "kernel" ? node.inputs : node.inputs.slice(0, 1);
};

export interface Roles {
  readonly role: (node: TfNode) => Role;
  readonly operands: (node: TfNode) => readonly TfNode[];
  /** The values of a constant argument (a permutation, a shape). */
  readonly numbers: (node: TfNode, input: number) => readonly number[];
  /** The node whose buffer an alias stands for. */
  readonly owner: (node: TfNode) => TfNode;
  /** The one number that all elements are, if known. */
  readonly uniform: (node: TfNode) => number | undefined;
  /** Depends on neither inputs nor state. */
  readonly constant: (node: TfNode) => boolean;
  readonly stored: Set<TfNode>;
}

export const rolesOf = (graph: TfGraph, results: readonly string[]): Roles => {
  const byName = new Map(graph.nodes.map((node) => [node.name, node]));
  const role = (node: TfNode): Role => {
    const found = ROLES[node.op];
    if (found === undefined)
      throw new InternalError(
        `the tfjs engine has no form for TensorFlow's ${node.op} ("${node.name}")`,
      );
    return found;
  };
  const operandLists = new Map(
    graph.nodes.map((node) => [node, dataInputs(node).map((name) => byName.get(name)!)]),
  );
  const operands = (node: TfNode): readonly TfNode[] => operandLists.get(node)!;
  const owner = (node: TfNode): TfNode =>
    role(node) === "alias" ? owner(operands(node)[0]!) : node;
  const valuesOf = (node: TfNode): readonly number[] | undefined => {
    const value = node.attrs["value"];
    return value !== undefined && "tensor" in value ? value.tensor.values : undefined;
  };
  const numbers = (node: TfNode, input: number): readonly number[] =>
    valuesOf(byName.get(node.inputs[input]!)!) ?? [];

  const uniforms = new Map<TfNode, number | undefined>();
  const constants = new Map<TfNode, boolean>();
  for (const node of graph.nodes) {
    const inputs = operands(node);
    constants.set(node, node.op !== "Placeholder" && inputs.every((x) => constants.get(x)));
    const values =
      node.op === "Const" ? valuesOf(node) : node.op === "Fill" ? numbers(node, 1) : undefined;
    if (values !== undefined)
      uniforms.set(node, values.every((v) => Object.is(v, values[0])) ? values[0] : undefined);
    else if (["alias", "layout"].includes(role(node))) uniforms.set(node, uniforms.get(inputs[0]!));
  }

  const stored = new Set<TfNode>();
  const uses = new Map<TfNode, number>();
  const base = (node: TfNode): TfNode =>
    ["alias", "layout"].includes(role(node)) ? base(operands(node)[0]!) : node;
  const store = (node: TfNode): void => void stored.add(owner(node));
  for (const name of results) store(byName.get(name)!);
  for (const node of graph.nodes) {
    const own = role(node);
    if (["reduction", "assembly", "kernel"].includes(own)) stored.add(node);
    if (own === "leaf" && uniforms.get(node) === undefined) stored.add(node);
    for (const x of operands(node)) {
      if (own === "kernel") store(x);
      if (own !== "alias") uses.set(owner(x), (uses.get(owner(x)) ?? 0) + 1);
      const from = base(x);
      if (role(from) !== "elementwise") continue;
      // once per element here would be many times per element there
      if (sizeOf(node.shape) > sizeOf(x.shape) && own !== "assembly") stored.add(from);
      if (constants.get(x) === true && constants.get(node) !== true) stored.add(from);
    }
  }
  for (const [node, count] of uses) {
    if (count < 2) continue;
    if (role(node) === "elementwise" || node.op === "Transpose") stored.add(node);
    else if (role(node) === "layout" && role(base(node)) === "elementwise") stored.add(base(node));
  }
  return {
    role,
    operands,
    numbers,
    owner,
    uniform: (node) => uniforms.get(node),
    constant: (node) => constants.get(node) === true,
    stored,
  };
};
