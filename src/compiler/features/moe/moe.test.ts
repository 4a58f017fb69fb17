// Mixtures against plain loops that run every expert on every token, and what balances them.
import { describe, expect, it } from "vitest";
import { maxDifference } from "../../../../test/parity/golden.ts";
import { modelFrom } from "../../../../test/parity/models.ts";
import { everything, recipe, sequences } from "../../../../test/parity/recipes.ts";
import { evaluate } from "../../ir/evaluate.ts";
import { buildPrograms } from "../../model/programs.ts";
import { features } from "../index.ts";
import { archOf, B, D, layerOf, noise, T, type LayerRun } from "../experts/layer.test.helper.ts";

const [N, E, F] = [B * T, 6, 3];
const silu = (a: number): number => a / (1 + Math.exp(-a));
const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

/** x [D] by W [D, n], the first of its matrices or the e-th. */
const by = (x: ArrayLike<number>, W: Float64Array, n: number, e = 0): number[] =>
  Array.from({ length: n }, (_, j) =>
    sum(Array.from(x, (v, i) => v * W[(e * x.length + i) * n + j]!)),
  );

interface Plain {
  readonly k: number;
  readonly scores: "softmax" | "sigmoid";
  readonly renormalise?: boolean;
  readonly scale?: number;
  readonly groups?: { readonly count: number; readonly keep: number; readonly best: number };
  readonly bias?: boolean;
  readonly shared?: number;
  readonly room?: number;
}
/** The mixture of each token, every expert computed and most of them weighed 0; and who was picked. */
const plain = (run: LayerRun, how: Plain): { readonly y: number[]; readonly picks: number[][] } => {
  const x = noise(N * D, 1);
  const of = (name: string): Float64Array => run.state[`blocks.0.ffn.${name}`]!;
  const picks: number[][] = [];
  const scoresOf: number[][] = [];
  for (let t = 0; t < N; t++) {
    const logits = by(x.subarray(t * D, (t + 1) * D), of("router.weight"), E);
    const total = sum(logits.map(Math.exp));
    const scores = logits.map((z) =>
      how.scores === "softmax" ? Math.exp(z) / total : 1 / (1 + Math.exp(-z)),
    );
    const ranked = scores.map((s, e) => s + (how.bias === true ? of("router.bias")[e]! : 0));
    const order = (values: readonly number[]): number[] =>
      values.map((_, i) => i).sort((i, j) => values[j]! - values[i]! || i - j);
    let open = ranked;
    if (how.groups !== undefined) {
      const size = E / how.groups.count;
      const best = Array.from({ length: how.groups.count }, (_, g) =>
        sum(
          [...ranked.slice(g * size, (g + 1) * size)]
            .sort((a, b) => b - a)
            .slice(0, how.groups!.best),
        ),
      );
      const kept = order(best).slice(0, how.groups.keep);
      open = ranked.map((s, e) => (kept.includes(Math.floor(e / size)) ? s : -Infinity));
    }
    picks.push(order(open).slice(0, how.k));
    scoresOf.push(scores);
  }
  // First picks of all tokens take their places before second ones.
  const used = new Array<number>(E).fill(0);
  const fits = picks.map(() => new Array<boolean>(how.k).fill(true));
  for (let j = 0; j < how.k; j++)
    for (let t = 0; t < N; t++) fits[t]![j] = used[picks[t]![j]!]!++ < (how.room ?? Infinity);
  const y: number[] = [];
  for (let t = 0; t < N; t++) {
    const state = x.subarray(t * D, (t + 1) * D);
    const total = how.renormalise === true ? sum(picks[t]!.map((e) => scoresOf[t]![e]!)) : 1;
    const out = new Array<number>(D).fill(0);
    const add = (name: string, width: number, e: number, gate: number): void => {
      const gated = by(state, of(`${name}.gate.weight`), width, e);
      const up = by(state, of(`${name}.up.weight`), width, e);
      const inner = gated.map((g, i) => silu(g) * up[i]!);
      by(inner, of(`${name}.down.weight`), D, e).forEach((v, d) => (out[d]! += gate * v));
    };
    for (let e = 0; e < E; e++) {
      const j = picks[t]!.indexOf(e);
      const chosen = j >= 0 && fits[t]![j]!;
      add("experts", F, e, chosen ? ((how.scale ?? 1) * scoresOf[t]![e]!) / total : 0);
    }
    if (how.shared !== undefined) add("shared", how.shared * F, 0, 1);
    y.push(...out);
  }
  return { y, picks };
};

