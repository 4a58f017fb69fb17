// The training loop: begin or resume, step, evaluate, save, and end well in each case (finished, interrupted, not finite). The
// loop owns no numbers: state is the session's, data and scalars are functions of the step.
import { METRICS, TOKENIZER, checkpointName } from "../../bundle/names.ts";
import { MANIFEST } from "../../bundle/names.ts";
import { isWeight } from "../../bundle/disk.ts";
import { decoderOf, imageModelOf } from "../../bundle/kinds.ts";
import { FileFault } from "../../bundle/file-fault.ts";
import type { Session } from "../../bundle/engine.ts";
import type { Manifest, TrainingSpec } from "../../bundle/manifest.ts";
import { evaluateScalar } from "../../bundle/scalar.ts";
import { trainingOrder, type TrainingOrder } from "../data/batches.ts";
import { checkFits, heldOut, type LoadedData } from "../data/index.ts";
import { joinPath, replaceFile, type Host } from "../host.ts";
import { applyMasks, initialise } from "../state.ts";
import {
  checkpointPath,
  listCheckpoints,
  loadCheckpoint,
  saveCheckpoint,
  weightFiles,
  type SaveTarget,
  type TrainerState,
} from "./checkpoint.ts";
import { evaluate, type Evaluation } from "./evaluate.ts";
import { countingOf, evaluationRow } from "./counting.ts";
import { findCause, NonFiniteFault } from "./failure.ts";
import { openMetrics, type MetricsLog, type Row } from "./metrics.ts";
import { isProbed, nextProbed, passesOfStep, planStep, runStep, type StepResult } from "./step.ts";
import { createUpdates } from "./updates.ts";

export interface Progress {
  readonly step: number;
  readonly totalSteps: number;
  readonly loss: number;
  readonly learningRate: number;
  readonly gradNorm: number;
  /** Tokens or images, as `unit` says. */
  readonly perSecond: number;
  readonly unit: "tokens" | "images";
  readonly secondsLeft: number;
}
export interface TrainOptions {
  readonly outDir: string;
  readonly data: LoadedData;
  /** Where relative paths of the data begin, seen from `outDir`; recorded for who opens the run later. */
  readonly dataRoot?: string | undefined;
  /** Instead of the recipe's. */
  readonly seed?: number | undefined;
  /** Stop after this update; the schedule stays the recipe's. */
  readonly steps?: number | undefined;
  /** A checkpoint's folder, or "latest". */
  readonly resumeFrom?: string | undefined;
  /** Weights to start from instead of the seed's: all of them. */
  readonly begin?: { readonly from: string; readonly load: () => Promise<void> } | undefined;
  /** Saves, then ends. */
  readonly signal?: AbortSignal | undefined;
  /** Called when data, tokenizer and checkpoint are open, before anything is written to `outDir`. */
  readonly beforeWriting?: (() => void | Promise<void>) | undefined;
  /** Called when the first update is about to run: from then on, what is stopped is saved. */
  readonly beforeSteps?: (() => void) | undefined;
  readonly onStep?: ((progress: Progress) => void) | undefined;
  readonly onEvaluation?: ((step: number, evaluation: Evaluation) => void) | undefined;
  /** Samples looked at on the way, and at the end. */
  readonly evaluationSamples?: readonly [during: number, end: number];
}
export interface TrainResult {
  readonly status: "finished" | "interrupted";
  readonly step: number;
  readonly totalSteps: number;
  /** Of the run: a resumed one keeps that of its checkpoint. */
  readonly seed: number;
  /** Of the last step; undefined when there was none left to do. */
  readonly loss: number | undefined;
  readonly evaluation: Evaluation | undefined;
  readonly checkpoint: string | undefined;
  readonly history: readonly Row[];
  readonly seconds: number;
}

const EVALUATION_SAMPLES = [64, 512] as const;
/** The speed is that of the last steps: what came before says nothing about the time left. */
const SPEED_WINDOW = 20;

export const recipeOf = (manifest: Manifest): TrainingSpec => {
  if (manifest.training !== null) return manifest.training;
  throw new FileFault(
    MANIFEST,
    "the bundle was built without a recipe: it cannot train",
    "build it from a file with a recipe",
  );
};

const fresh = (manifest: Manifest, seed: number, weights: string | undefined): TrainerState => ({
  global_step: 0, epoch: 0, seed, spec_sha256: manifest.specHash, num_input_tokens_seen: 0, elapsed_seconds: 0,
  best_metric: null, log_history: [], initial_weights: weights ?? null,
}); // prettier-ignore

/** Digits that lists of numbers are written with: they are many. */
const LIST_DIGITS = 4;
/** What a step's programs give beside loss and norm: numbers, and lists of them where `lists` says so. */
const followedRow = (outputs: StepResult["outputs"], lists: boolean): Row =>
  Object.fromEntries(
    Object.entries(outputs)
      .filter(
        ([name, { data }]) =>
          name !== "loss" && name !== "grad_norm" && (data.length === 1 || lists),
      )
      .map(([name, { data }]) => [
        name,
        data.length === 1
          ? (data[0] ?? 0)
          : Array.from(data, (x) => Number(x.toPrecision(LIST_DIGITS))),
      ]),
  );
