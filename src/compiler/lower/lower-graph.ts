// A program as TensorFlow nodes in the functional form: state reads are placeholders, state writes are results. Ops without
// nodes of their own are expanded first. Equal constants are shared; names carry the model path, for profiles and NaN reports.
import { InternalError } from "../diagnostics/types.ts";
import { nodesOf } from "../ir/walk.ts";
import { expandComposites } from "../passes/expand.ts";
import type { Graph, Node, OpName, Pass } from "../ir/types.ts";
import type { Emit, Value } from "./emit.ts";
import { LOWERING, type LoweringTable } from "./lowering-table.ts";
import type { Attr, TfGraph, TfNode } from "./tf-nodes.ts";
import type { TfOp } from "./tf-ops.ts";

const isOp = (name: string): name is OpName => name in LOWERING;
const expansion = (table: LoweringTable): Pass =>
  expandComposites(
    new Set(
      Object.keys(table)
        .filter(isOp)
        .filter((op) => table[op] !== "expand"),
    ),
  );

/** Looks a row up under the node's own op: the pairing TypeScript cannot follow through a union. */
const lower = <N extends OpName>(
  table: LoweringTable,
  node: Node<N>,
  emit: Emit,
  inputs: readonly Value[],
): Value => {
  const row = table[node.op];
  if (row === "expand")
    throw new InternalError(`lowering: ${node.op} #${node.id} at ${node.path} was not expanded`);
  return row(emit, inputs, node);
};

/** @param own rows in place of the table's, for a reader that knows more than TensorFlow's nodes or not all of them */
export const lowerGraph = (program: Graph, own: Partial<LoweringTable> = {}): TfGraph => {
  const table: LoweringTable = { ...LOWERING, ...own };
  const graph = expansion(table).run(program);
  const nodes: TfNode[] = [];
  const counts = new Map<string, number>();
  const values = new Map<Node, Value>();
  const constants = new Map<string, Value>();
  const shared = new Map<string, Value>();
  const once: Emit["once"] = (key, make) => {
    const value = shared.get(key) ?? make();
    shared.set(key, value);
    return value;
  };
  const unique = (wanted: string): string => {
    const count = counts.get(wanted) ?? 0;
    counts.set(wanted, count + 1);
    return count === 0 ? wanted : unique(`${wanted}_${count}`);
  };
  const push = (
    name: string,
    op: TfOp,
    inputs: readonly Value[],
    attrs: Readonly<Record<string, Attr>>,
    type: Pick<TfNode, "dtype" | "shape" | "others">,
  ): Value => {
    const value = { name: unique(name), dtype: type.dtype, shape: type.shape };
    nodes.push({ name: value.name, op, inputs: inputs.map((x) => x.name), attrs, ...type });
    return value;
  };
  const tensor: Emit["tensor"] = (numbers, shape, dtype) => {
    if (dtype === "bf16") return rounded(tensor(numbers, shape, "f32"));
    const key = `${dtype}[${shape.join()}]${numbers.map((n) => (Object.is(n, -0) ? "-0" : n)).join()}`;
    const known = constants.get(key);
    if (known !== undefined) return known;
    const value = push(
      "constants/Const",
      "Const",
      [],
      { dtype: { type: dtype }, value: { tensor: { dtype, shape, values: numbers } } },
      { dtype, shape },
    );
    constants.set(key, value);
    return value;
  };

  const rounded = (value: Value): Value => {
    const key = `bf16 ${value.name}`;
    const known = constants.get(key);
    if (known !== undefined) return known;
    const attrs = { SrcT: { type: "f32" }, DstT: { type: "bf16" } } as const;
    const type = { dtype: "bf16", shape: value.shape } as const;
    const cast = push("constants/Cast", "Cast", [value], attrs, type);
    constants.set(key, cast);
    return cast;
  };

  for (const node of nodesOf(graph)) {
    const prefix = node.path === "" ? "" : `${node.path}/`;
    const own = { dtype: node.type.dtype, shape: node.type.shape.map((dim) => dim.size) };
    const emit: Emit = {
      once,
      tensor,
      ints: (list) =>
        typeof list === "number" ? tensor([list], [], "i32") : tensor(list, [list.length], "i32"),
      node: (op, inputs, attrs = {}, type = {}) => {
        const name =
          node.op === "input"
            ? `inputs/${node.attrs.name}`
            : node.op === "state"
              ? `state/${node.attrs.name}`
              : `${prefix}${op}`;
        return push(name, op, inputs, attrs, { ...own, ...type });
      },
    };
    values.set(
      node,
      lower(
        table,
        node,
        emit,
        node.inputs.map((x) => values.get(x)!),
      ),
    );
  }

  const nameOf = (node: Node): string => values.get(node)!.name;
  const reads = [...values.keys()].filter((node) => node.op === "state");
  return {
    name: graph.name,
    nodes,
    inputs: graph.inputs.map((node) => ({ name: node.attrs.name, node: nameOf(node) })),
    reads: reads.map((node) => ({ state: node.attrs.name, node: nameOf(node) })),
    outputs: graph.outputs.map(({ name, node }) => ({ name, node: nameOf(node) })),
    updates: graph.updates.map(({ state, node }) => ({ state, node: nameOf(node) })),
  };
};