const sizes = `experts: ${E}, intermediate: ${F}`;
const forms: readonly (readonly [text: string, how: Plain])[] = [
  ["top_k: 2", { k: 2, scores: "softmax" }],
  ["top_k: 1, router: softmax(scale: 1.5)", { k: 1, scores: "softmax", scale: 1.5 }],
  [`top_k: ${E}, shared: 1`, { k: E, scores: "softmax", shared: 1 }],
  [
    "top_k: 2, shared: 2, router: softmax(renormalise: true, scale: 2.5)",
    { k: 2, scores: "softmax", renormalise: true, scale: 2.5, shared: 2 },
  ],
  ["top_k: 3, router: sigmoid(renormalise: true)", { k: 3, scores: "sigmoid", renormalise: true }],
  [
    "top_k: 2, router: softmax(groups: groups(count: 3, keep: 1))",
    { k: 2, scores: "softmax", groups: { count: 3, keep: 1, best: 1 } },
  ],
  [
    "top_k: 3, router: sigmoid(groups: groups(count: 2, keep: 1, rank: best_two)), balance: bias(0.1)",
    { k: 3, scores: "sigmoid", bias: true, groups: { count: 2, keep: 1, best: 2 } },
  ],
  ["top_k: 2, capacity: 1", { k: 2, scores: "softmax", room: (N * 2) / E }],
];

describe("a mixture", () => {
  it.each(forms)("is every expert weighed: %s", (text, how) => {
    const run = layerOf(`moe(${sizes}, ${text})`);
    const { y, picks } = plain(run, how);
    expect(maxDifference(run.y, y)).toBeLessThan(1e-12);
    const load = Array.from({ length: E }, (_, e) => picks.flat().filter((p) => p === e).length);
    const seen = run.metrics["blocks.0.ffn.load"]!;
    load.forEach((n, e) => expect(seen[e]! * N * how.k).toBeCloseTo(n, 9));
  });

  it.each(forms)("has the gradients of differences: %s", (text) => {
    const ffn = `moe(${sizes}, ${text}${text.includes("balance") ? "" : ", balance: [sequence(0.3), batch(0.2)]"}, z_loss: 0.1)`;
    const run = layerOf(ffn);
    const h = 1e-6;
    for (const p of run.parameters.filter((q) => q.trained))
      for (const i of [0, 1, run.state[p.name]!.length - 1]) {
        const moved = (by: number): number => {
          const values = {
            ...run.state,
            [p.name]: run.state[p.name]!.map((v, j) => (j === i ? v + by : v)),
          };
          return layerOf(ffn, values).objective;
        };
        const slope = (moved(h) - moved(-h)) / (2 * h);
        expect(Math.abs(run.grads[p.name]![i]! - slope), `${p.name} ${i}`).toBeLessThan(1e-6);
      }
  });

  it("of one expert that is renormalised is the dense layer, bit for bit", () => {
    const one = layerOf(
      `moe(experts: 1, top_k: 1, intermediate: ${F}, router: softmax(renormalise: true))`,
    );
    const parts = ["gate", "up", "down"];
    const dense = layerOf(
      `swiglu(intermediate: ${F})`,
      Object.fromEntries(
        parts.map((p) => [
          `blocks.0.ffn.${p}.weight`,
          one.state[`blocks.0.ffn.experts.${p}.weight`]!,
        ]),
      ),
    );
    expect(one.y).toEqual(dense.y);
  });

  it("does not depend on the order of its experts", () => {
    const run = layerOf(`moe(${sizes}, top_k: 2)`);
    const turned = (W: Float64Array, width: number): Float64Array =>
      Float64Array.from([...W.subarray(width), ...W.subarray(0, width)]);
    const of = (name: string): Float64Array => run.state[`blocks.0.ffn.${name}`]!;
    const router = of("router.weight");
    const moved = layerOf(`moe(${sizes}, top_k: 2)`, {
      "blocks.0.ffn.router.weight": router.map(
        (_, i) => router[Math.floor(i / E) * E + ((i + 1) % E)]!,
      ),
      ...Object.fromEntries(
        ["gate", "up", "down"].map((p) => [
          `blocks.0.ffn.experts.${p}.weight`,
          turned(of(`experts.${p}.weight`), D * F),
        ]),
      ),
    });
    expect(maxDifference(moved.y, run.y)).toBeLessThan(1e-12);
  });

  it("lets no gradient through the choice: an expert without tokens gets zeros", () => {
    const bias = [0, 0, 0, 0, 0, -100];
    const run = layerOf(`moe(${sizes}, top_k: 2, balance: bias(0))`, {
      "blocks.0.ffn.router.bias": bias,
    });
    const grad = run.grads["blocks.0.ffn.experts.up.weight"]!;
    expect(grad.subarray(5 * D * F).every((g) => g === 0)).toBe(true);
    expect(grad.subarray(0, D * F).some((g) => g !== 0)).toBe(true);
    expect(run.grads["blocks.0.ffn.router.bias"]!.every((g) => g === 0)).toBe(true);
  });
});