/** Loads of experts and other lists are told where a step measures, at the first and the last and from time to time between. */
const LISTS_EVERY = 100;

/** All that a run needs at hand; made once. */
interface Run {
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

const begin = async (
  run: Pick<Run, "session" | "manifest" | "seed" | "options">,
): Promise<void> => {
  const given = run.options.begin;
  await initialise(
    run.session,
    run.manifest,
    run.seed,
    (entry) => given === undefined || !isWeight(entry),
  );
  if (given === undefined) return;
  await given.load();
  await applyMasks(run.session, run.manifest);
};

/** Asks for update `step`. */
const stepAt = ({ session, manifest, order }: Run, step: number): Promise<StepResult> =>
  runStep(session, planStep(session, manifest, order.batchAt(step - 1), step));

/** Back to the state before `step`, then the search. */
const explain = async (run: Run, result: StepResult, step: number): Promise<NonFiniteFault> => {
  const { session, manifest, host, order, target } = run;
  const what = Number.isFinite(result.loss)
    ? `the gradient norm is ${result.gradNorm}`
    : `the loss is ${result.loss}`;
  const checkpoint = target.written.at(-1);
  host.log(`${what} at step ${step}: repeating the steps before it to find the cause`);
  let from = 0;
  if (checkpoint === undefined) await begin(run);
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

const loop = async (run: Run, start: TrainerState): Promise<TrainResult> => {
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
    await run.metrics.write({
      step,
      epoch: state.epoch,
      time: (host.now() - began) / 1000,
      "train/loss": loss,
      "train/learning_rate": learningRate,
      "train/grad_norm": result.gradNorm,
      [`train/num_input_${counting.unit}_seen`]: step * counting.perStep,
      [`perf/${counting.unit}_per_second`]: (counting.perStep * 1000) / milliseconds,
      "perf/step_time_ms": milliseconds,
      "perf/tflops": (counting.flops * counting.perStep) / (milliseconds * 1e9),
      "memory/num_tensors": session.liveBuffers(),
      ...followedRow(
        result.outputs,
        step === 1 || step === last || step % LISTS_EVERY === 0 || isProbed(manifest, step),
      ),
    });
    if (!finite) throw await explain(run, result, step);
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

const removePartials = async (host: Host, outDir: string): Promise<void> => {
  for (const { name } of (await host.list(outDir)) ?? []) {
    if (/^checkpoint-\d+\.(partial|replaced)$/.test(name))
      await host.remove(joinPath(outDir, name));
  }
};

/** Data that was not there when the spec was checked may be other than it said. */
const checkData = (data: LoadedData, manifest: Manifest): void => {
  if (data.kind === "images") {
    checkFits(data, imageModelOf(manifest));
    return;
  }
  const { vocabSize } = decoderOf(manifest);
  if (data.tokenizer.size > vocabSize)
    throw new FileFault(
      "tokenizer",
      `has ${data.tokenizer.size} tokens, the model's vocabulary ${vocabSize}`,
      `set vocab_size = ${data.tokenizer.size}, or give the tokenizer that the model is made for`,
    );
};

/** Writes metrics.jsonl, checkpoints and, when finished, model.safetensors, config.json and tokenizer.json below `outDir`. */
export const train = async (
  session: Session,
  manifest: Manifest,
  host: Host,
  options: TrainOptions,
): Promise<TrainResult> => {
  const spec = recipeOf(manifest);
  const { outDir, data } = options;
  checkData(data, manifest);
  const resumed =
    options.resumeFrom === undefined
      ? undefined
      : await checkpointPath(host, outDir, options.resumeFrom);
  const state =
    resumed === undefined ? undefined : await loadCheckpoint(session, manifest, host, resumed);
  const seed = state?.seed ?? options.seed ?? spec.seed;
  if (state === undefined) await begin({ session, manifest, seed, options });
  await options.beforeWriting?.();
  const start = state ?? fresh(manifest, seed, options.begin?.from);
  const metrics = await openMetrics(host, joinPath(outDir, METRICS), manifest, {
    engine: session.engine,
    notices: session.notices ?? [],
    seed,
    weights: start.initial_weights ?? null,
    dataRoot: options.dataRoot,
    through: start.global_step,
  });
  await removePartials(host, outDir);
  // A resumed run keeps what its checkpoint came with, older ones first; a new one replaces what lies there.
  const here = resumed === undefined ? [] : [...(await listCheckpoints(host, outDir))].reverse();
  const written = here.includes(resumed ?? "")
    ? here.slice(0, here.indexOf(resumed ?? "") + 1)
    : here;
  const order = trainingOrder(data.train, seed, spec.batch, spec.micro);
  const target = { host, outDir, written };
  const run: Run = {
    session,
    manifest,
    host,
    options,
    spec,
    order,
    seed,
    totalSteps: spec.totalSteps,
    target,
    metrics,
    resumed,
  };
  const result = await loop(run, start);
  if (result.status === "finished") {
    for (const [name, bytes] of await weightFiles(session, manifest))
      await replaceFile(host, joinPath(outDir, name), bytes);
    if (data.kind === "text")
      await replaceFile(host, joinPath(outDir, TOKENIZER), data.tokenizer.toJson());
  }
  return result;
};
