// The same chains through the whole back end, in float32 on the engines, and four updates of the authors' training.
import { describe, expect, it } from "vitest";
import { evaluateScalar } from "../../src/bundle/scalar.ts";
import { features } from "../../src/compiler/features/index.ts";
import { buildPrograms, type ProgramOptions } from "../../src/compiler/model/programs.ts";
import type { Compiled } from "../../src/compiler/model/types.ts";
import type { RecipeSpec } from "../../src/compiler/semantics/spec.ts";
import { openBuilt } from "../conformance/open.ts";
import { expectStates, withChainStates } from "./chain-states.ts";
import { golden, held, maxAbs, maxDifference, shiftLabels, stateFrom } from "./golden.ts";
import { coeArch, coeCase, coeCases, coeTargets, type CoeConfig } from "./mixtures.ts";
import { modelFrom, passOf } from "./models.ts";
import { everything, recipe, sequences, steps } from "./recipes.ts";
import { f32, i32, openOn, read, subjects } from "./sessions.ts";

const compile = (
  config: CoeConfig,
  programs: ProgramOptions["programs"],
  r?: RecipeSpec,
): Compiled =>
  buildPrograms(modelFrom(coeArch(config)), r, {
    methods: features,
    programs,
    binding: { batch: 2, sequence: 12 },
    gradients: true,
    totalSteps: 4,
  });

describe.each(subjects)("$name", ({ engine, missing }) => {
  it.skipIf(missing).each(coeCases)("%s", async (name) => {
    const { config, weights, expected } = coeCase(name);
    const ids = golden(expected, "input_ids");
    const positions = expected["position_ids"]?.data;
    const open = async () => {
      if (positions === undefined) {
        const plain = compile(config, ["forward"]);
        const programs = plain.programs.map((program) => ({
          ...program,
          graph: withChainStates(program.graph),
        }));
        const compiled = { ...plain, programs };
        const state = stateFrom(compiled.state, weights);
        return { params: compiled.state, session: await openOn(engine, compiled, state) };
      }
      // Programs have no padding of their own: its positions are constants of the graph.
      const { parameters, graph } = passOf(modelFrom(coeArch(config)), 2, 12, positions);
      const session = await openBuilt(engine, withChainStates(graph));
      const state = stateFrom(parameters, weights);
      await session.writeState(
        Object.fromEntries(
          parameters.map((p) => [
            p.name,
            f32(
              state[p.name]!,
              p.shape.map(({ size }) => size),
            ),
          ]),
        ),
      );
      return { params: parameters, session };
    };
    const { params, session } = await open();
    const found = await session.run("forward", {
      input_ids: i32(ids.data, ids.shape),
      targets: i32(coeTargets(expected), ids.shape),
    });
    expect(maxDifference(read(found, "logits"), golden(expected, "logits").data)).toBeLessThan(
      5e-5,
    );
    expect(maxDifference(read(found, "loss"), golden(expected, "loss").data)).toBeLessThan(5e-6);
    expectStates(expected, (key) => read(found, key));
    for (const p of params) {
      const grad = held(expected, p, "grad.");
      expect(maxDifference(read(found, `grad.${p.name}`), grad), p.name).toBeLessThan(
        1e-4 * maxAbs(grad),
      );
    }
    await session.close();
  });
});

interface Log {
  readonly lr: number;
  readonly loss: number;
  readonly aux_total: number;
  readonly grad_norm_before_clip: number;
}
const authors = recipe({
  optimizer: { is: "adamw", lr: 1e-3, betas: [0.9, 0.95], eps: 1e-8 },
  schedule: { is: "constant", warmup: steps(2) },
  batch: sequences(2),
  micro: sequences(2),
  length: steps(4),
  decay: [{ selector: everything, text: "**", value: { is: "constant", rate: 0.01 } }],
  gate_clip: null,
});

describe.each(subjects)("four updates of the authors' training on $name", ({ engine, missing }) => {
  const { config, weights, expected, log } = coeCase<{ readonly log: readonly Log[] }>("train-c2");
  const compiled = compile(config, ["train_step"], authors);
  it.skipIf(missing)("follows the log and ends at the same parameters", async () => {
    const zeros = compiled.state.map(
      (s) => [s.name, new Float64Array(s.shape.reduce((n, d) => n * d, 1))] as const,
    );
    const params = compiled.state.filter((s) => s.kind === "param");
    const session = await openOn(engine, compiled, {
      ...Object.fromEntries(zeros),
      ...stateFrom(params, weights),
    });
    const buffers: number[] = [];
    for (const [step, line] of log.entries()) {
      const ids = golden(expected, `input_ids.${step}`);
      const { scalars } = compiled.programs[0]!;
      const inputs = Object.entries(scalars).map(
        ([key, e]) => [key, f32([evaluateScalar(e, step + 1)], [])] as const,
      );
      expect(evaluateScalar(compiled.learningRate!, step + 1)).toBeCloseTo(line.lr, 12);
      const found = await session.run("train_step", {
        input_ids: i32(ids.data, ids.shape),
        targets: i32(shiftLabels(ids), ids.shape),
        ...Object.fromEntries(inputs),
      });
      expect(Math.abs(read(found, "loss")[0]! - line.loss), `loss ${step}`).toBeLessThan(1e-5);
      const added = Object.keys(found).filter((key) => key.includes("balance"));
      const total = added.reduce((sum, key) => sum + read(found, key)[0]!, 0);
      expect(added).toHaveLength(4);
      expect(Math.abs(total - line.aux_total)).toBeLessThan(1e-6);
      const norm = read(found, "grad_norm")[0]!;
      expect(Math.abs(norm - line.grad_norm_before_clip), `norm ${step}`).toBeLessThan(1e-4);
      buffers.push(session.liveBuffers());
    }
    expect(new Set(buffers).size).toBe(1);
    const after = await session.readState(params.map((p) => p.name));
    for (const p of params)
      expect(maxDifference(read(after, p.name), held(expected, p, "after.")), p.name).toBeLessThan(
        2e-5,
      );
    await session.close();
  });
});
