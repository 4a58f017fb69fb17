// Every sample of every op row, and its gradient, through lowering, the kernel module and the engines, against the float64
// evaluator; and through the graph-model form on stock TensorFlow.js. No run may leave a buffer behind.
import { loadGraphModel } from "@tensorflow/tfjs-converter";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Session } from "../../src/bundle/engine.ts";
import { createBuilder, reemit, rowOf } from "../../src/compiler/ir/builder.ts";
import { evaluate } from "../../src/compiler/ir/evaluate.ts";
import { ops } from "../../src/compiler/ir/ops/index.ts";
import { sampleCases, type SampleCase } from "../../src/compiler/ir/samples.ts";
import { edgeType } from "../../src/compiler/ir/shape.ts";
import { nodesOf } from "../../src/compiler/ir/walk.ts";
import type { Graph, OpName } from "../../src/compiler/ir/types.ts";
import { graphModel } from "../../src/compiler/lower/graph-model/index.ts";
import { differentiate } from "../../src/compiler/passes/differentiate.ts";
import { SUBJECTS } from "./engines.ts";
import { bundleOf, host } from "./open.ts";

/** Relative to the larger of the value and 1; f32 arithmetic against f64. */
const TOLERANCE = 2e-6;
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
// bf16 is for engines that have it
const CASES: readonly SampleCase[] = NAMES.flatMap(sampleCases).filter(
  ({ graph }) => !nodesOf(graph).some((node) => node.type.dtype === "bf16"),
);

const close = (got: ArrayLike<number>, wanted: ArrayLike<number>, tolerance: number): void => {
  expect(got.length).toBe(wanted.length);
  for (let i = 0; i < wanted.length; i++) {
    const scale = Math.max(1, Math.abs(wanted[i]!));
    if (Math.abs(got[i]! - wanted[i]!) / scale > tolerance)
      expect(got[i], `element ${i}`).toBe(wanted[i]);
  }
};
const inputsOf = ({ graph, values }: SampleCase): Record<string, ReturnType<typeof host>> =>
  Object.fromEntries(
    graph.inputs.map((node) => [node.attrs.name, host(node.type, values[node.attrs.name]!)]),
  );

const gradientOf = (sample: SampleCase): Graph | undefined => {
  if (sample.node.type.dtype !== "f32" || rowOf(sample.node.op).grad === "zero") return undefined;
  const b = createBuilder(); // ids order the nodes of one builder only, so the sample is made again in this one
  const inputs = sample.graph.inputs.map((node) => b.emit("input", [], node.attrs));
  const wrt = inputs.filter((node) => node.type.dtype === "f32");
  if (wrt.length === 0) return undefined;
  const square = b.emit("square", [reemit(b, sample.node, inputs)], {});
  const axes = sample.node.type.shape.map((_, i) => i);
  const loss = b.emit("reduceSum", [square], { axes, keepDims: false });
  const outputs = differentiate(b, loss, wrt).map((node, i) => ({ name: `d${i}`, node }));
  return { ...sample.graph, inputs, outputs };
};

/** The samples of an op and their gradients, as programs of one bundle. */
const programsOf = (op: OpName): readonly Program[] =>
  CASES.filter((sample) => sample.node.op === op).flatMap((sample, i) => {
    const gradient = gradientOf(sample);
    const own = {
      ...{ title: sample.name, sample, tolerance: LOOSER[op] ?? TOLERANCE },
      graph: { ...sample.graph, name: `sample_${i}` },
    };
    if (gradient === undefined) return [own];
    const graph = { ...gradient, name: `gradient_${i}` };
    return [own, { title: `gradient of ${sample.name}`, sample, graph, tolerance: 3e-5 }];
  });
interface Program {
  readonly title: string;
  readonly sample: SampleCase;
  readonly graph: Graph;
  readonly tolerance: number;
}

describe.each(SUBJECTS)("$name", ({ engine, missing }) => {
  describe.each(NAMES)("%s", (op) => {
    const programs = programsOf(op);
    let session: Session;
    beforeAll(async () => {
      if (!missing) session = await engine.open(await bundleOf(...programs.map((p) => p.graph)));
    });
    afterAll(() => session?.close());

    it.skipIf(missing).each(programs)("$title", async ({ sample, graph, tolerance }) => {
      const wanted = evaluate(graph, { inputs: sample.values, state: {} });
      const before = session.liveBuffers();
      const got = await session.run(graph.name, inputsOf(sample));
      expect(session.liveBuffers()).toBe(before);
      expect(Object.keys(got)).toEqual(Object.keys(wanted.outputs));
      for (const [name, { shape, data }] of Object.entries(wanted.outputs)) {
        expect(got[name]!.shape).toEqual(shape);
        close(got[name]!.data, data, tolerance);
      }
      expect(await session.firstNonFinite(graph.name, inputsOf(sample))).toBeUndefined();
      expect(session.liveBuffers()).toBe(before);
    });
  });
});

describe("graph model on stock tfjs", () => {
  beforeAll(async () => {
    await import("@tensorflow/tfjs-backend-cpu");
    await tf.setBackend("cpu");
  });
  it.each(CASES.map((sample) => [sample.name, sample] as const))("%s", async (_, sample) => {
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
