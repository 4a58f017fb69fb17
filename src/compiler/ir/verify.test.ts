// Each kind of fault is found and said; a legal graph has none.
import { expect, it } from "vitest";
import { createBuilder } from "./builder.ts";
import { parseGraph } from "./text.ts";
import type { Graph, Node } from "./types.ts";
import { verify } from "./verify.ts";

const legal = parseGraph(`graph g(x: f32[2]) -> y: %2
  %1 = state "w" : f32[2]
  %2 = add x %1 : f32[2]
  update "w" = %2
`);
const sum = legal.outputs[0]!.node;
const graphOf = (node: Node, more: Partial<Graph> = {}): Graph => ({
  ...legal,
  outputs: [{ name: "y", node }],
  updates: [],
  ...more,
});
const changed = (fields: Partial<Pick<Node, "id" | "type">>): Node => ({ ...sum, ...fields });

it("finds nothing in a legal graph", () => expect(verify(legal)).toEqual([]));

const scalar = createBuilder().emit("full", [], { dtype: "f32", shape: [], value: 1 });
it.each<readonly [string, Graph, string]>([
  [
    "a wrong type",
    graphOf(changed({ type: { dtype: "f32", shape: [] } })),
    "is f32[], inferred f32[2]",
  ],
  ["an operand that comes later", graphOf(changed({ id: 0 })), "comes later"],
  [
    "two nodes of one id",
    graphOf(sum, { updates: [{ state: "w", node: changed({}) }] }),
    "shares its id with add",
  ],
  ["an undeclared input", graphOf(sum, { inputs: [] }), 'input "x" is not declared'],
  [
    "an update of another type",
    graphOf(sum, { updates: [{ state: "w", node: { ...scalar, id: 99 } }] }),
    'update of "w": is f32[], expected f32[2]',
  ],
  [
    "two outputs of one name",
    { ...legal, outputs: [...legal.outputs, ...legal.outputs] },
    'output "y" is given twice',
  ],
])("finds %s", (_name, graph, message) => expect(verify(graph).join("\n")).toContain(message));
