// The same golden cases through the whole back end, in float32 on the engines: programs as `specc build` makes them,
// after all passes. Tolerances are those of the goldens' READMEs.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Session } from "../../src/bundle/engine.ts";
import { evaluateScalar } from "../../src/bundle/scalar.ts";
import type { HostTensor, Tensors as Hosts } from "../../src/bundle/tensor.ts";
import { features } from "../../src/compiler/features/index.ts";
import { buildPrograms, type ProgramOptions } from "../../src/compiler/model/programs.ts";
import type { Compiled } from "../../src/compiler/model/types.ts";
import type { DecoderSpec, RecipeSpec } from "../../src/compiler/semantics/spec.ts";
import {
  golden,
  held,
  maxAbs,
  maxDifference,
  readGolden,
  shiftLabels,
  stateFrom,
} from "./golden.ts";
import { gpasSizes, gpasVariant, llamaSpec } from "./models.ts";
import { cases } from "./gpas-cases.ts";
import { initialState, log, microBatch, recipe } from "./recipes.ts";
import { f32, i32, openOn, read, subjects } from "./sessions.ts";

type Programs = ProgramOptions["programs"];
const compile = (model: DecoderSpec, programs: Programs, r?: RecipeSpec): Compiled =>
  buildPrograms(model, r, {
    methods: features,
    programs,
    binding: { batch: 2, sequence: 12 },
    gradients: true,
    totalSteps: 8,
  });

const ids = (values: ArrayLike<number>): HostTensor => i32(values, [2, 12]);

describe.each(subjects)("$name", ({ engine, missing }) => {
  describe.skipIf(missing).each(cases)("$name", ({ name, model, weights }) => {
    const expected = readGolden(`${name}/golden.safetensors`);
    const labels = expected["labels"] ?? golden(expected, "input_ids");
    const compiled = compile(model, ["forward"]);
    let session: Session;
    let found: Hosts;
    beforeAll(async () => {
      session = await openOn(engine, compiled, stateFrom(compiled.state, weights));
      found = await session.run("forward", {
        input_ids: ids(golden(expected, "input_ids").data),
        targets: ids(shiftLabels(labels)),
      });
    });
    afterAll(() => session.close());

    it("computes the same logits, states and loss", () => {
      for (const key of Object.keys(expected).filter(
        (k) => k === "logits" || k.startsWith("hidden."),
      ))
        expect(maxDifference(read(found, key), golden(expected, key).data), key).toBeLessThan(5e-5);
      expect(maxDifference(read(found, "loss"), golden(expected, "loss").data)).toBeLessThan(5e-6);
    });
    it("computes the same gradients", () => {
      const wanted = compiled.state.map((p) => ({ p, grad: held(expected, p, "grad.") }));
      const largest = Math.max(...wanted.map(({ grad }) => maxAbs(grad)));
      for (const { p, grad } of wanted) {
        const bound = p.shape.length === 0 ? 1e-5 * largest : 1e-4 * maxAbs(grad);
        expect(maxDifference(read(found, `grad.${p.name}`), grad), p.name).toBeLessThan(bound);
      }
    });
  });

  describe.skipIf(missing)("eight updates of pre_gpas", () => {
    const compiled = compile(
      llamaSpec(gpasSizes, { scaling: gpasVariant() }),
      ["accumulate", "apply"],
      recipe(),
    );
    const expected = readGolden("gpas/train-pre_gpas/golden.safetensors");
    it("follows the official loop and leaks nothing", async () => {
      const session = await openOn(engine, compiled, initialState(compiled));
      const buffers: number[] = [];
      for (const [step, line] of log.entries()) {
        let loss = 0;
        for (const i of [0, 1]) {
          const { input_ids, targets } = microBatch(step, i);
          const result = await session.run("accumulate", {
            input_ids: ids(input_ids),
            targets: ids(targets),
          });
          loss += read(result, "loss")[0]! / 2;
        }
        expect(Math.abs(loss - line.loss), `loss ${step}`).toBeLessThan(1e-5);
        const { scalars } = compiled.programs[1]!;
        const inputs = Object.entries(scalars).map(
          ([key, e]) => [key, f32([evaluateScalar(e, step + 1)], [])] as const,
        );
        const applied = await session.run("apply", Object.fromEntries(inputs));
        const norm = read(applied, "grad_norm")[0]!;
        expect(Math.abs(norm - line.grad_norm_before_clip), `norm ${step}`).toBeLessThan(1e-4);
        buffers.push(session.liveBuffers());
      }
      expect(new Set(buffers).size, `live buffers: ${buffers.join(" ")}`).toBe(1);
      const params = compiled.state.filter((s) => s.kind === "param");
      const after = await session.readState(params.map((p) => p.name));
      for (const p of params)
        expect(
          maxDifference(read(after, p.name), held(expected, p, "after.")),
          p.name,
        ).toBeLessThan(2e-5);
      await session.close();
    });
  });
});
