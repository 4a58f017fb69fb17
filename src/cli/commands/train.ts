// `specc train`: from a spec or a bundle to weights, metrics and a report, in a folder that is a bundle itself.
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { bundle as bundleOf, type Compilation } from "../../compiler/compile.ts";
import { NonFiniteFault, type FitResult } from "../../runtime/index.ts";
import { loadAssets } from "../assets.ts";
import { CliError } from "../errors.ts";
import { evaluationText, headline } from "../evaluation-text.ts";
import { isFolder, shownPath, writeFile, writeFiles } from "../files.ts";
import { interruptible, type Io } from "../io.ts";
import { countText, grouped, timeText } from "../numbers.ts";
import type { ChoiceOptions } from "../program.ts";
import { progressView } from "../progress.ts";
import { prepareFolder } from "../run-folder.ts";
import { openTarget, withModel, type EngineName, type Opened } from "../runtime.ts";
import { MANIFEST } from "../target.ts";

export interface TrainOptions extends ChoiceOptions {
  readonly outDir?: string;
  readonly resumeFromCheckpoint?: string;
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
  out: string,
): void => {
  if (compilation !== undefined) {
    writeFiles(out, bundleOf(compilation, loadAssets(version)));
    return;
  }
  if (folder === out) return;
  for (const path of [...bundle.manifest.files.map((file) => file.path), MANIFEST])
    writeFile(join(out, path), new Uint8Array(readFileSync(join(folder, path))));
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

const announce = (
  io: Io,
  { bundle: { manifest } }: Opened,
  out: string,
  steps: number | undefined,
): void => {
  const { model, training } = manifest;
  if (training === null) return;
  const { batch, data, totalSteps } = training;
  const updates = steps ?? totalSteps;
  const [size, each] =
    data.kind === "text"
      ? [`${batch} × ${data.sequence} = ${grouped(batch * data.sequence)} tokens`, data.sequence]
      : [`${batch} images`, 1];
  io.err(
    `training ${model.name} (${grouped(model.parameters)} parameters) by ${training.recipe}: ${grouped(updates)} steps of ${size}, ${countText(updates * batch * each)} in all\nrun: ${shownPath(io.cwd, out)}\n`,
  );
};

const tell = (io: Io, result: FitResult, out: string, options: TrainOptions): void => {
  const { evaluation, sample } = result;
  if (options.json === true) {
    // each step stands in metrics.jsonl already
    const told = {
      formatVersion: "1.0",
      ...result,
      history: undefined,
      run: shownPath(io.cwd, out),
    };
    io.out(`${JSON.stringify(told, null, 2)}\n`);
    return;
  }
  if (options.quiet !== true)
    io.err(
      `\n${grouped(result.step)} steps in ${timeText(result.seconds)}; weights, metrics and report.html in ${shownPath(io.cwd, out)}\n\n`,
    );
  if (evaluation !== undefined)
    io.out(`held-out ${evaluation.kind}: ${evaluationText(evaluation)}\n`);
  if (sample !== undefined) io.out(`\n${sample}\n`);
};

export const train = async (
  io: Io,
  version: string,
  name: string,
  options: TrainOptions,
): Promise<number> => {
  const interrupt = interruptible(io);
  const view = progressView(io, options.quiet === true);
  const resume = options.resumeFromCheckpoint;
  if (resume !== undefined && options.overwrite === true)
    throw new CliError("--overwrite drops the run that --resume-from-checkpoint goes on with");
  try {
    const opened = await openTarget(io, version, name, options, { recipe: true });
    const { bundle, host, folder, compilation } = opened;
    if (bundle.manifest.training === null)
      throw new CliError(`${name} was built without a recipe: it cannot train`);
    const out = resolve(io.cwd, options.outDir ?? join("runs", bundle.manifest.training.recipe));
    if (resume !== undefined && resume !== "latest" && !isFolder(resolve(io.cwd, resume)))
      throw new CliError(`no such checkpoint: ${resume}`);
    prepareFolder(io, out, { ...options, inPlace: compilation === undefined && folder === out });
    if (options.quiet !== true) announce(io, opened, out, options.steps);
    return await withModel(io, { bundle, host, seed: options.seed }, options, async (model) => {
      writeBundle(version, opened, out);
      const result = await model.trainer().fit({
        outDir: out,
        seed: options.seed,
        steps: options.steps,
        resumeFrom: resume === undefined || resume === "latest" ? resume : resolve(io.cwd, resume),
        source: sourceOf(compilation, folder),
        signal: interrupt.signal,
        onStep: view.step,
        onEvaluation: (step, evaluation) =>
          view.note(
            `step ${step}: held-out loss ${evaluation.loss.toFixed(4)}, ${headline(evaluation)}`,
          ),
      });
      view.stop();
      if (result.status === "interrupted") {
        const saved =
          result.checkpoint === undefined
            ? "nothing was saved"
            : `saved ${shownPath(io.cwd, result.checkpoint)}`;
        io.err(
          `\ninterrupted after step ${result.step}: ${saved}\n  to go on: specc train ${name} --out-dir ${shownPath(io.cwd, out)} --resume-from-checkpoint latest\n`,
        );
        return interrupt.code() || 130;
      }
      tell(io, result, out, options);
      return interrupt.code();
    });
  } catch (error) {
    if (error instanceof NonFiniteFault)
      throw new CliError(
        error.message.replaceAll(`${io.cwd}/`, ""),
        ["a lower learning rate, a longer warm-up or clip = global_norm(1.0) usually helps"],
        1,
      );
    throw error;
  } finally {
    view.stop();
    interrupt.done();
  }
};
