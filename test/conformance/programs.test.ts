// A whole training program (embedding, attention, norm, loss, gradients, updates of state) on the engines against the
// evaluator for several steps; the plan's promise about buffers; NaN reports; the same bytes for the same program.
import { describe, expect, it } from "vitest";
import { createBuilder } from "../../src/compiler/ir/builder.ts";
import { evaluate } from "../../src/compiler/ir/evaluate.ts";
import type { Dim, Graph, Node } from "../../src/compiler/ir/types.ts";
import { kernelModule, moduleText } from "../../src/compiler/lower/kernel-module/index.ts";
import { OWN_NODES } from "../../src/compiler/lower/kernel-module/own-nodes.ts";
import { plan } from "../../src/compiler/lower/kernel-module/plan.ts";
import { lowerGraph } from "../../src/compiler/lower/lower-graph.ts";
import { differentiate } from "../../src/compiler/passes/differentiate.ts";
import { cpuEngine } from "../../src/runtime/engines/tfjs.ts";
import { SUBJECTS } from "./engines.ts";
import { host, openGraph } from "./open.ts";

const dims = (...sizes: readonly number[]): Dim[] => sizes.map((size) => ({ name: "", size }));
const [B, T, H, D, V] = [2, 5, 2, 12, 7]; // sizes that are no multiples of a vector

const trainingGraph = (): Graph => {
  const b = createBuilder();
  const parameters = {
    embed: dims(V, D),
    q: dims(D, D),
    k: dims(D, D),
    v: dims(D, D),
    gain: dims(D),
    head: dims(D, V),
  };
  const w = Object.fromEntries(
    Object.entries(parameters).map(([name, shape]) => [name, b.emit("state", [], { name, shape })]),
  );
  const ids = b.emit("input", [], { name: "ids", dtype: "i32", shape: dims(B, T) });
  const rate = b.emit("input", [], { name: "rate", dtype: "f32", shape: [] });
  const flags = { transposeX: false, transposeY: false };
  const loss = b.at("blocks.0/attention", undefined, () => {
    const x = b.emit("rmsNorm", [b.emit("gather", [w["embed"]!, ids], {}), w["gain"]!], {
      eps: 1e-6,
    });
    const heads = (weight: Node): Node => {
      const split = b.emit("reshape", [b.emit("matMul", [x, weight], flags)], {
        shape: dims(B, T, H, D / H),
      });
      return b.emit("transpose", [split], { perm: [0, 2, 1, 3] });
    };
    const mixed = b.emit("attention", [heads(w["q"]!), heads(w["k"]!), heads(w["v"]!)], {
      scale: 0.4,
      causal: true,
    });
    const merged = b.emit("transpose", [mixed], { perm: [0, 2, 1, 3] });
    const rows = b.emit("reshape", [merged], { shape: dims(B * T, D) });
    const logits = b.emit("matMul", [rows, w["head"]!], flags);
    const targets = b.emit("reshape", [ids], { shape: dims(B * T) });
    const each = b.emit("crossEntropy", [logits, targets], { ignore: -100 });
    return b.emit("reduceMean", [each], { axes: [0], keepDims: false });
  });
  const names = Object.keys(parameters);
  const gradients = differentiate(
    b,
    loss,
    names.map((name) => w[name]!),
  );
  const updates = names.map((state, i) => ({
    state,
    node: b.emit("sub", [w[state]!, b.emit("mul", [rate, gradients[i]!], {})], {}),
  }));
  return {
    name: "train_step",
    inputs: [ids, rate],
    // the second is the first again, the third is state as it was: both need buffers of their own
    outputs: [
      { name: "loss", node: loss },
      { name: "again", node: loss },
      { name: "gain", node: w["gain"]! },
    ],
    updates,
  };
};

