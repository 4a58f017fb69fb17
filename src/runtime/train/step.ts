// One update: a single program where there is one, otherwise gradients of several passes and then their application.
import type { Session } from "../../bundle/engine.ts";
import type { Manifest } from "../../bundle/manifest.ts";
import { wholeStep } from "../../bundle/saved-model.ts";
import { evaluateScalar } from "../../bundle/scalar.ts";
import type { HostTensor, Tensors } from "../../bundle/tensor.ts";
import type { Batch } from "../data/samples.ts";
import { scalarOf, scalarTensor } from "../programs.ts";

export interface StepResult {
  readonly loss: number;
  readonly gradNorm: number;
  /** Values of the probes, and whatever else the program gives. */
  readonly outputs: Tensors;
}
export interface ProgramRun {
  readonly program: string;
  readonly inputs: Tensors;
}

const STEP = "train_step";
/** The programs of an update: in one, or one for each pass and one after them. */
interface Names {
  readonly whole: string;
  readonly pass: string;
  readonly end: string;
}
const PLAIN: Names = { whole: STEP, pass: "accumulate", end: "apply" };
const PROBING: Names = { whole: "probe_step", pass: "probe_accumulate", end: "probe_apply" };

/** The first update from `step` on that measures what the recipe's probes ask for: the first of all does, then every so many. */
export const nextProbed = ({ training }: Pick<Manifest, "training">, step: number): number => {
  const every = training?.probeEvery ?? null;
  if (every === null) return Infinity;
  return step === 1 ? 1 : Math.ceil(step / every) * every;
};
export const isProbed = (manifest: Pick<Manifest, "training">, step: number): boolean =>
  nextProbed(manifest, step) === step;

const scalarsAt = (manifest: Manifest, program: string, step: number): Tensors => {
  const entry =
    manifest.programs.find(({ name }) => name === program) ??
    wholeStep(manifest.programs, manifest.training)?.entry;
  return Object.fromEntries(
    Object.entries(entry?.scalars ?? {}).map(([name, expr]) => [
      name,
      scalarTensor(evaluateScalar(expr, step)),
    ]),
  );
};

/** One after the other along the first axis. */
export const joined = (tensors: readonly HostTensor[]): HostTensor => {
  const [first] = tensors;
  if (first === undefined) throw new Error("a step without batches");
  if (tensors.length === 1) return first;
  const { dtype, shape } = first;
  const length = tensors.length * first.data.length;
  const data = dtype === "f32" ? new Float32Array(length) : new Int32Array(length);
  tensors.forEach((tensor, i) => data.set(tensor.data, i * first.data.length));
  return { dtype, shape: [shape[0]! * tensors.length, ...shape.slice(1)], data };
};

/** The programs that update `step` (from 1) is made of, with their inputs. */
export const passesOfStep = (
  manifest: Manifest,
  batches: readonly Batch[],
  step: number,
): readonly ProgramRun[] => {
  const { whole, pass, end } = isProbed(manifest, step) ? PROBING : PLAIN;
  const single = manifest.programs.some(({ name }) => name === whole);
  const name = single ? whole : pass;
  const scalars = scalarsAt(manifest, name, step);
  const passes = batches.map((batch) => ({ program: name, inputs: { ...batch, ...scalars } }));
  return single ? passes : [...passes, { program: end, inputs: scalarsAt(manifest, end, step) }];
};

/** The same as the session runs it: all passes at once where it can. */
export const planStep = (
  session: Session,
  manifest: Manifest,
  batches: readonly Batch[],
  step: number,
): readonly ProgramRun[] => {
  if (batches.length === 1 || !session.offers(STEP) || isProbed(manifest, step))
    return passesOfStep(manifest, batches, step);
  const batch = Object.fromEntries(
    Object.keys(batches[0]!).map((name) => [name, joined(batches.map((part) => part[name]!))]),
  );
  return [{ program: STEP, inputs: { ...batch, ...scalarsAt(manifest, STEP, step) } }];
};

const meanOf = (tensors: readonly HostTensor[]): HostTensor => {
  const [first] = tensors as readonly [HostTensor];
  if (tensors.length === 1) return first;
  const data = Float32Array.from(
    first.data,
    (_, i) => tensors.reduce((sum, tensor) => sum + tensor.data[i]!, 0) / tensors.length,
  );
  return { ...first, data };
};

/** What an update gave, from what each of its runs did: of what several passes give, the mean. */
export const resultOf = (given: readonly Tensors[]): StepResult => {
  const names = new Set(given.flatMap((tensors) => Object.keys(tensors)));
  const outputs: Tensors = Object.fromEntries(
    [...names].map((name) => [name, meanOf(given.flatMap(({ [name]: tensor }) => tensor ?? []))]),
  );
  const losses = given.filter((tensors) => tensors["loss"] !== undefined);
  return {
    loss: losses.reduce((sum, tensors) => sum + scalarOf(tensors, "loss"), 0) / losses.length,
    gradNorm: outputs["grad_norm"] === undefined ? NaN : scalarOf(outputs, "grad_norm"),
    outputs,
  };
};

/** A pass whose loss is not finite ends the step: its gradients would spoil the parameters. */
export const runStep = async (
  session: Session,
  runs: readonly ProgramRun[],
): Promise<StepResult> => {
  const given: Tensors[] = [];
  for (const { program, inputs } of runs) {
    const outputs = await session.run(program, inputs);
    given.push(outputs);
    if (outputs["loss"] !== undefined && !Number.isFinite(scalarOf(outputs, "loss"))) break;
  }
  return resultOf(given);
};
