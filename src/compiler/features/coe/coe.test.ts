// Conformance checks of the paper note (numbers in brackets are its section 10), on a layer alone and in a block.
import { describe, expect, it } from "vitest";
import { maxDifference } from "../../../../test/parity/golden.ts";
import { modelFrom, passOf } from "../../../../test/parity/models.ts";
import { archOf, B, D, layerOf, noise, T, type LayerRun } from "../experts/layer.test.helper.ts";

const [E, F] = [6, 3];
const sizes = `experts: ${E}, top_k: 2, intermediate: ${F}`;
const routers = (run: LayerRun): readonly string[] =>
  run.parameters.map((p) => p.name).filter((name) => name.includes("router"));
const total = (run: LayerRun): number =>
  run.parameters.reduce((n, p) => n + p.shape.reduce((m, d) => m * d.size, 1), 0);
const ids = Float64Array.from({ length: B * T }, (_, i) => (i * 5 + (i % 3)) % 11);

describe("a chain of experts", () => {
  it.each(["inner", "outer", "both", "none", "init"])(
    "of one iteration is the mixture with the same residual: %s [1]",
    (residual) => {
      const one = layerOf(`coe(${sizes}, iterations: 1, residual: ${residual}, shared: 1)`);
      const names = Object.fromEntries(
        Object.entries(one.state).map(([name, v]) => [name.replace("router.0", "router"), v]),
      );
      const mixture = layerOf(`moe(${sizes}, residual: ${residual}, shared: 1)`, names);
      expect(mixture.y).toEqual(one.y);
      expect(mixture.grads["x"]).toEqual(one.grads["x"]);
    },
  );

  it("grows by a router an iteration, and by nothing where the router is one [2]", () => {
    const own = [1, 2, 3].map((c) => layerOf(`coe(${sizes}, iterations: ${c}, shared: 1)`));
    expect(own.map((run) => total(run) - total(own[0]!))).toEqual([0, E * D, 2 * E * D]);
    for (const router of ["one", "first"]) {
      const runs = [2, 3].map((c) =>
        layerOf(`coe(${sizes}, iterations: ${c}, router: ${router}())`),
      );
      expect(total(runs[1]!)).toBe(total(runs[0]!));
      expect(routers(runs[0]!)).toEqual(["blocks.0.ffn.router.weight"]);
    }
  });

  it("with its routers tied is the chain of one router, and their gradients add up [3]", () => {
    const one = layerOf(`coe(${sizes}, iterations: 3, router: one())`);
    const W = one.state["blocks.0.ffn.router.weight"]!;
    const tied = layerOf(`coe(${sizes}, iterations: 3)`, {
      ...one.state,
      ...Object.fromEntries([0, 1, 2].map((t) => [`blocks.0.ffn.router.${t}.weight`, W])),
    });
    expect(tied.y).toEqual(one.y);
    const summed = W.map((_, i) =>
      [0, 1, 2].reduce((n, t) => n + tied.grads[`blocks.0.ffn.router.${t}.weight`]![i]!, 0),
    );
    expect(maxDifference(summed, one.grads["blocks.0.ffn.router.weight"]!)).toBeLessThan(1e-12);
  });

  it("asks its router anew in each iteration, unless it keeps the first choice [10]", () => {
    const load = (run: LayerRun, t: number): Float64Array | undefined =>
      run.metrics[`blocks.0.ffn.${t}.load`];
    const anew = layerOf(`coe(${sizes}, iterations: 2, router: one())`);
    expect(load(anew, 1)).not.toEqual(load(anew, 0));
    const first = layerOf(`coe(${sizes}, iterations: 2, router: first())`, anew.state);
    expect(load(first, 1)).toBeUndefined();
    expect(first.y).not.toEqual(anew.y);
  });

  it("that keeps the first choice applies the same experts twice (eq. 8)", () => {
    // With outer residuals alone the second round is a mixture of the first round's result, by the first round's gates.
    const first = layerOf(`coe(${sizes}, iterations: 2, router: first(), residual: outer)`);
    const once = layerOf(`moe(${sizes})`, first.state);
    const again = layerOf(`moe(${sizes})`, first.state, once.y);
    const anew = layerOf(
      `coe(${sizes}, iterations: 2, router: one(), residual: outer)`,
      first.state,
    );
    expect(maxDifference(anew.y, again.y)).toBeLessThan(1e-12);
    expect(maxDifference(first.y, again.y)).toBeGreaterThan(1e-6);
  });

  it("balances each iteration on its own", () => {
    const { losses } = layerOf(`coe(${sizes}, iterations: 3, balance: sequence(0.1))`, {
      ...Object.fromEntries(
        [0, 1, 2].map((t) => [`blocks.0.ffn.router.${t}.weight`, new Float64Array(D * E)]),
      ),
    });
    expect(Object.keys(losses)).toEqual([0, 1, 2].map((t) => `blocks.0.ffn.${t}.sequence_balance`));
    Object.values(losses).forEach((loss) => expect(loss).toBeCloseTo(0.1, 12));
  });

  it("moves one bias by the loads of all iterations of its router", () => {
    const names = (router: string): readonly string[] =>
      layerOf(`coe(${sizes}, iterations: 2, router: ${router}(sigmoid()), balance: bias())`)
        .parameters.map((p) => p.name)
        .filter((name) => name.endsWith("bias"));
    expect(names("one")).toEqual(["blocks.0.ffn.router.bias"]);
    expect(names("per_iteration")).toEqual([
      "blocks.0.ffn.router.0.bias",
      "blocks.0.ffn.router.1.bias",
    ]);
  });
});

