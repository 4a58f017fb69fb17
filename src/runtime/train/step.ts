// One update: a single program when a batch is one pass, otherwise gradients of several passes and then their application.
import type { Session } from "../../bundle/engine.ts";
import type { Manifest } from "../../bundle/manifest.ts";
import { evaluateScalar } from "../../bundle/scalar.ts";
import type { Tensors } from "../../bundle/tensor.ts";
import type { Batch } from "../data/batches.ts";
import { scalarOf, scalarTensor } from "./evaluate.ts";

export interface StepResult {
  readonly loss: number;
  readonly gradNorm: number;
  /** Values of the probes, and whatever else the program gives. */
  readonly outputs: Tensors;
  /** Programs of the step in order: asked again when something was not finite. */
  readonly runs: readonly { readonly program: string; readonly inputs: Tensors }[];
}

const scalarsAt = (manifest: Manifest, program: string, step: number): Tensors => {
  const scalars = manifest.programs.find(({ name }) => name === program)?.scalars ?? {};
  return Object.fromEntries(
    Object.entries(scalars).map(([name, expr]) => [name, scalarTensor(evaluateScalar(expr, step))]),
  );
};

/** The programs of update `step` (from 1) with their inputs. */
export const planStep = (
  manifest: Manifest,
  batches: readonly Batch[],
  step: number,
): StepResult["runs"] => {
  const single = manifest.programs.some(({ name }) => name === "train_step");
  const name = single ? "train_step" : "accumulate";
  const passes = batches.map((batch) => ({
    program: name,
    inputs: { ...batch, ...scalarsAt(manifest, name, step) },
  }));
  return single
    ? passes
    : [...passes, { program: "apply", inputs: scalarsAt(manifest, "apply", step) }];
};

/** A pass whose loss is not finite ends the step: its gradients would spoil the parameters. */
export const runStep = async (session: Session, runs: StepResult["runs"]): Promise<StepResult> => {
  let outputs: Tensors = {};
  const losses: number[] = [];
  for (const { program, inputs } of runs) {
    const given = await session.run(program, inputs);
    outputs = { ...outputs, ...given };
    if (given["loss"] !== undefined) losses.push(scalarOf(given, "loss"));
    if (losses.some((loss) => !Number.isFinite(loss))) break;
  }
  const loss = losses.reduce((sum, x) => sum + x, 0) / losses.length;
  const gradNorm = outputs["grad_norm"] === undefined ? NaN : scalarOf(outputs, "grad_norm");
  return { loss, gradNorm, outputs, runs };
};
