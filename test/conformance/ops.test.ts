// Every sample of every op row, and its gradient, through lowering, the written forms and the engines, against the float64
// evaluator; and through the graph-model form on stock TensorFlow.js. No run may leave a buffer behind.
import { loadGraphModel } from "@tensorflow/tfjs-converter";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { createBuilder, reemit, rowOf } from "../../src/compiler/ir/builder.ts";
import { evaluate } from "../../src/compiler/ir/evaluate.ts";
import { ops } from "../../src/compiler/ir/ops/index.ts";
import { sampleCases, type SampleCase } from "../../src/compiler/ir/samples.ts";
import { edgeType } from "../../src/compiler/ir/shape.ts";
import { nodesOf } from "../../src/compiler/ir/walk.ts";
import type { Graph, Node, OpName } from "../../src/compiler/ir/types.ts";
import { graphModel } from "../../src/compiler/lower/graph-model/index.ts";
import { differentiate } from "../../src/compiler/passes/differentiate.ts";
import { SUBJECTS } from "./engines.ts";
import { host, openGraph } from "./open.ts";

/** Relative to the larger of the value and 1; f32 arithmetic against f64. */
const TOLERANCE = 2e-6;
/** A rounding or two of bf16, which engines may place differently. Gradients would pass through many: they are made of the same ops. */
const BF16_TOLERANCE = 2 ** -7;
const LOOSER: Readonly<Partial<Record<OpName, number>>> = {
  pow: 1e-5,
  softmax: 4e-6,
  attention: 1e-5,
  rmsNorm: 1e-5,
  layerNorm: 2e-5,
  log: 4e-6,
  erf: 4e-6,
  gelu: 4e-6,
};

interface GraphModelJson {
  readonly modelTopology: object;
  readonly format: string;
  readonly signature: object;
  readonly weightsManifest: readonly { readonly weights: WeightsManifestEntry[] }[];
}
type WeightsManifestEntry = tf.io.WeightsManifestEntry;

// inputs and state are the edges of every other program
const NAMES = (Object.keys(ops) as OpName[]).filter((op) => op !== "input" && op !== "state");
const usesBf16 = ({ graph }: SampleCase): boolean =>
  nodesOf(graph).some((node) => node.type.dtype === "bf16");
const CASES: readonly SampleCase[] = NAMES.flatMap(sampleCases);
const PLAIN = CASES.filter((sample) => !usesBf16(sample));

const close = (
  got: ArrayLike<number>,
  wanted: ArrayLike<number>,
  tolerance: number,
  title = "",
): void => {
  expect(got.length, title).toBe(wanted.length);
  for (let i = 0; i < wanted.length; i++) {
    const scale = Math.max(1, Math.abs(wanted[i]!));
    if (Math.abs(got[i]! - wanted[i]!) / scale > tolerance)
      expect(got[i], `element ${i} ${title}`).toBe(wanted[i]);
  }
};
const inputsOf = ({ graph, values }: SampleCase): Record<string, ReturnType<typeof host>> =>
  Object.fromEntries(
    graph.inputs.map((node) => [node.attrs.name, host(node.type, values[node.attrs.name]!)]),
  );

