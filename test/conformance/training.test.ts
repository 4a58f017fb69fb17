// Twenty updates of small models, as a recipe makes them (clip, AdamW with decay, a schedule), on every engine against the float64
// evaluator: the losses and gradient norms of each step, and the weights at the end.
import { describe, expect, it } from "vitest";
import { isWeight } from "../../src/bundle/disk.ts";
import type { Session } from "../../src/bundle/engine.ts";
import { evaluateScalar } from "../../src/bundle/scalar.ts";
import type { HostTensor, Tensors } from "../../src/bundle/tensor.ts";
import type { RecipeSpec, RuleSpec } from "../../src/compiler/semantics/spec.ts";
import { features } from "../../src/compiler/features/index.ts";
import { buildPrograms } from "../../src/compiler/model/programs.ts";
import type { Compiled } from "../../src/compiler/model/types.ts";
import { initialState } from "../../src/runtime/state.ts";
import { evaluatorSession } from "../helpers/evaluator-engine.ts";
import { everything, recipe, sequences, steps } from "../parity/recipes.ts";
import { variants } from "../parity/variants.ts";
import { SUBJECTS, type Subject } from "./engines.ts";
import { bundleOfPrograms, manifestOfPrograms } from "./open.ts";

const [STEPS, B, T, V] = [20, 2, 6, 7];
/** Of losses, about 2, and of gradient norms, by their size; weights move by about 0.03 a step. */
const TOLERANCE = 1e-4;

const adamw = {
  optimizer: { is: "adamw", lr: 0.03, betas: [0.9, 0.95], eps: 1e-8 },
  decay: [{ selector: everything, text: "**", value: { is: "constant", rate: 0.1 } }],
  schedule: { is: "cosine", warmup: steps(4), floor: 0.1 },
  batch: sequences(B),
  micro: sequences(B),
  length: steps(STEPS),
};
const MODELS = ["gqa", "mla", "moe", "a trunk and three heads", "gpas without the stop"];
/** Half of the weights are masked in these, which takes the masks as state of truth values. */
const SPARSE = ["moe", "gpas without the stop"];
const half: RuleSpec = {
  ...{ selector: everything, text: "**" },
  value: { is: "fixed", density: 0.5, init: "erk" },
};
/** XLA compiles for seconds, and is held to the evaluator op by op elsewhere: one model is enough. */
const subjectsOf = (model: string): readonly Subject[] =>
  SUBJECTS.filter(
    ({ name }) => name !== "tensorflow with XLA" || model === "gpas without the stop",
  );
const recipeOf = (name: string): RecipeSpec =>
  recipe({ ...adamw, sparsity: SPARSE.includes(name) ? [half] : [] });
const compiledOf = (name: string): Compiled =>
  buildPrograms({ ...variants[name]!, context: T }, recipeOf(name), {
    methods: features,
    programs: ["train_step"],
    binding: { batch: B, sequence: T },
    totalSteps: STEPS,
  });

/** Ids of a batch, every third step the same one; the last target of a row does not count. */
const batchOf = (step: number): Tensors => {
  const at = (i: number): number => (i * (3 + (step % 3)) + (i % 2)) % V;
  const ids = Int32Array.from({ length: B * T }, (_, i) => at(i));
  const targets = ids.map((_, i) => (i % T === T - 1 ? -100 : at(i + 1)));
  const tensor = (data: Int32Array<ArrayBuffer>): HostTensor => ({
    dtype: "i32",
    shape: [B, T],
    data,
  });
  return { input_ids: tensor(ids), targets: tensor(targets) };
};
const train = async (
  session: Session,
  compiled: Compiled,
): Promise<readonly (readonly number[])[]> => {
  const { scalars } = compiled.programs[0]!;
  const results: (readonly number[])[] = [];
  for (let step = 1; step <= STEPS; step++) {
    const values = Object.entries(scalars).map(([name, expr]): [string, HostTensor] => [
      name,
      { dtype: "f32", shape: [], data: Float32Array.of(evaluateScalar(expr, step)) },
    ]);
    const { loss, grad_norm } = await session.run("train_step", {
      ...batchOf(step),
      ...Object.fromEntries(values),
    });
    results.push([loss!.data[0]!, grad_norm!.data[0]!]);
  }
  return results;
};

describe.each(MODELS)("%s", (name) => {
  const compiled = compiledOf(name);
  const kept = compiled.state.filter((entry) => isWeight(entry) || entry.kind === "mask");
  const start = new Map([...initialState(kept, 5)].map(([entry, values]) => [entry.name, values]));
  const evaluator = evaluatorSession(
    compiled,
    Object.fromEntries([...start].map(([key, { data }]) => [key, data])),
  );
  const wanted = train(evaluator, compiled);

  it.for(subjectsOf(name))(
    "$name: the losses of twenty updates",
    async ({ engine, missing }, { skip }) => {
      skip(missing, "TensorFlow is not installed");
      const manifest = manifestOfPrograms(compiled, { context: T, vocabSize: V });
      const session = await engine.open(await bundleOfPrograms(compiled, manifest));
      await session.writeState(Object.fromEntries(start));
      const found = await train(session, compiled);
      await session.close();
      const losses = await wanted;
      expect(losses.at(-1)![0]).toBeLessThan(losses[0]![0]! - 0.1);
      losses.forEach((row, step) =>
        row.forEach((value, i) =>
          expect(
            Math.abs(found[step]![i]! - value),
            `${i === 0 ? "loss" : "norm"} of step ${step + 1}`,
          ).toBeLessThan(TOLERANCE * Math.max(1, value)),
        ),
      );
    },
  );
});
