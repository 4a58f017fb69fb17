// Attention layers against their definition in plain loops: what each choice does to queries, keys and scores.
import { describe, expect, it } from "vitest";
import { modelFrom } from "../../../test/parity/models.ts";
import { features } from "../features/index.ts";
import { createBuilder } from "../ir/builder.ts";
import { evaluateNodes } from "../ir/evaluate.ts";
import { unnamed } from "../ir/shape.ts";
import { createStage } from "./kinds.ts";
import { createParameters } from "./parameters.ts";
import { kindOf } from "./sites.ts";
import { cellOf } from "./cell.ts";

const [T, D, d] = [5, 12, 4];
const noise = (n: number, seed: number): number[] =>
  Array.from({ length: n }, (_, i) => Math.sin(1.3 + i * 12.9898 + seed * 78.233));

type Weights = Readonly<Record<string, readonly number[]>>;
/** What the graph makes of x [T, D], and the weights it had, by their name below `attention`. */
const layer = (text: string): { readonly y: ArrayLike<number>; readonly weights: Weights } => {
  const model = modelFrom(`model M {
    vocab_size = 7 hidden_size = ${D} context = 16
    blocks 1 { norm = pre() attention = ${text} ffn = swiglu(8) }
  }`);
  const b = createBuilder();
  const params = createParameters(b);
  const cell = cellOf(createStage(b, params, features), model, model.blocks[0]!, 0, "");
  const shape = [1, T, D].map(unnamed);
  const input = b.emit("input", [], { name: "x", dtype: "f32", shape });
  const spec = model.blocks[0]!.attention;
  const node = kindOf(cell.kinds.attention, spec).build(cell, spec, input);
  const state = Object.fromEntries(
    params.list().map(({ name, shape: sides }, i) => [
      name,
      noise(
        sides.reduce((n, side) => n * side.size, 1),
        i + 2,
      ),
    ]),
  );
  const y = evaluateNodes([node], { inputs: { x: noise(T * D, 1) }, state }).get(node)!;
  const weights = Object.fromEntries(
    Object.entries(state).map(([name, values]) => [name.replace("blocks.0.attention.", ""), values]),
  );
  return { y, weights };
}; // prettier-ignore

interface Definition {
  readonly heads: number;
  readonly kv?: number;
  /** Query i and key j of head h see each other. */
  readonly sees?: (i: number, j: number) => boolean;
  readonly score?: (qk: number, h: number, i: number, j: number) => number;
  readonly scale?: number;
  /** Of the vector of all heads of a position. */
  readonly norm?: (x: number[], w: Weights, part: "q" | "k") => number[];
}
const product = (x: readonly number[], w: Weights, part: string): number[] => {
  const matrix = w[`${part}.weight`]!; // [in, out]
  const out = matrix.length / x.length;
  return Array.from({ length: out }, (_, o) =>
    x.reduce((sum, value, i) => sum + value * matrix[i * out + o]!, w[`${part}.bias`]?.[o] ?? 0),
  );
};
const defined = (w: Weights, definition: Definition): number[] => {
  const { heads: H, kv: K = H, scale = 1 / Math.sqrt(d) } = definition;
  const sees = definition.sees ?? (() => true);
  const score = definition.score ?? ((s: number) => s);
  const norm = definition.norm ?? ((y: number[]) => y);
  const x = noise(T * D, 1);
  const rows = (part: "q" | "k" | "v"): number[][] =>
    Array.from({ length: T }, (_, t) => {
      const y = product(x.slice(t * D, (t + 1) * D), w, part);
      return part === "v" ? y : norm(y, w, part);
    });
  const [q, k, v] = [rows("q"), rows("k"), rows("v")];
  const head = (y: number[], h: number): number[] => y.slice(h * d, (h + 1) * d);
  return Array.from({ length: T }, (_, i) => {
    const joined = Array.from({ length: H }, (_h, h) => {
      const from = Math.floor((h * K) / H);
      const weights = Array.from({ length: T }, (_j, j) => {
        if (j > i || !sees(i, j)) return 0;
        const qk = head(q[i]!, h).reduce((sum, a, c) => sum + a * head(k[j]!, from)[c]!, 0);
        return Math.exp(score(qk * scale, h, i, j));
      });
      const sink = w["sinks"] === undefined ? 0 : Math.exp(w["sinks"][h]!);
      const total = weights.reduce((sum, e) => sum + e, sink);
      return Array.from({ length: d }, (_c, c) =>
        weights.reduce((sum, e, j) => sum + (e / total) * head(v[j]!, from)[c]!, 0),
      );
    }).flat();
    return product(joined, w, "o");
  }).flat();
};
const rms = (x: number[], gain: readonly number[]): number[] => {
  const root = Math.sqrt(x.reduce((sum, a) => sum + a * a, 0) / x.length + 1e-6);
  return x.map((a, i) => (a / root) * gain[i]!);
};

const none = "position: none";
const cases: Readonly<Record<string, Definition>> = {
  [`mha(3, ${none})`]: { heads: 3 },
  [`gqa(6, kv: 2, head_dim: 4, bias: true, ${none})`]: { heads: 6, kv: 2 },
  [`mqa(3, scale: 0.3, out_bias: true, ${none})`]: { heads: 3, kv: 1, scale: 0.3 },
  [`mha(3, window: 2, ${none})`]: { heads: 3, sees: (i, j) => i - j < 2 },
  [`mha(3, softcap: 0.5, ${none})`]: { heads: 3, score: (s) => 0.5 * Math.tanh(s / 0.5) },
  [`mha(3, sinks: true, ${none})`]: { heads: 3 },
  [`gqa(6, kv: 3, head_dim: 4, sinks: true, window: 3, softcap: 0.5, ${none})`]: {
    ...{ heads: 6, kv: 3 },
    sees: (i, j) => i - j < 3,
    score: (s) => 0.5 * Math.tanh(s / 0.5),
  },
  // no power of two: those of four heads, then every other one of eight
  "mha(6, head_dim: 4, position: alibi())": {
    heads: 6,
    score: (s, h, i, j) => s - [1 / 4, 1 / 16, 1 / 64, 1 / 256, 1 / 2, 1 / 8][h]! * (i - j),
  },
  "mha(2, head_dim: 4, position: alibi(), softcap: 0.5)": {
    heads: 2,
    score: (s, h, i, j) => 0.5 * Math.tanh(s / 0.5) - [1 / 16, 1 / 256][h]! * (i - j),
  },
  [`gqa(6, kv: 3, head_dim: 4, qk_norm: per_head(), ${none})`]: {
    ...{ heads: 6, kv: 3 },
    norm: (x, w, part) =>
      Array.from({ length: x.length / d }, (_, h) =>
        rms(x.slice(h * d, (h + 1) * d), w[`${part}_norm.weight`]!),
      ).flat(),
  },
  [`gqa(6, kv: 3, head_dim: 4, qk_norm: joint(), ${none})`]: {
    ...{ heads: 6, kv: 3 },
    norm: (x, w, part) => rms(x, w[`${part}_norm.weight`]!),
  },
};

describe("attention is what its definition says", () => {
  it.each(Object.entries(cases))("%s", (text, definition) => {
    const { y, weights } = layer(text);
    const wanted = defined(weights, definition);
    expect(y).toHaveLength(wanted.length);
    wanted.forEach((value, i) => {
      expect(Math.abs(y[i]! - value)).toBeLessThan(1e-10 * Math.max(1, Math.abs(value)));
    });
  });
});
