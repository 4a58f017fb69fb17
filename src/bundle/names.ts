// Names of files and folders that one half writes and another looks for.

/** Of a bundle, and so of a run: what is in it. */
export const MANIFEST = "specc-manifest.json";

/** Of a model: its sizes, its weights, and what stands for these where they are in several files. */
export const CONFIG = "config.json";
export const WEIGHTS = "model.safetensors";
export const WEIGHTS_INDEX = `${WEIGHTS}.index.json`;
export const TOKENIZER = "tokenizer.json";

/** Of a folder that somebody writes to: who that is. */
export const LOCK = "specc.lock";

/** Of a run. */
export const METRICS = "metrics.jsonl";
export const REPORT = "report.html";

/** Of a checkpoint, beside weights and config: what training keeps of parameters, and where it was. */
export const OPTIMIZER = "optimizer.safetensors";
export const SCHEDULER = "scheduler.json";
export const RANDOM = "rng_state.json";
export const TRAINER_STATE = "trainer_state.json";

export const checkpointName = (step: number): string => `checkpoint-${step}`;
/** Undefined: no checkpoint is called so. */
export const checkpointStep = (name: string): number | undefined => {
  const step = /^checkpoint-(\d+)$/.exec(name)?.[1];
  return step === undefined ? undefined : Number(step);
};
/** Behind a checkpoint's name: while it is written, and of one that gives way to it. */
export const PARTIAL = ".partial";
export const REPLACED = ".replaced";
