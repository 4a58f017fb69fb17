// `specc train`: from a spec or a bundle to weights, metrics and a report, in a folder that is a bundle itself.
import { readFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { FileFault } from "../../bundle/file-fault.ts";
import { keptParameters } from "../../bundle/kept-parameters.ts";
import type { TrainingSpec } from "../../bundle/manifest.ts";
import { bundle as bundleOf, type Compilation } from "../../compiler/compile.ts";
import { NonFiniteFault, type FitResult } from "../../runtime/index.ts";
import { loadAssets } from "../assets.ts";
import { CliError } from "../errors.ts";
import { evaluationText, headline, partText } from "../evaluation-text.ts";
import { readBytes, readText, shownPath } from "../files.ts";
import { interruptible, type Interrupt, type Io } from "../io.ts";
import { counted, countText, grouped, lossText, timeText } from "../../bundle/numbers.ts";
import { MANIFEST, WEIGHTS } from "../../bundle/names.ts";
import { takeCompanions } from "../huggingface/companions.ts";
import { asBusy, refuseForeign, writeBundleFiles } from "../out-folder.ts";
import type { ChoiceOptions } from "../options.ts";
import { progressView } from "../progress.ts";
import {
  checkpointOf,
  isSamePlace,
  refuseOtherSpec,
  resumeCommand,
  type Resumed,
  type SpecRecord,
} from "../resume.ts";
import {
  checkRunFolder,
  clearRunFolder,
  describedRun,
  earlierRun,
  lastCheckpoint,
  type EarlierRun,
  type RunPlan,
} from "../run-folder.ts";
import { givenWeights, openTarget, withModel, type EngineName, type Opened } from "../runtime.ts";

export interface TrainOptions extends ChoiceOptions {
  readonly outDir?: string;
  readonly resumeFromCheckpoint?: string;
  readonly weights?: string;
  readonly overwrite?: boolean;
  readonly steps?: number;
  readonly engine: EngineName;
  readonly seed?: number;
  readonly json?: boolean;
}

/** The run's folder is a bundle: compiled anew, or copied from the one that is trained. */
const writeBundle = (
  version: string,
  { compilation, bundle, folder }: Opened,
  { folder: out, inPlace }: RunPlan,
): void => {
  if (inPlace) return;
  if (compilation !== undefined) {
    writeBundleFiles(out, bundleOf(compilation, loadAssets(version)));
    return;
  }
  const paths = [...bundle.manifest.files.map((file) => file.path), MANIFEST];
  writeBundleFiles(out, new Map(paths.map((path) => [path, readBytes(join(folder, path))])));
};

const specOf = ({ compilation, folder }: Opened): SpecRecord => {
  if (compilation === undefined)
    return JSON.parse(readText(join(folder, "spec.json"))) as SpecRecord;
  const { checked, model, recipe } = compilation;
  return { edition: checked.edition, model, recipe };
};

const sourceOf = (compilation: Compilation | undefined, folder: string): string | undefined => {
  if (compilation !== undefined)
    return compilation.checked.sources.find((s) => s.path === compilation.entry)?.text;
  try {
    return readFileSync(join(folder, "spec.json"), "utf8");
  } catch {
    return undefined; // the report does without
  }
};

interface Begun {
  /** What is trained, as the command line says it. */
  readonly name: string;
  readonly opened: Opened;
  readonly training: TrainingSpec;
  readonly plan: RunPlan;
  readonly resumed: Resumed | undefined;
  /** What it begins with; undefined: the seed's values. */
  readonly weights: string | undefined;
  /** The last step of this run. */
  readonly last: number;
}

/** What is asked for, held against what is there; nothing is touched. */
const begin = (io: Io, name: string, opened: Opened, options: TrainOptions): Begun => {
  const { bundle, folder, compilation } = opened;
  const { training, specHash } = bundle.manifest;
  if (training === null) throw new CliError(`${name} was built without a recipe: it cannot train`);
  const out = resolve(io.cwd, options.outDir ?? join("runs", training.recipe));
  const given = options.resumeFromCheckpoint;
  const resumed = given === undefined ? undefined : checkpointOf(io, out, given);
  const { totalSteps } = training;
  const last = options.steps ?? totalSteps;
  const plan: RunPlan = {
    folder: out,
    inPlace: compilation === undefined && isSamePlace(folder, out),
    continues: resumed !== undefined && isSamePlace(dirname(resumed.folder), out),
    overwrite: options.overwrite === true,
    last: Math.min(last, totalSteps),
    end: totalSteps,
    resume: (place) => resumeCommand(io, name, place, options, place !== out),
  };
  checkRunFolder(io, plan);
  if (resumed !== undefined) refuseOtherSpec(io, resumed, specOf(opened), specHash);
  const seed = resumed?.state?.seed;
  if (seed !== undefined && options.seed !== undefined && options.seed !== seed)
    throw new CliError(`--seed ${options.seed}: the run goes on with its own, ${seed}`, [
      "leave --seed away, or train anew in another folder",
    ]);
  const weights = options.weights === undefined ? undefined : givenWeights(io, options.weights);
  if (weights?.startsWith(`${out}${sep}`) === true)
    throw new CliError(`--weights ${options.weights ?? ""} lies in the folder of the new run`, [
      "choose another --out-dir",
    ]);
  if (options.steps !== undefined && options.steps > totalSteps)
    throw new CliError(
      `--steps ${options.steps}: the recipe ends after ${counted(totalSteps, "step")}`,
      [`--steps stops earlier; --set "length=${options.steps} steps" makes a longer recipe`],
    );
  return { name, opened, training, plan, resumed, weights, last };
};

/** Past the step that is asked for, or at it and finished: there is nothing left to do. */
const doneRun = ({ plan, resumed, last }: Begun): EarlierRun | undefined => {
  const earlier = plan.continues ? earlierRun(plan.folder) : undefined;
  const step = resumed?.state?.step ?? 0;
  if (earlier === undefined || step < last) return undefined;
  return step > last || earlier.finished ? { ...earlier, step } : undefined;
};
const tellDone = (io: Io, { training, plan }: Begun, run: EarlierRun): void => {
  const { step: at } = run;
  const end = training.totalSteps;
  io.err(
    `already at step ${at} of ${end}, nothing to do: ${shownPath(io.cwd, plan.folder)} is ${describedRun(run)}\n${
      at < end
        ? `  pass --steps M with M > ${at} to go on, or no --steps to go on to step ${end}\n`
        : "  a longer length is another recipe: train it in another folder\n"
    }`,
  );
};

const announce = (io: Io, { opened, training, resumed, weights, last }: Begun): void => {
  const { model } = opened.bundle.manifest;
  const { batch, data } = training;
  const from = resumed?.state?.step ?? 0;
  const all = counted(model.parameters, "parameter");
  const kept = keptParameters(opened.bundle.manifest);
  const size = kept < model.parameters ? `${grouped(kept)} of ${all} kept` : all;
  const what = `${model.name} (${size}) by ${training.recipe}`;
  const steps = Math.max(0, last - from);
  const [taken, each] =
    data.kind === "text"
      ? [`${batch} × ${data.sequence} = ${counted(batch * data.sequence, "token")}`, data.sequence]
      : [counted(batch, "image"), 1];
  io.err(
    resumed === undefined
      ? `training ${what}: ${counted(steps, "step")} of ${taken}, ${countText(steps * batch * each)} in all\n`
      : steps === 0
        ? `going on with ${what} after step ${from}, its last: the files of its end are left to write\n`
        : `going on with ${what} after step ${from}: ${counted(steps, "step")} of ${taken} to step ${last}\n`,
  );
  if (weights !== undefined) io.err(`beginning with ${shownPath(io.cwd, weights)}\n`);
};

/** For programs; each step stands in metrics.jsonl already. */
const tellJson = (
  io: Io,
  result: Partial<FitResult> & { readonly notices?: readonly string[] },
  out: string,
): void => {
  const shown = (path: string | undefined): string | undefined =>
    path === undefined ? undefined : shownPath(io.cwd, path);
  const told = {
    formatVersion: "1.0",
    ...result,
    history: undefined,
    checkpoint: shown(result.checkpoint),
    report: shown(result.report),
    run: shown(out),
  };
  io.out(`${JSON.stringify(told, null, 2)}\n`);
};

const tell = (io: Io, result: FitResult, out: string, options: TrainOptions): void => {
  const { evaluation, sample } = result;
  if (options.quiet !== true)
    io.err(
      `\n${counted(result.step, "step")} in ${timeText(result.seconds)}; weights, metrics and report.html in ${shownPath(io.cwd, out)}\n\n`,
    );
  if (evaluation !== undefined)
    io.out(`held-out ${evaluation.kind}: ${evaluationText(evaluation)}\n`);
  if (sample !== undefined) io.out(`\n${sample}\n`);
};

const tellInterrupted = (io: Io, result: FitResult, begun: Begun): void => {
  const { folder, resume } = begun.plan;
  io.err(
    result.checkpoint === undefined
      ? `\ninterrupted before the first step: there is nothing to save\n`
      : `\ninterrupted after step ${result.step}: saved ${shownPath(io.cwd, result.checkpoint)}\n  to go on: ${resume(folder)}\n`,
  );
};

/** The process ends in the middle of `step`'s successor, or of saving: what is on the disk counts. */
const tellStopped = (io: Io, { folder, resume }: RunPlan, step: number): void => {
  const saved = earlierRun(folder)?.step ?? 0;
  const lost = step - saved;
  const what =
    lost <= 0
      ? "no step is lost"
      : lost === 1
        ? `step ${step} is not saved`
        : `steps ${saved + 1} to ${step} are not saved`;
  io.err(
    `\nstopped at once: ${what}\n${saved === 0 ? "" : `  to go on after step ${saved}: ${resume(folder)}\n`}`,
  );
};

/** What a checkpoint that is there already is good for, when the run fails. */
const withWayOn = (error: unknown, { folder, resume }: RunPlan): unknown => {
  if (!(error instanceof FileFault) || lastCheckpoint(folder) === undefined) return error;
  return new CliError(
    error.message,
    [...(error.help === undefined ? [] : [error.help]), `to go on: ${resume(folder)}`],
    1,
  );
};

const run = async (io: Io, version: string, begun: Begun, options: TrainOptions) => {
  const { name, opened, plan, resumed, weights } = begun;
  const { bundle, host, folder, compilation } = opened;
  const { folder: out } = plan;
  const view = progressView(io, options.quiet === true);
  const how = { ...options, note: view.note };
  let isOurs = false;
  let interrupt: Interrupt | undefined;
  let reached = resumed?.state?.step ?? 0;
  let stopping = `stopping before the ${resumed === undefined ? "first" : "next"} step`;
  try {
    const settled = compilation === undefined ? ({ command: "train", name } as const) : undefined;
    return await withModel(
      io,
      { bundle, host, seed: options.seed, settled },
      how,
      async (model) => {
        const controller = new AbortController();
        const result = await model.trainer().fit({
          outDir: out,
          dataRoot: relative(out, host.root) || ".",
          seed: options.seed,
          steps: options.steps,
          resumeFrom: resumed?.folder,
          weights,
          source: sourceOf(compilation, folder),
          signal: controller.signal,
          // Until here nothing is lost when a signal ends the process at once.
          beforeWriting: () => {
            interrupt = interruptible(
              io,
              () => {
                controller.abort();
                view.note(`${stopping} (once more stops at once)`);
              },
              () => {
                view.stop();
                tellStopped(io, plan, reached);
              },
            );
            isOurs = true;
            // of a checkpoint that was read
            if (resumed !== undefined && options.quiet !== true) announce(io, begun);
            const say = (line: string): void => {
              if (options.quiet !== true) io.err(`${line}\n`);
            };
            clearRunFolder(io, plan, say);
            writeBundle(version, opened, plan);
            const from = resumed === undefined ? weights : join(resumed.folder, WEIGHTS);
            if (from !== undefined)
              takeCompanions(io, from, { folder: out, training: begun.training, host }, say);
            say(`run: ${shownPath(io.cwd, out)}`);
          },
          beforeSteps: () => {
            stopping = "stopping: a checkpoint is saved first";
          },
          onStep: (progress) => {
            reached = progress.step;
            view.step(progress);
          },
          onEvaluation: (step, evaluation) =>
            view.note(
              `step ${step}: held-out loss ${lossText(evaluation.loss)}, ${headline(evaluation)}${partText(evaluation)}`,
            ),
        });
        return { result, notices: model.session.notices ?? [], code: interrupt?.code() ?? 0 };
      },
    );
  } catch (error) {
    throw isOurs ? withWayOn(error, plan) : asBusy(io, out, error);
  } finally {
    view.stop();
    interrupt?.done();
  }
};

export const train = async (
  io: Io,
  version: string,
  name: string,
  options: TrainOptions,
): Promise<number> => {
  if (options.resumeFromCheckpoint !== undefined && options.overwrite === true)
    throw new CliError("--overwrite drops the run that --resume-from-checkpoint goes on with");
  if (options.resumeFromCheckpoint !== undefined && options.weights !== undefined)
    throw new CliError("a run goes on with the weights of its checkpoint, not with --weights");
  if (options.outDir !== undefined) refuseForeign(io, resolve(io.cwd, options.outDir));
  const opened = await openTarget(io, version, name, options, { recipe: true });
  const begun = begin(io, name, opened, options);
  const done = doneRun(begun);
  if (done !== undefined) {
    tellDone(io, begun, done);
    if (options.json === true) {
      const { step, finished } = done;
      const status = finished ? "finished" : "interrupted";
      tellJson(io, { status, step, totalSteps: begun.last }, begun.plan.folder);
    }
    return 0;
  }
  if (begun.resumed === undefined && options.quiet !== true) announce(io, begun);
  try {
    const { result, notices, code } = await run(io, version, begun, options);
    if (options.json === true) tellJson(io, { ...result, notices }, begun.plan.folder);
    if (result.status === "interrupted") tellInterrupted(io, result, begun);
    else if (options.json !== true) tell(io, result, begun.plan.folder, options);
    return code;
  } catch (error) {
    if (error instanceof NonFiniteFault)
      throw new CliError(
        error.message,
        ["a lower learning rate, a longer warm-up or clip = global_norm(1.0) usually helps"],
        1,
      );
    throw error;
  }
};