/** Rows divided by their root mean square. */
const rms = (h: ArrayLike<number>): Float64Array => {
  const out = Float64Array.from(h);
  for (let i = 0; i < out.length; i += D) {
    const row = out.subarray(i, i + D);
    const scale = 1 / Math.sqrt(row.reduce((s, v) => s + v * v, 0) / D + 1e-6);
    for (let d = 0; d < D; d++) row[d] = row[d]! * scale;
  }
  return out;
};
const plus = (a: ArrayLike<number>, b: ArrayLike<number>): Float64Array =>
  Float64Array.from(a, (v, i) => v + b[i]!);
const times = (a: ArrayLike<number>, factor: number): Float64Array =>
  Float64Array.from(a, (v) => factor * v);

describe("in a block", () => {
  /** A block whose gains are 1 and whose attention, and experts if they are `silent`, say nothing. */
  const blockOf = (ffn: string, norm = "pre(rmsnorm())", silent = true) => {
    const { parameters, run } = passOf(
      modelFrom(archOf(ffn).replace("pre(rmsnorm())", norm)),
      B,
      T,
    );
    const mute = silent ? /(down|attention\.o)\.weight$/ : /attention\.o\.weight$/;
    const state = Object.fromEntries(
      parameters.map((p, i) => {
        const size = p.shape.reduce((n, d) => n * d.size, 1);
        if (mute.test(p.name)) return [p.name, new Float64Array(size)];
        return [p.name, p.role === "norm" ? new Float64Array(size).fill(1) : noise(size, i)];
      }),
    );
    return { found: run({ ids, targets: ids, state }), state };
  };

  // Down-projections and attention's output are zero: the stream after attention is the block's input h.
  it.each([
    ["inner", (h: Float64Array) => rms(h)],
    ["outer", (h: Float64Array) => h],
    ["both", (h: Float64Array) => plus(h, rms(h))],
    ["none", (h: Float64Array) => new Float64Array(h.length)],
    ["init", (h: Float64Array) => rms(h)],
  ] as const)("silent experts leave what the residual says: %s [4]", (residual, wanted) => {
    for (const iterations of [1, 3]) {
      const { found } = blockOf(`coe(${sizes}, iterations: ${iterations}, residual: ${residual})`);
      const h = found["hidden.0"]!;
      expect(maxDifference(found["hidden.1"]!, wanted(h))).toBeLessThan(1e-9);
    }
  });
  it("after norms the inner residual stands on the stream itself, and is the outer one of a single iteration", () => {
    const [inner, outer] = ["inner", "outer"].map((residual) =>
      blockOf(`moe(${sizes}, residual: ${residual})`, "post(rmsnorm())"),
    );
    expect(inner!.found["hidden.1"]).toEqual(outer!.found["hidden.1"]);
  });
  it("between norms the chain's result is normalised in place of the stream", () => {
    const { found } = blockOf(`coe(${sizes}, residual: inner)`, "sandwich(rmsnorm())");
    const h = found["hidden.0"]!;
    expect(maxDifference(found["hidden.1"]!, rms(rms(h)))).toBeLessThan(1e-9);
  });

  // What the table of README.md says, with the chain of the layer alone; before it, attention's half of the block with silence.
  const alpha = 2 ** 0.25;
  const same = (h: Float64Array): Float64Array => h;
  type Step = (h: Float64Array) => Float64Array;
  interface Placed {
    readonly half?: Step;
    readonly reads?: Step;
    readonly inside?: Step;
    readonly after?: Step;
    readonly shortcut?: number;
  }
  const placed: readonly (readonly [norm: string, Placed])[] = [
    ["pre()", { reads: rms }],
    ["lns()", { reads: rms }],
    ["post()", { half: rms, after: rms }],
    ["deepnorm()", { half: (h) => rms(times(h, alpha)), after: rms, shortcut: alpha }],
    ["sandwich()", { reads: rms, inside: rms }],
    ["peri()", { reads: rms, inside: rms }],
    ["parallel()", { reads: rms }],
  ];
  it.each(placed)("stands under every placement as the table says: %s", (norm, how) => {
    const { half = same, reads = same, inside = same, after = same, shortcut = 1 } = how;
    for (const residual of ["inner", "outer", "both", "none", "init"])
      for (const scaled of [1, 0.5]) {
        const ffn = `coe(${sizes}, residual: ${residual})`;
        const { found, state } = blockOf(`${ffn} residual = scaled(${scaled})`, norm, false);
        const h = half(found["hidden.0"]!);
        const chain = times(inside(layerOf(ffn, state, reads(h)).y), scaled);
        const isAdded = residual === "outer" || residual === "both";
        const wanted = after(isAdded ? plus(times(h, shortcut), chain) : chain);
        expect(maxDifference(found["hidden.1"]!, wanted), residual).toBeLessThan(1e-9);
      }
  });
});
