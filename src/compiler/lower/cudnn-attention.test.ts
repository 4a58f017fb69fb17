// The text of the fused calls, which only a card can run: what it says of shapes, layouts and masks, and which attentions it is
// written for.
import { describe, expect, it } from "vitest";
import { createBuilder } from "../ir/builder.ts";
import { parseType } from "../ir/samples.ts";
import type { AttentionAttrs, Graph, Node } from "../ir/types.ts";
import { nodesOf } from "../ir/walk.ts";
import { differentiate } from "../passes/differentiate.ts";
import { isFused } from "./cudnn-attention.ts";
import { graphsFor, refusedKernelsOf } from "./saved-model/forms.ts";
import type { TfNode } from "./tf-nodes.ts";

interface Sizes {
  readonly H?: number;
  readonly K?: number;
  readonly T?: number;
  readonly S?: number;
  readonly d?: number;
  readonly e?: number;
  readonly dtype?: "f32" | "bf16";
}
/** Attention, its result squared and summed, and the gradients at q, k and v. */
const step = (
  attrs: Partial<AttentionAttrs> = {},
  { H = 4, K = 2, T = 6, S = T, d = 16, e = d, dtype = "bf16" }: Sizes = {},
): Graph => {
  const b = createBuilder();
  const input = (name: string, type: string): Node<"input"> => {
    const node = b.emit("input", [], { name, ...parseType(type) });
    return node;
  };
  const inputs = [
    input("q", `f32[b=3,h=${H},t=${T},d=${d}]`),
    input("k", `f32[b=3,k=${K},s=${S},d=${d}]`),
    input("v", `f32[b=3,k=${K},s=${S},e=${e}]`),
  ] as const;
  const [q, k, v] = inputs.map((x) => (dtype === "f32" ? x : b.emit("cast", [x], { dtype })));
  const out = b.emit("attention", [q!, k!, v!], { scale: 0.25, causal: true, ...attrs });
  const wide = dtype === "f32" ? out : b.emit("cast", [out], { dtype: "f32" });
  const loss = b.emit("reduceSum", [b.emit("square", [wide], {})], {
    axes: [0, 1, 2, 3],
    keepDims: false,
  });
  const grads = differentiate(b, loss, inputs);
  return {
    name: "step",
    inputs,
    outputs: [{ name: "loss", node: loss }, ...grads.map((node, i) => ({ name: `d${i}`, node }))],
    updates: [],
  };
};
const callsOf = (graph: Graph): readonly TfNode[] =>
  graphsFor(["cudnn"], graph).cudnn!.nodes.filter((node) => node.op === "XlaCallModule");
const textOf = ({ attrs }: TfNode): string => {
  const { module } = attrs;
  if (module === undefined || !("string" in module)) throw new Error("no module");
  return module.string;
};
interface Config {
  readonly cudnn_fmha_backend_config: Readonly<Record<string, unknown>>;
}
const configOf = (text: string): Config["cudnn_fmha_backend_config"] => {
  const quoted = /backend_config = "([^"]*)"/.exec(text)?.[1] ?? "";
  return (JSON.parse(quoted.replaceAll("\\22", '"')) as Config).cudnn_fmha_backend_config;
};

