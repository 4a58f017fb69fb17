// The training loop: step, evaluate, save, and end well in each case (finished, interrupted, not finite). The loop owns no
// numbers: state is the session's, data and scalars are functions of the step.
import { checkpointName } from "../../bundle/names.ts";
import type { Session } from "../../bundle/engine.ts";
import type { Manifest, TrainingSpec } from "../../bundle/manifest.ts";
import { evaluateScalar } from "../../bundle/scalar.ts";
import type { TrainingOrder } from "../data/batches.ts";
import { heldOut } from "../data/index.ts";
import type { Host } from "../host.ts";
import { begin } from "./begin.ts";
import {
  loadCheckpoint,
  saveCheckpoint,
  type SaveTarget,
  type TrainerState,
} from "./checkpoint.ts";
import { countingOf, evaluationRow, stepRow } from "./counting.ts";
import { evaluate, type Evaluation } from "./evaluate.ts";
import { findCause, NonFiniteFault } from "./failure.ts";
import type { MetricsLog, Row } from "./metrics.ts";
import type { TrainOptions, TrainResult } from "./options.ts";
import { isProbed, nextProbed, passesOfStep, planStep, runStep, type StepResult } from "./step.ts";
import { createUpdates } from "./updates.ts";

const EVALUATION_SAMPLES = [64, 512] as const;
/** The speed is that of the last steps: what came before says nothing about the time left. */
const SPEED_WINDOW = 20;

/** All that a run needs at hand; made once. */
export interface Run {
  readonly session: Session;
  readonly manifest: Manifest;
  readonly host: Host;
  readonly options: TrainOptions;
  readonly spec: TrainingSpec;
  readonly order: TrainingOrder;
  readonly seed: number;
  readonly totalSteps: number;
  readonly target: SaveTarget;
  readonly metrics: MetricsLog;
  readonly resumed: string | undefined;
}

/** Asks for update `step`. */
const stepAt = ({ session, manifest, order }: Run, step: number): Promise<StepResult> =>
  runStep(session, planStep(session, manifest, order.batchAt(step - 1), step));

/** Back to the last checkpoint that was loaded or saved, else to the beginning; from there to `step`, and the search. */
const explain = async (
  run: Run,
  result: StepResult,
  step: number,
  checkpoint: string | undefined,
): Promise<NonFiniteFault> => {
  const { session, manifest, host, order } = run;
  const what = Number.isFinite(result.loss)
    ? `the gradient norm is ${result.gradNorm}`
    : `the loss is ${result.loss}`;
  host.log(`${what} at step ${step}: repeating the steps before it to find the cause`);
  let from = 0;
  if (checkpoint === undefined) await begin(session, manifest, run.seed, run.options);
  else from = (await loadCheckpoint(session, manifest, host, checkpoint)).global_step;
  for (let at = from + 1; at < step; at += 1) {
    if (run.options.signal?.aborted === true)
      return new NonFiniteFault(what, step, { node: undefined, place: undefined }, checkpoint);
    await stepAt(run, at);
    await host.pause();
  }
  return new NonFiniteFault(
    what,
    step,
    await findCause(session, manifest, passesOfStep(manifest, order.batchAt(step - 1), step)),
    checkpoint,
  );
};

const evaluateRow = async (
  run: Run,
  step: number,
  limit: number,
): Promise<{ evaluation: Evaluation; row: Row } | undefined> => {
  const { session, manifest, host, options, order } = run;
  const held = heldOut(options.data);
  if (held === undefined || !manifest.programs.some(({ name }) => name === "eval_step"))
    return undefined;
  const evaluation = await evaluate(session, manifest, held, host, {
    limit,
    signal: options.signal,
  });
  const row = { step, epoch: order.epochAfter(step), ...evaluationRow(evaluation) };
  return { evaluation, row };
};