interface Joined {
  readonly graph: Graph;
  readonly values: Readonly<Record<string, Float64Array>>;
  /** By result. */
  readonly checks: readonly {
    readonly output: string;
    readonly tolerance: number;
    readonly title: string;
  }[];
}
/** All samples of an op, and the gradients of the sums of their squares, as one program: "0/1" is the second input of the first. */
const joined = (op: OpName, samples: readonly SampleCase[]): Joined => {
  const b = createBuilder();
  const parts = samples.map((sample, i) => {
    const inputs = sample.graph.inputs.map((node) =>
      b.emit("input", [], { ...node.attrs, name: `${i}/${node.attrs.name}` }),
    );
    const made = new Map<Node, Node>(sample.graph.inputs.map((node, k) => [node, inputs[k]!]));
    for (const node of nodesOf(sample.graph))
      if (!made.has(node))
        made.set(
          node,
          reemit(
            b,
            node,
            node.inputs.map((x) => made.get(x)!),
          ),
        );
    const y = made.get(sample.graph.outputs[0]!.node)!;
    const wrt = inputs.filter((node) => node.type.dtype === "f32");
    const isSmooth =
      !usesBf16(sample) && y.type.dtype === "f32" && rowOf(op).grad !== "zero" && wrt.length > 0;
    const axes = y.type.shape.map((_, axis) => axis);
    const grads = isSmooth
      ? differentiate(
          b,
          b.emit("reduceSum", [b.emit("square", [y], {})], { axes, keepDims: false }),
          wrt,
        )
      : [];
    return { sample, inputs, y, grads };
  });
  const results = parts.flatMap(({ sample, y, grads }, i) => {
    const value = usesBf16(sample) ? BF16_TOLERANCE : (LOOSER[op] ?? TOLERANCE);
    return [
      { name: `${i}`, node: y, tolerance: value, title: sample.name },
      ...grads.map((node, k) => ({
        ...{ name: `${i}/d${k}`, node, tolerance: 3e-5 },
        title: `gradient ${k} of ${sample.name}`,
      })),
    ];
  });
  return {
    graph: {
      name: op,
      inputs: parts.flatMap(({ inputs }) => inputs),
      outputs: results.map(({ name, node }) => ({ name, node })),
      updates: [],
    },
    values: Object.fromEntries(
      parts.flatMap(({ sample }, i) =>
        Object.entries(sample.values).map(([name, value]) => [`${i}/${name}`, value]),
      ),
    ),
    checks: results.map(({ name, tolerance, title }) => ({ output: name, tolerance, title })),
  };
};

describe.each(SUBJECTS)("$name", ({ engine, missing, bf16 }) => {
  it.skipIf(missing).each(NAMES)("%s", async (op) => {
    const samples = CASES.filter((sample) => sample.node.op === op && (bf16 || !usesBf16(sample)));
    const { graph, values, checks } = joined(op, samples);
    const wanted = evaluate(graph, { inputs: values, state: {} });
    const session = await openGraph(engine, graph);
    const inputs = Object.fromEntries(
      graph.inputs.map((node) => [node.attrs.name, host(node.type, values[node.attrs.name]!)]),
    );
    const before = session.liveBuffers();
    const got = await session.run(op, inputs);
    expect(session.liveBuffers()).toBe(before);
    expect(Object.keys(got)).toEqual(Object.keys(wanted.outputs));
    for (const { output, tolerance, title } of checks) {
      expect(got[output]!.shape, title).toEqual(wanted.outputs[output]!.shape);
      close(got[output]!.data, wanted.outputs[output]!.data, tolerance, title);
    }
    expect(await session.firstNonFinite(op, inputs)).toBeUndefined();
    expect(session.liveBuffers()).toBe(before);
    await session.close();
  });
});

describe("graph model on stock tfjs", () => {
  beforeAll(async () => {
    await import("@tensorflow/tfjs-backend-cpu");
    await tf.setBackend("cpu");
  });
  it.each(PLAIN.map((sample) => [sample.name, sample] as const))("%s", async (_, sample) => {
    const files = graphModel(sample.graph, {});
    const { modelTopology, weightsManifest, format, signature } = JSON.parse(
      files["model.json"],
    ) as GraphModelJson;
    const model = await loadGraphModel({
      load: () =>
        Promise.resolve({
          ...{ modelTopology, format, signature },
          weightSpecs: weightsManifest[0]!.weights,
          weightData: files["group1-shard1of1.bin"].buffer,
        }),
    });
    const feeds = Object.entries(inputsOf(sample)).map(([name, x]) => {
      const node = sample.graph.inputs.find((input) => input.attrs.name === name)!;
      const dtype = { f32: "float32", i32: "int32", bool: "bool" } as const;
      return [name, tf.tensor(x.data, [...x.shape], dtype[edgeType(node.type)])] as const;
    });
    const result = model.predict(Object.fromEntries(feeds)) as tf.Tensor | tf.NamedTensorMap;
    const tensor = result instanceof tf.Tensor ? result : result["y"]!;
    const wanted = evaluate(sample.graph, { inputs: sample.values, state: {} }).outputs["y"]!;
    expect(tensor.shape).toEqual(wanted.shape);
    close(await tensor.data(), wanted.data, Math.max(1e-5, LOOSER[sample.node.op] ?? 0));
    tf.dispose([result, feeds.map(([, x]) => x)]);
    model.dispose();
  });
});
