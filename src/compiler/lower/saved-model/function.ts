// A program as a function of the library, in the stateful form: state comes as handles of variables, is read where the body
// begins and assigned where it ends. A second form of it stops at the first value that is not finite.
import type { TfGraph, TfNode } from "../tf-nodes.ts";
import type { TfOp } from "../tf-ops.ts";
import type { ArgDef, FunctionDef, NodeDef } from "./messages.ts";
import { resultName, splitReference } from "./results.ts";
import { attrOf, TYPE } from "./values.ts";

export const nodeDef = ({
  name,
  op,
  inputs,
  attrs,
}: Pick<TfNode, "name" | "op" | "inputs" | "attrs">): NodeDef => ({
  name,
  op,
  input: inputs,
  attr: Object.fromEntries(
    Object.entries(attrs)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, attr]) => [key, attrOf(attr)]),
  ),
});

/** Every state that the program reads or writes: the order of the handles in a call. */
export const handlesOf = (graph: TfGraph): readonly string[] => [
  ...new Set([...graph.reads, ...graph.updates].map(({ state }) => state)),
];

/** TensorFlow's rule for the names of arguments: [a-z][a-z0-9_]*. */
const argumentNames = (names: readonly string[]): readonly string[] => {
  const taken = new Set<string>();
  return names.map((name) => {
    const plain = name.toLowerCase().replaceAll(/[^a-z0-9_]/g, "_");
    const base = /^[a-z]/.test(plain) ? plain : `x${plain}`;
    let unique = base;
    for (let n = 1; taken.has(unique); n++) unique = `${base}_${n}`;
    taken.add(unique);
    return unique;
  });
};

interface Body {
  readonly inputArg: readonly ArgDef[];
  readonly nodes: readonly NodeDef[];
  /** A node's input or a result of the program, as the body names it. */
  readonly refer: (reference: string) => string;
  readonly handle: (state: string) => string;
  readonly reads: ReadonlyMap<string, string>;
}

/** What both forms begin with: arguments, reads and the program's own nodes. */
const bodyOf = (graph: TfGraph): Body => {
  const byName = new Map(graph.nodes.map((node) => [node.name, node]));
  const handles = handlesOf(graph);
  const names = argumentNames([
    ...graph.inputs.map(({ name }) => name),
    ...handles.map(() => "state"),
  ]);
  const placeholders = new Map(graph.inputs.map(({ node }, i) => [node, names[i]!]));
  const handleOf = new Map(handles.map((state, i) => [state, names[graph.inputs.length + i]!]));
  const stateOf = new Map(graph.reads.map(({ state, node }) => [node, state]));
  const handle = (state: string): string => handleOf.get(state)!;

  const opOf = (node: string): TfOp =>
    stateOf.has(node) ? "ReadVariableOp" : byName.get(node)!.op;
  const refer = (reference: string): string => {
    const { node, index } = splitReference(reference);
    return placeholders.get(node) ?? resultName(node, opOf(node), index);
  };
  const nodes = graph.nodes
    .filter(({ name }) => !placeholders.has(name))
    .map((node) => {
      const state = stateOf.get(node.name);
      if (state === undefined) return nodeDef({ ...node, inputs: node.inputs.map(refer) });
      const attrs = { dtype: { type: node.dtype } };
      return nodeDef({ name: node.name, op: "ReadVariableOp", inputs: [handle(state)], attrs });
    });
  return {
    inputArg: [
      ...graph.inputs.map(({ node }, i) => ({
        name: names[i]!,
        type: TYPE[byName.get(node)!.dtype],
      })),
      ...handles.map((state) => ({ name: handle(state), type: TYPE.resource })),
    ],
    nodes,
    refer,
    handle,
    reads: new Map(graph.reads.map(({ state, node }) => [state, node])),
  };
};

const RESULTS = "results";

/** @param name of the function */
export const functionOf = (graph: TfGraph, name: string): FunctionDef => {
  const { inputArg, nodes, refer, handle, reads } = bodyOf(graph);
  const types = new Map(graph.nodes.map((node) => [node.name, node]));
  const typeOf = (reference: string): TfNode["dtype"] => {
    const { node, index } = splitReference(reference);
    const made = types.get(node)!;
    return index === 0 ? made.dtype : made.others![index - 1]!.dtype;
  };
  const writes = graph.updates.map(({ state, node }) => {
    const read = reads.get(state);
    return nodeDef({
      name: `updates/${state}`,
      op: "AssignVariableOp",
      // the old value is read before it goes, also where the new one does not depend on it
      inputs: [handle(state), refer(node), ...(read === undefined ? [] : [`^${read}`])],
      attrs: { dtype: { type: typeOf(node) } },
    });
  });
  // Results wait for the writes: TensorFlow drops what leads to no result where it inlines a function (from Python it does).
  const waits = graph.updates.length > 0 && graph.outputs.length > 0;
  const waiting = nodeDef({
    ...{ name: RESULTS, op: "IdentityN" },
    inputs: [
      ...graph.outputs.map(({ node }) => refer(node)),
      ...writes.map((node) => `^${node.name}`),
    ],
    attrs: { T: { types: graph.outputs.map(({ node }) => typeOf(node)) } },
  });
  const results = argumentNames(graph.outputs.map((output) => output.name));
  return {
    signature: {
      name,
      inputArg,
      outputArg: graph.outputs.map(({ node }, i) => ({
        name: results[i]!,
        type: TYPE[typeOf(node)],
      })),
      isStateful: true,
      controlOutput: writes.map((node) => node.name),
    },
    nodeDef: [...nodes, ...writes, ...(waits ? [waiting] : [])],
    ret: Object.fromEntries(
      graph.outputs.map(({ node }, i) => [
        results[i]!,
        waits ? resultName(RESULTS, "IdentityN", i) : refer(node),
      ]),
    ),
    controlRet: Object.fromEntries(writes.map((node) => [node.name, node.name])),
  };
};

/** What only moves values is as finite as what it moves, and constants may be infinite on purpose. */
const MOVES: ReadonlySet<string> = new Set([
  "Placeholder", "Const", "Fill", "Range", "Identity", "Reshape", "Transpose", "BroadcastTo", "Slice", "ConcatV2", "PadV2", "GatherV2",
  "SelectV2",
]); // prettier-ignore

/**
 * The checks wait for each other in graph order, so the one that fails names the first node whose value is not finite. Nothing
 * is assigned.
 */
export const checkOf = (graph: TfGraph, name: string): FunctionDef => {
  const { inputArg, nodes, refer, reads } = bodyOf(graph);
  const read = new Set(reads.values());
  const checked = graph.nodes.filter(
    (node) =>
      (node.dtype === "f32" || node.dtype === "bf16") &&
      (read.has(node.name) || !MOVES.has(node.op)),
  );
  const checks = checked.map((node, i) =>
    nodeDef({
      name: `check/${i}`,
      op: "CheckNumerics",
      inputs: [refer(node.name), ...(i === 0 ? [] : [`^check/${i - 1}`])],
      attrs: { T: { type: node.dtype }, message: { string: node.name } },
    }),
  );
  const last = checks.slice(-1).map((node) => node.name);
  return {
    signature: { name, inputArg, outputArg: [], isStateful: true, controlOutput: last },
    nodeDef: [...nodes, ...checks],
    ret: {},
    controlRet: Object.fromEntries(last.map((node) => [node, node])),
  };
};