describe("capacity", () => {
  const dropped = "blocks.0.ffn.dropped";
  it("drops nothing where there is room for all", () => {
    const [free, roomy] = [
      layerOf(`moe(${sizes}, top_k: 2)`),
      layerOf(`moe(${sizes}, top_k: 2, capacity: ${E})`),
    ];
    expect(roomy.y).toEqual(free.y);
    expect(roomy.metrics[dropped]![0]).toBe(0);
    expect(free.metrics[dropped]).toBeUndefined();
  });
  it("is for training alone: evaluation and generation drop nothing", () => {
    const x = noise(N * D, 1);
    const [free, full] = ["", ", capacity: 1"].map((capacity) =>
      layerOf(`moe(${sizes}, top_k: 2${capacity})`, {}, x, "none"),
    );
    expect(full!.y).toEqual(free!.y);
    expect(full!.metrics[dropped]).toBeUndefined();
    expect(layerOf(`moe(${sizes}, top_k: 2, capacity: 1)`).y).not.toEqual(free!.y);
  });
  it("counts what it drops", () => {
    const { metrics } = layerOf(`moe(${sizes}, top_k: 2, capacity: 1)`);
    const load = metrics["blocks.0.ffn.load"]!;
    const room = (N * 2) / E;
    const beyond = Array.from(load, (share) => Math.max(0, Math.round(share * N * 2) - room));
    expect(sum(beyond)).toBeGreaterThan(0);
    expect(metrics[dropped]![0]).toBe(sum(beyond));
  });
});

describe("balance", () => {
  const zero = { "blocks.0.ffn.router.weight": new Float64Array(D * E) };
  const lossOf = (text: string, values = {}): number => {
    const all = Object.values(layerOf(`moe(${sizes}, ${text})`, values).losses);
    expect(all).toHaveLength(1);
    return all[0]!;
  };
  it.each(["sequence", "batch", "global"])("is its weight for even shares: %s", (term) => {
    expect(lossOf(`top_k: 2, balance: ${term}(0.01)`, zero)).toBeCloseTo(0.01, 14);
  });
  it("is E / k times that when all mass sits on the chosen", () => {
    const steep = {
      "blocks.0.ffn.router.weight": Float64Array.from({ length: D * E }, (_, i) =>
        i < 2 ? 1e4 : 0,
      ),
    };
    const x = noise(N * D, 1).map((v, i) => (i % D === 0 ? 1 : v));
    const run = layerOf(`moe(${sizes}, top_k: 2, balance: batch(1))`, steep, x);
    expect(run.losses["blocks.0.ffn.batch_balance"]).toBeCloseTo(E / 2, 9);
  });
  it("of everything is its weight, and moves no router", () => {
    const run = layerOf(`moe(${sizes}, top_k: ${E}, balance: sequence(0.5))`);
    expect(run.losses["blocks.0.ffn.sequence_balance"]).toBeCloseTo(0.5, 12);
    const plainRun = layerOf(`moe(${sizes}, top_k: ${E})`);
    const name = "blocks.0.ffn.router.weight";
    expect(maxDifference(run.grads[name]!, plainRun.grads[name]!)).toBeLessThan(1e-12);
  });
  it("leaves the result as it is", () => {
    expect(layerOf(`moe(${sizes}, top_k: 2, balance: batch(9))`).y).toEqual(
      layerOf(`moe(${sizes}, top_k: 2)`).y,
    );
  });
  it("of logits is the mean square of their log-sum-exp", () => {
    expect(lossOf("top_k: 2, z_loss: 0.01", zero)).toBeCloseTo(0.01 * Math.log(E) ** 2, 12);
  });
  it("shows how sure the router is", () => {
    const { metrics } = layerOf(`moe(${sizes}, top_k: 2)`, zero);
    expect(metrics["blocks.0.ffn.entropy"]![0]).toBeCloseTo(Math.log(E), 12);
  });
});

