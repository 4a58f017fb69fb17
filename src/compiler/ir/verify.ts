// What every legal graph satisfies. Tests run it after each pass (`runPasses`, `verify: true`).
import { inferType, rowOf, takesOperands } from "./builder.ts";
import { sameSizes, showType } from "./shape.ts";
import type { Graph, Node, TensorType } from "./types.ts";
import { nodesOf } from "./walk.ts";

/** The faults of a graph, each a sentence; none for a legal one. */
export const verify = (graph: Graph): string[] => {
  const faults: string[] = [];
  const nodes = nodesOf(graph);
  const declared = new Set<Node>(graph.inputs);
  const byId = new Map<number, Node>();
  const states = new Map<string, TensorType>();

  for (const node of nodes) {
    const place = `${node.op} #${node.id}${node.path === "" ? "" : ` at ${node.path}`}`;
    const twin = byId.get(node.id);
    if (twin !== undefined) faults.push(`${place}: shares its id with ${twin.op}`);
    byId.set(node.id, node);
    for (const input of node.inputs)
      if (input.id >= node.id)
        faults.push(`${place}: its operand ${input.op} #${input.id} comes later`);

    if (!takesOperands(node.op, node.inputs.length)) {
      const arity = rowOf(node.op).samples[0]!.inputs.length;
      faults.push(`${place}: has ${node.inputs.length} operands, expected ${arity}`);
      continue; // its shape rule would read operands that are not there
    }
    const inferred = inferType(
      node.op,
      node.inputs.map((n) => n.type),
      node.attrs,
    );
    if ("fault" in inferred) faults.push(`${place}: ${inferred.fault}`);
    else if (showType(inferred) !== showType(node.type))
      faults.push(`${place}: is ${showType(node.type)}, inferred ${showType(inferred)}`);

    if (node.op === "input" && node.type.dtype === "bf16")
      faults.push(`${place}: bf16 does not enter a program`);
    if (node.op === "input" && !declared.has(node))
      faults.push(`${place}: input "${node.attrs.name}" is not declared`);
    if (node.op === "state") {
      const known = states.get(node.attrs.name);
      if (known !== undefined && !sameType(known, node.type))
        faults.push(
          `${place}: state "${node.attrs.name}" is read as ${showType(known)} and ${showType(node.type)}`,
        );
      states.set(node.attrs.name, node.type);
    }
  }

  for (const { name, node } of graph.outputs)
    if (node.type.dtype === "bf16") faults.push(`output "${name}": bf16 does not leave a program`);
  for (const { state, node } of graph.updates) {
    const known = states.get(state);
    if (known === undefined ? node.type.dtype !== "f32" : !sameType(known, node.type))
      faults.push(
        `update of "${state}": is ${showType(node.type)}, expected ${known === undefined ? "f32" : showType(known)}`,
      );
  }
  faults.push(
    ...repeated(
      "input",
      graph.inputs.map((n) => n.attrs.name),
    ),
    ...repeated(
      "output",
      graph.outputs.map((o) => o.name),
    ),
    ...repeated(
      "update",
      graph.updates.map((u) => u.state),
    ),
  );
  return faults;
};

/** Names of axes are for people and may differ between a state and its update. */
const sameType = (a: TensorType, b: TensorType): boolean =>
  a.dtype === b.dtype && sameSizes(a.shape, b.shape);
const repeated = (kind: string, names: readonly string[]): string[] =>
  names.filter((n, i) => names.indexOf(n) !== i).map((n) => `${kind} "${n}" is given twice`);
