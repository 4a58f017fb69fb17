// A training from its first file to its last: begin or resume, the loop, and what a finished one leaves in its folder.
import { METRICS, TOKENIZER } from "../../bundle/names.ts";
import type { Session } from "../../bundle/engine.ts";
import type { Manifest } from "../../bundle/manifest.ts";
import { trainingOrder } from "../data/batches.ts";
import { joinPath, replaceFile, type Host } from "../host.ts";
import { begin, checkData, fresh, recipeOf } from "./begin.ts";
import { checkpointPath, listCheckpoints, loadCheckpoint, weightFiles } from "./checkpoint.ts";
import { loop, type Run } from "./loop.ts";
import { openMetrics } from "./metrics.ts";
import type { TrainOptions, TrainResult } from "./options.ts";

const removePartials = async (host: Host, outDir: string): Promise<void> => {
  for (const { name } of (await host.list(outDir)) ?? []) {
    if (/^checkpoint-\d+\.(partial|replaced)$/.test(name))
      await host.remove(joinPath(outDir, name));
  }
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
    resumed === undefined
      ? undefined
      : await loadCheckpoint(session, manifest, host, resumed, options.inUse);
  const seed = state?.seed ?? options.seed ?? spec.seed;
  if (state === undefined) await begin(session, manifest, seed, options);
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