describe("over an update", () => {
  const compile = (ffn: string, micro: number, blocks = 1) =>
    buildPrograms(
      modelFrom(archOf(ffn, blocks)),
      recipe({
        batch: sequences(4),
        micro: sequences(micro),
        optimizer: { is: "sgd", lr: 1, momentum: 0, nesterov: false },
        schedule: { is: "constant", warmup: { unit: "step", value: 0 } },
        clip: null,
        gate_clip: null,
        decay: [{ selector: everything, text: "**", value: { is: "none" } }],
      }),
      {
        methods: features,
        programs: micro === 4 ? ["train_step"] : ["accumulate", "apply"],
        binding: { batch: micro, sequence: T },
        totalSteps: 1,
      },
    );
  const ids = Float64Array.from({ length: 4 * T }, (_, i) => (i * 7 + (i % 5)) % 11);
  /** One update with the batch whole, or in parts; the state after it. */
  const after = (ffn: string, micro: number): Record<string, Float64Array> => {
    const { programs, state: entries } = compile(ffn, micro);
    const params = entries.filter((e) => e.kind === "param");
    const state: Record<string, Float64Array> = Object.fromEntries(
      entries.map((e) => {
        const size = e.shape.reduce((n, d) => n * d, 1);
        const isNoise = params.includes(e) && !e.name.endsWith("bias");
        return [e.name, isNoise ? noise(size, params.indexOf(e)) : new Float64Array(size)];
      }),
    );
    const run = (name: string, inputs: Readonly<Record<string, ArrayLike<number>>>): void => {
      const { graph } = programs.find((p) => p.graph.name === name)!;
      const { updates } = evaluate(graph, { inputs: { ...inputs, learning_rate: [1] }, state });
      for (const [key, value] of Object.entries(updates)) state[key] = value.data;
    };
    const batch = (from: number, count: number): Readonly<Record<string, Float64Array>> => {
      const part = ids.slice(from * T, (from + count) * T);
      return { input_ids: part, targets: part.map((id, i) => ((i + 1) % T === 0 ? -100 : id)) };
    };
    if (micro === 4) run("train_step", batch(0, 4));
    else {
      for (let i = 0; i < 4; i += micro) run("accumulate", batch(i, micro));
      run("apply", {});
    }
    return state;
  };
  const [weight, bias] = ["blocks.0.ffn.router.weight", "blocks.0.ffn.router.bias"];

  it("the bias moves against the load of the whole batch, whole or in parts", () => {
    const ffn = `moe(${sizes}, top_k: 2, balance: bias(0.25))`;
    const [whole, parts] = [after(ffn, 4), after(ffn, 2)];
    expect(parts[bias]).toEqual(whole[bias]);
    expect(parts["blocks.0.ffn.router.load"]!.every((n) => n === 0)).toBe(true);
    expect([...new Set(whole[bias])].sort((x, y) => x - y)).toEqual([-0.25, 0, 0.25]);
  });
  it("global balance of one pass is that of the batch; of several it looks at all so far", () => {
    const [global, batch] = [
      `moe(${sizes}, top_k: 2, balance: global(3))`,
      `moe(${sizes}, top_k: 2, balance: batch(3))`,
    ];
    expect(maxDifference(after(global, 4)[weight]!, after(batch, 4)[weight]!)).toBeLessThan(1e-12);
    expect(maxDifference(after(global, 2)[weight]!, after(batch, 2)[weight]!)).toBeGreaterThan(
      1e-4,
    );
  });
  it("balance over the model pools loads and shares of all its layers", () => {
    const { programs } = compile(`moe(${sizes}, top_k: 2, balance: model(0.5))`, 4, 2);
    const names = programs[0]!.graph.outputs
      .map((o) => o.name)
      .filter((n) => n.includes("balance"));
    expect(names).toEqual(["metrics/model_balance"]);
  });
});