describe("fused attention", () => {
  it("is two calls: result with statistics, and the three gradients", () => {
    const [forward, backward] = callsOf(step());
    expect(callsOf(step())).toHaveLength(2);
    expect(forward!.inputs).toHaveLength(3);
    expect(forward!.others).toEqual([{ dtype: "f32", shape: [3, 4, 6] }]);
    expect(backward!.inputs).toHaveLength(6);
    expect(backward!.inputs[3]).toBe(`${forward!.name}:1`);
    expect(backward!.others?.map((o) => o.shape)).toEqual([
      [3, 2, 6, 16],
      [3, 2, 6, 16],
    ]);
    expect(forward!.attrs).toMatchObject({
      version: { int: 9 },
      platforms: { strings: ["CUDA"] },
      disabled_checks: { strings: ["custom_call:__cudnn$fmhaSoftmax"] },
      Sout: {
        shapes: [
          [3, 4, 6, 16],
          [3, 4, 6],
        ],
      },
      Tout: { types: ["bf16", "f32"] },
    });
  });
  it("leaves nothing of size [T, T] to anybody else", () => {
    const { nodes } = graphsFor(["cudnn"], step({}, { T: 10, d: 8 })).cudnn!;
    expect(nodes.filter(({ shape }) => shape.filter((n) => n === 10).length > 1)).toEqual([]);
  });
  it("reads heads beside each other and gives them so", () => {
    const text = textOf(callsOf(step())[0]!);
    expect(text).toContain(
      "func.func public @main(%arg0: tensor<3x4x6x16xbf16>, %arg1: tensor<3x2x6x16xbf16>, %arg2: tensor<3x2x6x16xbf16>) -> (tensor<3x4x6x16xbf16>, tensor<3x4x6xf32>)",
    );
    expect(text).toContain(
      "%0 = stablehlo.transpose %arg0, dims = [0, 2, 1, 3] : (tensor<3x4x6x16xbf16>) -> tensor<3x6x4x16xbf16>",
    );
    expect(text).toContain(
      "result_layouts = [dense<[3, 1, 2, 0]> : tensor<4xindex>, dense<[2, 1, 0]> : tensor<3xindex>, dense<0> : tensor<1xindex>]",
    );
    expect(text).toContain("return %3#0, %3#1 : tensor<3x4x6x16xbf16>, tensor<3x4x6xf32>");
  });
  it("names each value before it is used", () => {
    for (const call of callsOf(step())) {
      const known = new Set<string>();
      for (const line of textOf(call).split("\n")) {
        const [left = "", right = line] = line.split(" = stablehlo.");
        const used = [...right.replace(/backend_config = "[^"]*"/, "").matchAll(/%[a-z0-9]+/g)];
        if (!line.includes("func.func"))
          for (const [name] of used) expect(known, line).toContain(name);
        else for (const [name] of used) known.add(name);
        const made = /%[a-z0-9]+/.exec(left)?.[0];
        if (made !== undefined) known.add(made);
      }
    }
  });
  it("says the mask, the window and the shape of the scores", () => {
    const config = (attrs: Partial<AttentionAttrs>): ReturnType<typeof configOf> =>
      configOf(textOf(callsOf(step(attrs))[0]!));
    expect(config({})).toMatchObject({
      fmha_scale: 0.25,
      mask_type: "CAUSAL",
      sliding_window_length: 0,
      is_flash_attention: true,
      intermediate_tensor_shape: { element_type: "BF16", dimensions: ["3", "4", "6", "6"] },
    });
    expect(config({ window: 4 })["sliding_window_length"]).toBe(4);
    expect(config({ causal: false })["mask_type"]).toBe("NO_MASK");
  });
  it.each<readonly [string, Partial<AttentionAttrs>, Sizes, readonly string[]]>([
    ["f32", {}, { dtype: "f32" }, []],
    ["heads of an odd width", {}, { d: 12 }, ["its heads are 8, 16 … 128 wide, not 12"]],
    ["wide heads", {}, { d: 136 }, ["its heads are 8, 16 … 128 wide, not 136"]],
    ["values of another width", {}, { e: 8 }, ["its values are as wide as its keys, not 8 and 16"]],
    ["queries that are the last of the keys", {}, { S: 9 }, []],
    ["capped scores", { softcap: 30 }, {}, ["it has no softcap"]],
    ["falling scores", { slopes: [1, 0.5, 0.25, 0.125] }, {}, ["it has no slopes"]],
  ])("is not for %s, and says why where it might be", (_, attrs, sizes, reasons) => {
    const graph = step(attrs, sizes);
    expect(nodesOf(graph).some(isFused)).toBe(false);
    expect(callsOf(graph)).toEqual([]);
    expect(refusedKernelsOf([graph])).toEqual(reasons);
  });
});
