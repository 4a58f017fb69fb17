// StableHLO text from our own writer, run by XLA through XlaCallModule: the way in which fused attention reaches a card, tried
// here with modules that a processor can run. And what only the compiled form of a program has.
import { expect, it } from "vitest";
import type { LoadedBundle } from "../../src/bundle/engine.ts";
import { programEntry } from "../../src/compiler/emit/manifest.ts";
import { createBuilder } from "../../src/compiler/ir/builder.ts";
import { evaluate } from "../../src/compiler/ir/evaluate.ts";
import { parseType } from "../../src/compiler/ir/samples.ts";
import type { Graph, Node } from "../../src/compiler/ir/types.ts";
import { result } from "../../src/compiler/lower/emit.ts";
import type { LoweringTable } from "../../src/compiler/lower/lowering-table.ts";
import { lowerGraph } from "../../src/compiler/lower/lower-graph.ts";
import { graphsFor } from "../../src/compiler/lower/saved-model/forms.ts";
import { writeSavedModel } from "../../src/compiler/lower/saved-model/index.ts";
import { callModule, hloModule } from "../../src/compiler/lower/stablehlo.ts";
import { XLA } from "../../src/compiler/lower/xla.ts";
import { SUBJECTS } from "./engines.ts";
import { bundleOf, host } from "./open.ts";

const { engine, missing } = SUBJECTS.find(({ name }) => name === "tensorflow with XLA")!;

/** The program with rows of its own in its compiled form. */
const withRows = async (graph: Graph, rows: Partial<LoweringTable>): Promise<LoadedBundle> => ({
  ...(await bundleOf(graph)),
  savedModel: {
    bytes: (file) =>
      writeSavedModel(
        { state: [], training: null },
        [
          {
            entry: programEntry({ graph, scalars: {} }, 0),
            graphs: { xla: lowerGraph(graph, { ...XLA, ...rows }) },
          },
        ],
        [],
        file,
      ),
  },
});
const expectOn = async (bundle: LoadedBundle, graph: Graph): Promise<void> => {
  const values = Object.fromEntries(
    graph.inputs.map((x, n) => [
      x.attrs.name,
      Float64Array.from({ length: x.type.shape.reduce((m, d) => m * d.size, 1) }, (_, i) =>
        Math.fround(Math.sin(1 + i * (n + 1.3))),
      ),
    ]),
  );
  const wanted = evaluate(graph, { inputs: values, state: {} }).outputs;
  const session = await engine.open(bundle);
  const got = await session.run(
    graph.name,
    Object.fromEntries(
      graph.inputs.map((x) => [x.attrs.name, host(x.type, values[x.attrs.name]!)]),
    ),
  );
  for (const [name, { data }] of Object.entries(wanted))
    data.forEach((v, i) => expect(Math.abs(got[name]!.data[i]! - v)).toBeLessThan(1e-5));
  await session.close();
};

it.skipIf(missing)("runs a module that gives several results", async () => {
  const b = createBuilder();
  const input = (name: string, type: string): Node<"input"> => {
    const node = b.emit("input", [], { name, ...parseType(type) });
    return node;
  };
  const [x, y] = [input("x", "f32[b=2,h=2,t=3,d=4]"), input("y", "f32[b=2,h=2,d=4,s=5]")];
  const product = b.emit("matMul", [x, y], { transposeX: false, transposeY: false });
  const turned = b.emit("transpose", [product], { perm: [0, 1, 3, 2] });
  const graph: Graph = {
    name: "p",
    inputs: [x, y],
    outputs: [
      { name: "product", node: product },
      { name: "turned", node: turned },
    ],
    updates: [],
  };
  const outputs = [
    { dtype: "f32", shape: [2, 2, 3, 5] },
    { dtype: "f32", shape: [2, 2, 5, 3] },
  ] as const;
  const bundle = await withRows(graph, {
    matMul: (emit, inputs) => {
      const text = hloModule(inputs, (write, [left, right]) => {
        const beside = write.transpose(left!, [0, 2, 1, 3]); // heads beside each other, and back
        const made = write.batchMatMul(write.transpose(beside, [0, 2, 1, 3]), right!);
        return [made, write.transpose(made, [0, 1, 3, 2])];
      });
      const attrs = callModule(text, inputs, outputs, "CPU");
      return emit.node("XlaCallModule", inputs, attrs, { ...outputs[0], others: [outputs[1]] });
    },
    transpose: (_emit, [made]) => result(made!, 1, outputs[1]),
  });
  await expectOn(bundle, graph);
});

it.skipIf(missing)(
  "keeps the sums of bf16 products in f32, and computes behind a barrier",
  async () => {
    const b = createBuilder();
    const [x, y] = ["x", "y"].map((name): Node<"input"> => {
      const node = b.emit("input", [], { name, ...parseType("f32[m=8,k=8]") });
      return node;
    }) as [Node<"input">, Node<"input">];
    const low = (node: Node): Node => b.emit("cast", [node], { dtype: "bf16" });
    const times = (p: Node, q: Node): Node =>
      b.emit("matMul", [p, q], { transposeX: false, transposeY: true, out: "f32" });
    const product = times(low(x), low(y));
    const held = b.emit("barrier", [x, product], { of: 0 });
    const graph: Graph = {
      name: "p",
      inputs: [x, y],
      outputs: [
        { name: "product", node: product },
        { name: "again", node: times(low(held), low(b.emit("barrier", [x, product], { of: 1 }))) },
      ],
      updates: [],
    };
    const ops = graphsFor(["xla"], graph).xla!.nodes.map((node) => node.op);
    expect(ops.filter((op) => op === "BatchMatMulV3")).toHaveLength(2);
    expect(ops.filter((op) => op === "XlaOptimizationBarrier")).toHaveLength(1);
    await expectOn(await withRows(graph, {}), graph);
  },
);
