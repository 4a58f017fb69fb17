// A whole model in bf16 on the engines that have it, against the evaluator, which rounds where the graph says so; with and
// without blocks that are computed anew; and what an engine does that has no bf16, or a device that has no fused attention.
import { describe, expect, it } from "vitest";
import type { LoadedBundle, Session } from "../../src/bundle/engine.ts";
import { features } from "../../src/compiler/features/index.ts";
import { evaluate } from "../../src/compiler/ir/evaluate.ts";
import { buildPrograms } from "../../src/compiler/model/programs.ts";
import type { Compiled } from "../../src/compiler/model/types.ts";
import { openDevice } from "../../src/runtime/node/tensorflow/device.ts";
import { findLibrary } from "../../src/runtime/node/tensorflow/library.ts";
import { openSession } from "../../src/runtime/node/tensorflow/session.ts";
import { gpasSizes, gpasVariant, llamaSpec } from "../parity/models.ts";
import { initialState, microBatch, recipe, sequences, type State } from "../parity/recipes.ts";
import { SUBJECTS } from "./engines.ts";
import { bundleOfPrograms, host, manifestOfPrograms } from "./open.ts";

const model = llamaSpec(gpasSizes, { scaling: gpasVariant() });
const compiledIn = (checkpoint: "block" | null): Compiled =>
  buildPrograms(
    model,
    recipe({
      precision: { is: "bf16", residual: "bf16" },
      checkpoint,
      batch: sequences(2),
      micro: sequences(2),
    }),
    {
      methods: features,
      programs: ["train_step"],
      binding: { batch: 2, sequence: 12 },
      totalSteps: 8,
    },
  );
const bundleIn = async (compiled: Compiled): Promise<LoadedBundle> =>
  bundleOfPrograms(compiled, {
    ...manifestOfPrograms(compiled, { context: model.context, vocabSize: model.vocab_size }),
    numerics: { products: "bf16", tf32: false, deterministic: false },
    cardKernels: ["cudnn-attention"],
  });
const scalars = { learning_rate: [1e-3], bias1: [0.1], bias2: [0.001] };

/** Two steps beside the evaluator; rounding falls elsewhere at times, so losses and weights agree to bf16's digits. */
const expectSteps = async (compiled: Compiled, session: Session): Promise<void> => {
  const { graph } = compiled.programs[0]!;
  const state: State = initialState(compiled);
  await session.writeState(
    Object.fromEntries(
      compiled.state.map((entry) => [
        entry.name,
        { dtype: "f32", shape: entry.shape, data: Float32Array.from(state[entry.name]!) },
      ]),
    ),
  );
  for (const step of [0, 1]) {
    const inputs = { ...microBatch(step, 0), ...scalars };
    const wanted = evaluate(graph, { inputs, state });
    const got = await session.run(
      "train_step",
      Object.fromEntries(
        graph.inputs.map(({ attrs, type }) => [
          attrs.name,
          host(type, inputs[attrs.name as "targets"]),
        ]),
      ),
    );
    for (const name of ["loss", "grad_norm"]) {
      const value = wanted.outputs[name]!.data[0]!;
      expect(Math.abs(got[name]!.data[0]! / value - 1), name).toBeLessThan(0.01);
    }
    for (const [name, { data }] of Object.entries(wanted.updates)) state[name] = data;
  }
  const name = "blocks.0.attention.q.weight";
  const wanted = Array.from(state[name]!);
  const held = (await session.readState([name]))[name]!.data;
  // Adam's first steps are about as large as the rate, whatever the gradient
  wanted.forEach((v, i) => expect(Math.abs(held[i]! - v)).toBeLessThan(2.5e-3));
};

describe.each(SUBJECTS)("bf16 on $name", ({ name, engine, missing }) => {
  const able = name.startsWith("tensorflow");
  // XLA takes its time: it gets the larger program
  const choices = name === "tensorflow" ? ([null, "block"] as const) : (["block"] as const);
  it.skipIf(missing || !able).each(choices)(
    "takes the steps of the evaluator, checkpoint %s",
    async (checkpoint) => {
      const compiled = compiledIn(checkpoint);
      const session = await engine.open(await bundleIn(compiled));
      await expectSteps(compiled, session);
      await session.close();
    },
  );
  it.skipIf(able)("is refused, and f32 offered", async () => {
    await expect(engine.open(await bundleIn(compiledIn(null)))).rejects.toMatchObject({
      message: `engine ${name}: it computes in f32, and the recipe asks for precision = bf16`,
      help: "write precision = f32 in the recipe",
    });
  });
});

it.skipIf(SUBJECTS.at(-1)!.missing)(
  "a device without fused attention gets the form without it",
  async () => {
    const compiled = compiledIn(null);
    const bundle = await bundleIn(compiled);
    const library = await findLibrary({});
    if ("reason" in library) throw new Error(library.reason);
    const heard: string[] = [];
    const device = await openDevice(library, {});
    const forms = { training: "cudnn", others: "cudnn", groups: true } as const;
    const session = await openSession(
      device,
      bundle.manifest,
      bundle.savedModel!,
      forms,
      (notice) => heard.push(notice),
    );
    expect(session.about).toContain("cuDNN");
    await expectSteps(compiled, session);
    expect(session.about).not.toContain("cuDNN");
    // told once, with the device's own reason
    expect(heard).toEqual([
      expect.stringMatching(/^without cuDNN's attention: the device refuses: \S.*platform/),
    ]);
    expect(session.notices).toEqual(heard);
    await session.close();
  },
);