const graph = trainingGraph();
const firstState = Object.fromEntries(
  plan(lowerGraph(graph)).updates.map(({ name, shape }, n) => [
    name,
    Float64Array.from({ length: shape.reduce((x, y) => x * y, 1) }, (_, i) =>
      name === "gain" ? 1 : Math.fround(0.5 * Math.sin(1 + i * (n + 1.3))),
    ),
  ]),
);
const inputs = { ids: Float64Array.from({ length: B * T }, (_, i) => (i * 3) % V), rate: [0.3] };
const hostInputs = Object.fromEntries(
  graph.inputs.map((x) => [x.attrs.name, host(x.type, inputs[x.attrs.name as "ids"])]),
);
const hostState = (values: Readonly<Record<string, Float64Array>>) =>
  Object.fromEntries(
    graph.updates.map(({ state, node }) => [state, host(node.type, values[state]!)]),
  );

describe.each(SUBJECTS)("a training program on $name", ({ engine, missing }) => {
  it.skipIf(missing)(
    "follows the evaluator for three steps and keeps its count of buffers",
    async () => {
      const session = await openGraph(engine, graph);
      await session.writeState(hostState(firstState));
      const before = session.liveBuffers();
      let state: Readonly<Record<string, Float64Array>> = firstState;
      for (let step = 0; step < 3; step++) {
        const wanted = evaluate(graph, { inputs, state });
        const got = await session.run("train_step", hostInputs);
        expect(session.liveBuffers()).toBe(before);
        expect(got["loss"]!.data[0]).toBeCloseTo(wanted.outputs["loss"]!.data[0]!, 4);
        expect(got["again"]!.data).toEqual(got["loss"]!.data);
        state = Object.fromEntries(
          Object.entries(wanted.updates).map(([name, { data }]) => [name, data]),
        );
        const held = await session.readState(Object.keys(state));
        for (const [name, data] of Object.entries(state))
          data.forEach((value, i) =>
            expect(held[name]!.data[i], `${name}[${i}]`).toBeCloseTo(value, 4),
          );
      }
      await session.close();
      expect(session.liveBuffers()).toBeLessThan(before);
    },
  );

  it.skipIf(missing)(
    "gives the same results in groups as one by one, where it has groups",
    async () => {
      const single = await openGraph(engine, graph);
      const grouped = await openGraph(engine, graph);
      for (const session of [single, grouped]) await session.writeState(hostState(firstState));
      const size = grouped.group?.size("train_step") ?? 1;
      const rates = Array.from({ length: size }, (_, i) => ({
        ...hostInputs,
        rate: { dtype: "f32" as const, shape: [], data: Float32Array.of(0.1 / (i + 1)) },
      }));
      const apart: unknown[] = [];
      for (const each of rates) apart.push(await single.run("train_step", each));
      const before = grouped.liveBuffers();
      const together =
        grouped.group === undefined
          ? [await grouped.run("train_step", rates[0]!)]
          : await grouped.group.run("train_step", rates);
      expect(together).toEqual(apart);
      expect(grouped.liveBuffers()).toBe(before);
      const names = Object.keys(firstState);
      expect(await grouped.readState(names)).toEqual(await single.readState(names));
      await single.close();
      await grouped.close();
    },
  );

  it.skipIf(missing)("names the node where a NaN begins and leaves nothing behind", async () => {
    const b = createBuilder();
    const x = b.emit("input", [], { name: "x", dtype: "f32", shape: dims(3) });
    const fine = b.emit("reduceSum", [x], { axes: [0], keepDims: true });
    const bad = b.at("blocks.1/ffn", undefined, () => b.emit("log", [fine], {}));
    const after = b.emit("reduceSum", [b.emit("mul", [bad, x], {})], {
      axes: [0],
      keepDims: false,
    });
    const session = await openGraph(engine, {
      name: "p",
      inputs: [x],
      outputs: [
        { name: "y", node: after },
        { name: "z", node: bad },
      ],
      updates: [],
    });
    const before = session.liveBuffers();
    expect(await session.firstNonFinite("p", { x: host(x.type, [1, 2, 3]) })).toBeUndefined();
    expect(await session.firstNonFinite("p", { x: host(x.type, [1, -2, 0.5]) })).toBe(
      "blocks.1/ffn/Log",
    );
    expect(session.liveBuffers()).toBe(before);
    await session.close();
    // a second time does no harm
    await session.close();
  });
});

