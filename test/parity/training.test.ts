// Eight updates of the official GPAS loop: two micro-batches, warm-up and cosine, global clip, then the clip of the gates,
// Adam. And what must hold between the programs of a training step.
import { describe, expect, it } from "vitest";
import { evaluateScalar } from "../../src/bundle/scalar.ts";
import { features } from "../../src/compiler/features/index.ts";
import { evaluate, type Evaluation, type Values } from "../../src/compiler/ir/evaluate.ts";
import { buildPrograms, type ProgramOptions } from "../../src/compiler/model/programs.ts";
import type { Compiled } from "../../src/compiler/model/types.ts";
import type { DecoderSpec, RecipeSpec } from "../../src/compiler/semantics/spec.ts";
import { golden, held, maxDifference } from "./golden.ts";
import { gpasSizes, gpasVariant, llamaSpec } from "./models.ts";
import {
  everything,
  expected,
  initialState,
  log,
  microBatch,
  recipe,
  sequences,
  steps,
  weights,
  type State,
} from "./recipes.ts";

const whole = { batch: sequences(2), micro: sequences(2) };
const compile = (
  model: DecoderSpec,
  r: RecipeSpec,
  programs: ProgramOptions["programs"],
): Compiled =>
  buildPrograms(model, r, {
    methods: features,
    programs,
    binding: { batch: 2, sequence: 12 },
    totalSteps: 8,
  });

/** Runs a program at update k and writes its updates into `state`. */
const run = (compiled: Compiled, name: string, state: State, inputs: Values, k = 1): Evaluation => {
  const program = compiled.programs.find((p) => p.graph.name === name);
  if (program === undefined) throw new Error(`no program ${name}`);
  const scalars = Object.entries(program.scalars).map(
    ([key, expr]) => [key, [evaluateScalar(expr, k)]] as const,
  );
  const result = evaluate(program.graph, {
    inputs: { ...inputs, ...Object.fromEntries(scalars) },
    state,
  });
  for (const [key, value] of Object.entries(result.updates)) state[key] = value.data;
  return result;
};
const output = (result: Evaluation, name: string): number => {
  const value = result.outputs[name]?.data[0];
  if (value === undefined) throw new Error(`no output ${name}`);
  return value;
};

const model = llamaSpec(gpasSizes, { scaling: gpasVariant() });

describe("eight updates of pre_gpas", () => {
  const compiled = compile(model, recipe(), ["accumulate", "apply"]);
  const state = initialState(compiled);
  const GATES = "probes/gates/";
  const followed = compiled.programs.flatMap(({ graph }) => graph.outputs.map((o) => o.name));
  const gates = followed.flatMap((name) =>
    name.startsWith(GATES) ? [name.slice(GATES.length)] : [],
  );
  it("follows the log: rate, loss, norm, gates", () => {
    expect(gates).toHaveLength(log[0]!.gates_before_update.length);
    log.forEach((line, step) => {
      gates.forEach((name, i) => {
        expect(
          Math.abs(state[name]![0]! - line.gates_before_update[i]!),
          `${name} at ${step}`,
        ).toBeLessThan(2e-5);
      });
      const losses = [0, 1].map((i) =>
        output(run(compiled, "accumulate", state, microBatch(step, i)), "loss"),
      );
      expect(Math.abs((losses[0]! + losses[1]!) / 2 - line.loss), `loss ${step}`).toBeLessThan(
        1e-5,
      );
      const applied = run(compiled, "apply", state, {}, step + 1);
      expect(
        Math.abs(output(applied, "grad_norm") - line.grad_norm_before_clip),
        `norm ${step}`,
      ).toBeLessThan(1e-4);
      expect(evaluateScalar(compiled.learningRate!, step + 1)).toBeCloseTo(line.lr, 12);
    });
    expect(gates).toHaveLength(4);
  });
  it("ends at the same parameters", () => {
    for (const p of compiled.state.filter((s) => s.kind === "param"))
      expect(maxDifference(state[p.name]!, held(expected, p, "after.")), p.name).toBeLessThan(2e-5);
  });
  it("leaves the accumulators at zero", () => {
    for (const s of compiled.state.filter((entry) => entry.kind === "accumulator"))
      expect(
        Array.from(state[s.name]!).every((x) => x === 0),
        s.name,
      ).toBe(true);
  });
});

