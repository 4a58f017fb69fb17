// The written form itself, without TensorFlow: every op can be written, every reference leads somewhere, the same programs give the
// same bytes. That TensorFlow takes and runs it is test/conformance's.
import { describe, expect, it } from "vitest";
import type { ModelFile } from "../../../bundle/saved-model.ts";
import { programEntry } from "../../emit/manifest.ts";
import { createBuilder } from "../../ir/builder.ts";
import { ops } from "../../ir/ops/index.ts";
import { sampleCases } from "../../ir/samples.ts";
import { dims } from "../../ir/shape.ts";
import type { Graph, OpName } from "../../ir/types.ts";
import { lowerGraph } from "../lower-graph.ts";
import { checkOf, functionOf } from "./function.ts";
import { graphsFor } from "./forms.ts";
import type { FunctionDef } from "./messages.ts";
import { savedModel } from "./index.ts";

/** w <- w - rate · x, and z <- 0; y = log(w). */
const update = (): Graph => {
  const b = createBuilder();
  const x = b.emit("input", [], { name: "X", dtype: "f32", shape: dims(2) });
  const rate = b.emit("input", [], { name: "rate", dtype: "f32", shape: [] });
  const w = b.emit("state", [], { name: "w", shape: dims(2) });
  const y = b.at("blocks.0/ffn", undefined, () => b.emit("log", [w], {}));
  return {
    name: "step",
    inputs: [x, rate],
    outputs: [
      { name: "y", node: y },
      { name: "y/again", node: y },
    ],
    updates: [
      { state: "w", node: b.emit("sub", [w, b.emit("mul", [x, rate], {})], {}) },
      { state: "z", node: b.emit("full", [], { dtype: "f32", shape: dims(3), value: 0 }) },
    ],
  };
};

/** References that lead nowhere. */
const dangling = ({ signature, nodeDef, ret, controlRet }: FunctionDef): readonly string[] => {
  const args = new Set(signature.inputArg.map(({ name }) => name));
  const nodes = new Set(nodeDef.map(({ name }) => name));
  const known = (reference: string): boolean =>
    reference.startsWith("^")
      ? nodes.has(reference.slice(1))
      : args.has(reference) || nodes.has(reference.split(":")[0]!);
  const used = [...nodeDef.flatMap((node) => node.input), ...Object.values(ret)];
  const controls = [...Object.values(controlRet), ...signature.controlOutput];
  return [...used, ...controls.map((name) => `^${name}`)].filter((name) => !known(name));
};

describe("functions", () => {
  it("read state at the beginning, assign it at the end, old values first", () => {
    const f = functionOf(lowerGraph(update()), "f");
    expect(f.signature.inputArg.map(({ name }) => name)).toEqual(["x", "rate", "state", "state_1"]);
    expect(f.signature.outputArg.map(({ name }) => name)).toEqual(["y", "y_again"]);
    expect(f.ret).toEqual({ y: "results:output:0", y_again: "results:output:1" });
    const nodes = new Map(f.nodeDef.map((node) => [node.name, node]));
    expect(nodes.get("state/w")).toMatchObject({ op: "ReadVariableOp", input: ["state"] });
    expect(nodes.get("updates/w")!.input).toEqual(["state", "Sub:z:0", "^state/w"]);
    expect(nodes.get("updates/z")!.input[0]).toBe("state_1");
    expect(nodes.get("results")!.input).toEqual([
      ...["blocks.0/ffn/Log:y:0", "blocks.0/ffn/Log:y:0"],
      ...["^updates/w", "^updates/z"],
    ]);
    expect(Object.keys(f.controlRet)).toEqual(["updates/w", "updates/z"]);
  });
  it("check each value in order and assign nothing", () => {
    const f = checkOf(lowerGraph(update()), "f");
    expect(f.nodeDef.some((node) => node.op === "AssignVariableOp")).toBe(false);
    const checks = f.nodeDef.filter((node) => node.op === "CheckNumerics");
    expect(checks.map((node) => node.input)).toEqual([
      ["state/w:value:0"],
      ["blocks.0/ffn/Log:y:0", "^check/0"],
      ["Mul:z:0", "^check/1"],
      ["Sub:z:0", "^check/2"],
    ]);
    expect(f.controlRet).toEqual({ "check/3": "check/3" });
  });
  // inputs and state are arguments of every function
  const written = (Object.keys(ops) as OpName[]).filter((op) => op !== "input" && op !== "state");
  it.each(written)("can be written of %s", (op) => {
    for (const { graph } of sampleCases(op)) {
      const lowered = lowerGraph(graph);
      expect(dangling(functionOf(lowered, "f"))).toEqual([]);
      expect(dangling(checkOf(lowered, "f"))).toEqual([]);
    }
  });
});

describe("the file", () => {
  const write = (graph: Graph, file: ModelFile = "main"): Uint8Array =>
    savedModel(
      {
        programs: [{ graph, entry: programEntry({ graph, scalars: {} }, 0) }],
        state: [],
        training: null,
      },
      file,
    );
  it("has the same bytes for the same programs", () => {
    const bytes = write(update());
    expect(bytes.length).toBeGreaterThan(1000);
    expect(write(update())).toEqual(bytes);
  });
  it("holds checks in no file but the check's", () => {
    const checked = (file: ModelFile): boolean =>
      new TextDecoder("latin1").decode(write(update(), file)).includes("CheckNumerics");
    expect(checked("check")).toBe(true);
    expect((["main", "xla", "cudnn"] as const).filter(checked)).toEqual([]);
  });
  it("holds no name that TensorFlow refuses", () => {
    expect(() => write({ ...update(), name: "a step" })).toThrow(
      'TensorFlow refuses the name "a step/X"',
    );
  });
});

describe("rows of a cache", () => {
  const b = createBuilder();
  const [rows, start] = [dims(2, 3, 1, 4), dims(2)];
  const held = b.emit("state", [], { name: "cache", shape: dims(2, 3, 8, 4), dtype: "bf16" });
  const x = b.emit("input", [], { name: "x", dtype: "f32", shape: rows });
  const at = b.emit("input", [], { name: "at", dtype: "i32", shape: start });
  const low = b.emit("cast", [x], { dtype: "bf16" });
  const graph: Graph = {
    name: "write",
    inputs: [x, at],
    outputs: [],
    updates: [{ state: "cache", node: b.emit("writeRows", [held, low, at], {}) }],
  };
  const writes = (nodes: readonly { readonly op: string }[] = []): readonly string[] =>
    nodes.map(({ op }) => op).filter((op) => op === "TensorScatterUpdate" || op === "SelectV2");
  it("are written in place where XLA compiles", () => {
    const { plain, xla } = graphsFor(["plain", "xla"], graph);
    expect(writes(xla?.nodes)).toEqual(["TensorScatterUpdate"]);
    expect(writes(plain?.nodes)).toEqual(["SelectV2"]);
  });
  it("are selected where a scatter would be a loop", () => {
    expect(writes(graphsFor(["xla"], graph, true).xla?.nodes)).toEqual(["SelectV2"]);
  });
});
