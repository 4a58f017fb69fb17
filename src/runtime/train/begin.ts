// How a training begins: what it needs to be one, and the state that its first update finds.
import { MANIFEST } from "../../bundle/names.ts";
import { isWeight } from "../../bundle/disk.ts";
import type { Session } from "../../bundle/engine.ts";
import { FileFault } from "../../bundle/file-fault.ts";
import { decoderOf, imageModelOf } from "../../bundle/kinds.ts";
import type { Manifest, TrainingSpec } from "../../bundle/manifest.ts";
import { checkFits, type LoadedData } from "../data/index.ts";
import { applyMasks, initialise } from "../state.ts";
import type { TrainerState } from "./checkpoint.ts";
import type { TrainOptions } from "./options.ts";

export const recipeOf = (manifest: Manifest): TrainingSpec => {
  if (manifest.training !== null) return manifest.training;
  throw new FileFault(
    MANIFEST,
    "the bundle was built without a recipe: it cannot train",
    "build it from a file with a recipe",
  );
};

/** Data that was not there when the spec was checked may be other than it said. */
export const checkData = (data: LoadedData, manifest: Manifest): void => {
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

/** Where a new run stands. */
export const fresh = (manifest: Manifest, seed: number, weights: string | undefined): TrainerState => ({
  global_step: 0, epoch: 0, seed, spec_sha256: manifest.specHash, num_input_tokens_seen: 0, elapsed_seconds: 0,
  best_metric: null, log_history: [], initial_weights: weights ?? null,
}); // prettier-ignore

/** The seed's values, or given weights under the seed's masks. */
export const begin = async (
  session: Session,
  manifest: Manifest,
  seed: number,
  { begin: given, inUse }: TrainOptions,
): Promise<void> => {
  if (given !== undefined) await given.check(inUse === true);
  await initialise(session, manifest, seed, (entry) => given === undefined || !isWeight(entry));
  if (given === undefined) return;
  await given.load();
  await applyMasks(session, manifest);
};
