// A whole training as a user sees it: data, the loop, a sample of text at the end, and the report. Used by `specc train` and by
// the bundle's own trainer.
import { REPORT } from "../bundle/names.ts";
import type { Session } from "../bundle/engine.ts";
import type { Manifest } from "../bundle/manifest.ts";
import { loadData, shortcomings, type LoadedData } from "./data/index.ts";
import { generate } from "./decode/generate.ts";
import { joinPath, replaceFile, type Host } from "./host.ts";
import { renderReport } from "./report/report.ts";
import { checkWeights, loadWeights } from "./train/checkpoint.ts";
import { recipeOf } from "./train/begin.ts";
import type { TrainOptions, TrainResult } from "./train/options.ts";
import { train } from "./train/train.ts";

export interface FitOptions extends Omit<TrainOptions, "data" | "begin" | "inUse"> {
  /** Weights to start from: a file or folder. */
  readonly weights?: string | undefined;
  /** The text of the spec, for the report. */
  readonly source?: string | undefined;
}
export interface FitResult extends TrainResult {
  readonly sample: string | undefined;
  readonly report: string | undefined;
}

/** What the training shows in the end; nothing of one that was stopped. */
const show = async (
  session: Session,
  manifest: Manifest,
  host: Host,
  { weights, source, outDir, signal }: FitOptions,
  { data, result }: { readonly data: LoadedData; readonly result: TrainResult },
): Promise<FitResult> => {
  if (result.status === "interrupted") return { ...result, sample: undefined, report: undefined };
  const wanted = recipeOf(manifest).sample;
  const { seed } = result;
  const [sample] =
    wanted === null || data.kind !== "text"
      ? []
      : await generate(session, manifest, data.tokenizer, host, [wanted.prompt], {
          ...wanted,
          seed,
          signal,
        });
  const text = sample === undefined ? undefined : sample.prompt + sample.text;
  const report = joinPath(outDir, REPORT);
  await replaceFile(
    host,
    report,
    renderReport({ manifest, engine: session.engine, seed, weights, result, sample: text, source }),
  );
  return { ...result, sample: text, report };
};

/** The run's folder is its own from the first file to the last. */
export const fit = async (
  session: Session,
  manifest: Manifest,
  host: Host,
  options: FitOptions & Pick<TrainOptions, "inUse">,
): Promise<FitResult> => {
  const { weights } = options;
  const recipe = recipeOf(manifest);
  const data = await loadData(recipe.data, host);
  for (const line of shortcomings(data, recipe.data, recipe.batch)) host.log(`warning: ${line}`);
  const begin =
    weights === undefined
      ? undefined
      : {
          from: weights,
          check: (values: boolean) => checkWeights(manifest, host, weights, values),
          load: () => loadWeights(session, manifest, host, weights),
        };
  const release = await host.hold(options.outDir);
  try {
    const result = await train(session, manifest, host, { ...options, data, begin });
    return await show(session, manifest, host, options, { data, result });
  } finally {
    release();
  }
};