describe("the plan", () => {
  it("frees each buffer once, after its last use, and hands out only buffers of its own", () => {
    const { constants, keeps, steps, outputs, updates, peakBytes } = plan(lowerGraph(graph));
    const results = [...outputs, ...updates].map((r) => r.buffer);
    expect(new Set(results).size).toBe(results.length);
    const own = new Set<number>();
    const foreign = new Set(keeps);
    const gone = new Set<number>();
    for (const { reads, makes, frees, call } of steps) {
      for (const buffer of [...reads, ...("target" in call ? [call.target] : [])]) {
        expect(gone.has(buffer)).toBe(false);
        expect(own.has(buffer) || foreign.has(buffer)).toBe(true);
      }
      if (makes !== undefined)
        (call.kind === "input" || call.kind === "state" ? foreign : own).add(makes);
      for (const buffer of frees) {
        expect(own.has(buffer) && !gone.has(buffer) && !results.includes(buffer)).toBe(true);
        gone.add(buffer);
      }
    }
    expect([...own].filter((buffer) => !gone.has(buffer)).sort()).toEqual([...results].sort());
    expect(constants.length).toBeGreaterThan(0);
    expect(peakBytes).toBeGreaterThan(0);
  });
  it("writes rows into a state where they stand, unless its old value is read too", async () => {
    const rows = (readsOld: boolean): Graph => {
      const b = createBuilder();
      const held = b.emit("state", [], { name: "held", shape: dims(2, 4, 3) });
      const given = b.emit("input", [], { name: "given", dtype: "f32", shape: dims(2, 2, 3) });
      const start = b.emit("input", [], { name: "start", dtype: "i32", shape: dims(2) });
      const node = b.emit("writeRows", [held, given, start], {});
      const sum = (x: Node): Node => b.emit("reduceSum", [x], { axes: [0, 1, 2], keepDims: false });
      return {
        name: "p",
        inputs: [given, start],
        outputs: [
          { name: "now", node: sum(node) },
          ...(readsOld ? [{ name: "old", node: sum(held) }] : []),
        ],
        updates: [{ state: "held", node }],
      };
    };
    const copies = (graph: Graph): number =>
      plan(lowerGraph(graph, OWN_NODES))
        .steps.filter(({ shape }) => shape.join() === "2,4,3")
        .filter(({ call }) => call.kind === "loop").length;
    expect([copies(rows(false)), copies(rows(true))]).toEqual([0, 1]);
    for (const readsOld of [false, true]) {
      const session = await openGraph(cpuEngine(), rows(readsOld));
      const ones = { dtype: "f32", shape: [2, 4, 3], data: new Float32Array(24).fill(1) } as const;
      await session.writeState({ held: ones });
      const inputs = {
        given: { dtype: "f32", shape: [2, 2, 3], data: new Float32Array(12).fill(5) },
        start: { dtype: "i32", shape: [2], data: Int32Array.of(1, 3) },
      } as const;
      const before = session.liveBuffers();
      const { now, old } = await session.run("p", inputs);
      expect([now!.data[0], old?.data[0]]).toEqual([24 + 9 * 4, readsOld ? 24 : undefined]);
      expect(await session.firstNonFinite("p", inputs)).toBeUndefined();
      expect(session.liveBuffers()).toBe(before);
      const { held } = await session.readState(["held"]);
      const row = (x: number): readonly number[] => [x, x, x];
      expect([...held!.data]).toEqual([1, 5, 5, 1, 1, 1, 1, 5].flatMap(row));
      await session.close();
    }
  });
  it("gives the same bytes for the same program, and imports nothing", () => {
    const text = moduleText(trainingGraph());
    expect(text).toBe(kernelModule(graph).text);
    expect(text).not.toMatch(/\bimport\b/);
    expect(text).toContain('"blocks.0/attention/');
  });
});