describe("the programs of a step", () => {
  it("train_step is accumulate and apply in one", () => {
    const one = compile(model, recipe(whole), ["train_step"]);
    // The two-program form of the same batch: half of the sum over two passes of it.
    const two = compile(model, recipe({ batch: sequences(4) }), ["accumulate", "apply"]);
    const [a, b] = [initialState(one), initialState(two)];
    for (const k of [1, 2, 3]) {
      const batch = microBatch(k, 0);
      const trained = run(one, "train_step", a, batch, k);
      const half = run(two, "accumulate", b, batch);
      run(two, "accumulate", b, batch);
      const applied = run(two, "apply", b, {}, k);
      expect(output(half, "loss")).toBe(output(trained, "loss"));
      expect(output(applied, "grad_norm")).toBeCloseTo(output(trained, "grad_norm"), 12);
    }
    for (const s of one.state)
      expect(maxDifference(a[s.name]!, b[s.name]!), s.name).toBeLessThan(1e-12);
  });

  it("eval_step sums what the loss averages", () => {
    const compiled = compile(model, recipe(whole), ["eval_step", "forward"]);
    const state = initialState(compiled);
    const batch = microBatch(0, 0);
    const evaluated = run(compiled, "eval_step", state, batch);
    const forward = run(compiled, "forward", state, batch);
    expect(output(evaluated, "loss_sum") / output(evaluated, "count")).toBeCloseTo(
      output(forward, "loss"),
      12,
    );
    expect(output(evaluated, "count")).toBe(batch.targets.filter((t) => t !== -100).length);
  });

  it("keeps the padding row under any decay", () => {
    const decay = [{ selector: everything, text: "**", value: { is: "constant", rate: 0.1 } }];
    for (const is of ["adamw", "adam", "sgd"]) {
      const optimizer = {
        is,
        lr: 0.1,
        betas: [0.9, 0.999],
        eps: 1e-8,
        momentum: 0.9,
        nesterov: false,
      };
      const schedule = { is: "constant", warmup: steps(0) };
      const compiled = compile(model, recipe({ ...whole, optimizer, schedule, decay }), [
        "train_step",
      ]);
      const state = initialState(compiled);
      const row = (): ArrayLike<number> =>
        Float64Array.from(state["embedding.weight"]!).slice(60 * 32, 61 * 32);
      const before = row();
      run(compiled, "train_step", state, microBatch(0, 0));
      expect(row(), is).toEqual(before);
      expect(state["embedding.weight"]![0]).not.toBe(
        golden(weights, "model.embed_tokens.weight").data[0],
      );
    }
  });
});

describe("the gates' own rules", () => {
  // Plain SGD at rate 1 moves a parameter by exactly its gradient.
  const plain = {
    optimizer: { is: "sgd", lr: 1, momentum: 0, nesterov: false },
    schedule: { is: "constant", warmup: steps(0) },
    clip: null,
  };
  const moves = (changes: Partial<RecipeSpec>, scaling = gpasVariant()) => {
    const spec = llamaSpec(gpasSizes, { scaling });
    const compiled = compile(spec, recipe({ ...whole, ...plain, ...changes }), ["train_step"]);
    const state = initialState(compiled);
    const before = { ...state };
    const result = run(compiled, "train_step", state, microBatch(0, 0));
    const moved = (name: string): Float64Array =>
      Float64Array.from(state[name]!, (x, i) => before[name]![i]! - x);
    return {
      compiled,
      result,
      moved,
      names: compiled.state.filter((s) => s.kind === "param").map((s) => s.name),
    };
  };
  const isGate = (name: string): boolean => name.endsWith("gpas.gate");
  const norm = (xs: readonly number[]): number => Math.sqrt(xs.reduce((sum, x) => sum + x * x, 0));

  it("clips the gates' joint norm and no other gradient", () => {
    const [free, clipped] = [moves({ gate_clip: null }), moves({ gate_clip: 0.01 })];
    const gates = (m: typeof free): number[] =>
      m.names.filter(isGate).map((name) => m.moved(name)[0]!);
    expect(norm(gates(free))).toBeGreaterThan(0.01);
    expect(norm(gates(clipped))).toBeLessThanOrEqual(0.01);
    expect(norm(gates(clipped))).toBeCloseTo(0.01, 5);
    for (const name of free.names.filter((n) => !isGate(n)))
      expect(clipped.moved(name), name).toEqual(free.moved(name));
    expect(output(clipped.result, "grad_norm")).toBe(output(free.result, "grad_norm"));
  });
  it("multiplies the gates' learning rate", () => {
    const [one, three] = [moves({ gate_clip: null }), moves({ gate_clip: null, gate_lr: 3 })];
    for (const name of one.names) {
      const factor = isGate(name) ? 3 : 1;
      expect(
        maxDifference(
          three.moved(name),
          one.moved(name).map((x) => x * factor),
        ),
        name,
      ).toBeLessThan(1e-14);
    }
  });
  it("leaves gates that are not trainable, without slots", () => {
    const frozen = moves({}, gpasVariant({ trainable: false }));
    for (const name of frozen.names.filter(isGate))
      expect(frozen.moved(name), name).toEqual(new Float64Array(1));
    expect(frozen.compiled.state.some((s) => s.name.includes("gpas.gate/"))).toBe(false);
  });
  it("clips everything together first, gates included", () => {
    const [free, clipped] = [
      moves({ gate_clip: null }),
      moves({ gate_clip: null, clip: { is: "global_norm", max: 1 } }),
    ];
    const all = free.names.flatMap((name) => Array.from(free.moved(name)));
    expect(norm(all)).toBeCloseTo(output(free.result, "grad_norm"), 10);
    const factor = 1 / (norm(all) + 1e-6);
    for (const name of free.names)
      expect(
        maxDifference(
          clipped.moved(name),
          free.moved(name).map((x) => x * factor),
        ),
        name,
      ).toBeLessThan(1e-12);
  });
});