export const loop = async (run: Run, start: TrainerState): Promise<TrainResult> => {
  const { session, manifest, host, options, spec, order, totalSteps, target } = run;
  const [during, atEnd] = options.evaluationSamples ?? EVALUATION_SAMPLES;
  const last = Math.min(totalSteps, options.steps ?? totalSteps);
  const counting = countingOf(manifest, spec);
  const began = host.now() - start.elapsed_seconds * 1000;
  const recent: number[] = [];
  let state = start;
  let saved = run.resumed;
  let loss: number | undefined;
  let evaluation: Evaluation | undefined;

  const isAborted = (): boolean => options.signal?.aborted === true;
  const save = async (): Promise<void> => {
    // Before the first step the seed says all that there is.
    if (state.global_step === 0 || saved?.endsWith(checkpointName(state.global_step)) === true)
      return;
    const elapsed_seconds = (host.now() - began) / 1000;
    saved = await saveCheckpoint(
      session,
      manifest,
      target,
      { ...state, elapsed_seconds },
      evaluateScalar(spec.learningRate, state.global_step),
    );
  };
  const look = async (limit: number): Promise<void> => {
    const seen = await evaluateRow(run, state.global_step, limit);
    // One that was broken off says nothing.
    if (seen === undefined || isAborted()) return;
    evaluation = seen.evaluation;
    options.onEvaluation?.(state.global_step, evaluation);
    await run.metrics.write(seen.row);
    const best_metric = Math.min(state.best_metric ?? Infinity, evaluation.loss);
    state = { ...state, best_metric, log_history: [...state.log_history, seen.row] };
  };

  /** The first step from `step` on that is due. */
  const nextDue = (every: number | null, step: number): number =>
    every === null ? Infinity : Math.ceil(step / every) * every;
  const isDue = (every: number | null, step: number): boolean =>
    every !== null && step % every === 0 && step < last;

  if (state.global_step === 0 && last > 0 && !isAborted()) await look(during);
  if (!isAborted()) options.beforeSteps?.();
  const updates = createUpdates({
    session,
    host,
    plan: (step) => planStep(session, manifest, order.batchAt(step - 1), step),
    stopAfter: (step) =>
      Math.min(
        last,
        nextDue(spec.evalEvery, step),
        nextDue(spec.saveEvery, step),
        // an update that measures runs on its own
        Math.max(step, nextProbed(manifest, step) - 1),
      ),
    from: state.global_step,
  });
  // What the session was asked for is taken, whoever wants to stop: its state is that of the last update asked for.
  while (state.global_step < last && (!isAborted() || updates.asked() > state.global_step)) {
    const step = state.global_step + 1;
    const { milliseconds, ...result } = await updates.take(step);
    const learningRate = evaluateScalar(spec.learningRate, step);
    loss = result.loss;
    const finite = Number.isFinite(loss) && Number.isFinite(result.gradNorm);
    state = {
      ...state,
      global_step: step,
      epoch: order.epochAfter(step),
      num_input_tokens_seen: counting.unit === "tokens" ? step * counting.perStep : 0,
    };
    const [looks, saves] = [isDue(spec.evalEvery, step), isDue(spec.saveEvery, step)];
    // The engine goes on while this step is written down, unless somebody wants the state as it is now.
    if (session.inBackground && finite && step < last && !looks && !saves && !isAborted())
      updates.ahead(step + 1);
    recent.push(milliseconds);
    if (recent.length > SPEED_WINDOW) recent.shift();
    const perStep = recent.reduce((sum, x) => sum + x, 0) / recent.length;
    await run.metrics.write(
      stepRow(result, counting, {
        step,
        epoch: state.epoch,
        time: (host.now() - began) / 1000,
        learningRate,
        milliseconds,
        liveBuffers: session.liveBuffers(),
        lists: step === last || isProbed(manifest, step),
      }),
    );
    if (!finite) throw await explain(run, result, step, saved);
    options.onStep?.({
      step,
      totalSteps: last,
      loss,
      learningRate,
      gradNorm: result.gradNorm,
      perSecond: (counting.perStep * 1000) / perStep,
      unit: counting.unit,
      secondsLeft: ((last - step) * perStep) / 1000,
    });
    if (looks) await look(during);
    if (saves) await save();
    // Signals arrive between steps only.
    await host.pause();
    updates.restart();
  }
  if (!isAborted()) await look(atEnd);
  const interrupted = isAborted();
  await save();
  return {
    status: interrupted ? "interrupted" : "finished",
    step: state.global_step,
    totalSteps: last,
    seed: run.seed,
    loss,
    evaluation,
    checkpoint: saved,
    history: run.metrics.rows,
    seconds: (host.now() - began) / 1000,
  };
};
