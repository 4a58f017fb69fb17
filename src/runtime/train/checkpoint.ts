// Checkpoints: `checkpoint-<step>/` with weights, optimizer state and the place in the run. A folder has its final name only
// when it is complete and on the disk, and an older one goes only after that.
import {
  CONFIG,
  OPTIMIZER,
  PARTIAL,
  RANDOM,
  REPLACED,
  SCHEDULER,
  TRAINER_STATE,
  WEIGHTS,
  WEIGHTS_INDEX,
  checkpointName,
  checkpointStep,
} from "../../bundle/names.ts";
import {
  FileFault,
  openSafetensors,
  openShards,
  writeSafetensors,
  type SafetensorsFile,
} from "../../bundle/safetensors.ts";
import { configText } from "../../bundle/config-text.ts";
import type { Session } from "../../bundle/engine.ts";
import { isWeight } from "../../bundle/disk.ts";
import type { Manifest, StateEntry } from "../../bundle/manifest.ts";
import { asFault, joinPath, openRange, readJson, readText, type Host } from "../host.ts";
import {
  checkAgainst,
  checkValues,
  initialValues,
  isTied,
  loadEntries,
  readForDisk,
} from "../state.ts";
import type { Row } from "./metrics.ts";

export interface TrainerState {
  readonly global_step: number;
  readonly epoch: number;
  readonly seed: number;
  readonly spec_sha256: string;
  readonly num_input_tokens_seen: number;
  readonly elapsed_seconds: number;
  /** The lowest held-out loss. */
  readonly best_metric: number | null;
  /** What the training began with instead of the seed's values: a path. */
  readonly initial_weights?: string | null;
  /** Evaluations only; each step is in metrics.jsonl. */
  readonly log_history: readonly Row[];
}

/** Copies of a run: the last good one outlives a failure while the next is written. */
export const KEPT = 2;

/** Newest first. */
export const listCheckpoints = async (host: Host, outDir: string): Promise<readonly string[]> =>
  ((await host.list(outDir)) ?? [])
    .flatMap(({ name, folder }) => (folder ? (checkpointStep(name) ?? []) : []))
    .sort((a, b) => b - a)
    .map((step) => joinPath(outDir, checkpointName(step)));

const json = (value: unknown): Uint8Array =>
  new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`);

/** What training keeps beside the weights. */
const isSlot = ({ kind }: StateEntry): boolean => kind === "slot" || kind === "mask";

/** Weights under Hugging Face names, with config.json beside them. */
export const weightFiles = async (
  session: Session,
  manifest: Manifest,
): Promise<ReadonlyMap<string, Uint8Array>> =>
  new Map([
    [
      WEIGHTS,
      writeSafetensors(await readForDisk(session, manifest, isWeight), {
        specc: manifest.specHash,
      }),
    ],
    [CONFIG, new TextEncoder().encode(configText(manifest.model.config))],
  ]);

export interface SaveTarget {
  readonly host: Host;
  readonly outDir: string;
  /** Checkpoints that this run has written or resumed from, newest last; others here are of an earlier run and give way. */
  readonly written: string[];
}
export const saveCheckpoint = async (
  session: Session,
  manifest: Manifest,
  target: SaveTarget,
  state: TrainerState,
  learningRate: number,
): Promise<string> => {
  const { host, outDir, written } = target;
  const folder = joinPath(outDir, checkpointName(state.global_step));
  const [partial, replaced] = [`${folder}${PARTIAL}`, `${folder}${REPLACED}`];
  const files = new Map([
    ...(await weightFiles(session, manifest)),
    [
      OPTIMIZER,
      writeSafetensors(await readForDisk(session, manifest, isSlot), { specc: manifest.specHash }),
    ],
    // For whoever looks: going on reads neither, both follow from what the trainer's state says.
    [SCHEDULER, json({ last_step: state.global_step, last_lr: learningRate })],
    [RANDOM, json({ generator: "philox4x32-10", seed: state.seed, step: state.global_step })],
    [TRAINER_STATE, json(state)],
  ]);
  try {
    await host.remove(partial);
    await host.makeFolder(partial);
    for (const [name, bytes] of files) await host.writeFile(joinPath(partial, name), bytes);
    const taken = (await host.list(folder)) !== undefined;
    if (taken) await host.rename(folder, replaced);
    await host.rename(partial, folder);
    if (taken) await host.remove(replaced);
  } catch (error) {
    await host.remove(partial).catch(() => undefined);
    const last = written.at(-1);
    const kept =
      last === undefined ? "there is no earlier checkpoint" : `the last good checkpoint is ${last}`;
    throw asFault(error, folder, "saving a checkpoint", `${kept}; free some space, then resume`);
  }
  if (!written.includes(folder)) written.push(folder);
  const keep = new Set(written.slice(-KEPT));
  for (const old of await listCheckpoints(host, outDir)) if (!keep.has(old)) await host.remove(old);
  return folder;
};

const isState = (x: unknown): x is TrainerState => {
  if (typeof x !== "object" || x === null) return false;
  const { global_step, seed, spec_sha256, num_input_tokens_seen, elapsed_seconds, log_history } =
    x as Partial<Record<string, unknown>>;
  const counts = [global_step, seed, num_input_tokens_seen, elapsed_seconds];
  return (
    counts.every((n) => typeof n === "number") &&
    typeof spec_sha256 === "string" &&
    Array.isArray(log_history)
  );
};

/** A weights file, an index of shards, or a folder that holds either. */
export const openWeights = async (host: Host, path: string): Promise<SafetensorsFile> => {
  if (path.endsWith(".index.json")) {
    const folder = path.replace(/[^/]*$/, "");
    return openShards(await readText(host, path), path, (shard) =>
      openRange(host, joinPath(folder, shard)),
    );
  }
  if (path.endsWith(".safetensors")) return openSafetensors(await openRange(host, path));
  const names = ((await host.list(path)) ?? []).map(({ name }) => name);
  const name = [WEIGHTS, WEIGHTS_INDEX].find((n) => names.includes(n));
  if (name === undefined)
    throw new FileFault(
      path,
      `no ${WEIGHTS} there`,
      "name a file of weights, or a folder that holds them: a run, a checkpoint",
    );
  return openWeights(host, joinPath(path, name));
};

const openFitting = async (
  manifest: Manifest,
  host: Host,
  path: string,
): Promise<SafetensorsFile> => {
  const stored = await openWeights(host, path);
  try {
    checkAgainst(manifest.state.filter(isWeight), stored, path, isTied(manifest));
    return stored;
  } catch (error) {
    await stored.close();
    throw error;
  }
};

/** Whether they are there and fit: names and shapes; `values`: also whether each can be read and is finite. */
export const checkWeights = async (
  manifest: Manifest,
  host: Host,
  path: string,
  values: boolean,
): Promise<void> => {
  const stored = await openFitting(manifest, host, path);
  try {
    if (values) await checkValues(manifest.state.filter(isWeight), stored, path);
  } finally {
    await stored.close();
  }
};

/** Only weights: for generation, evaluation, or as the start of a training. */
export const loadWeights = async (
  session: Session,
  manifest: Manifest,
  host: Host,
  path: string,
): Promise<void> => {
  const stored = await openFitting(manifest, host, path);
  try {
    await loadEntries(session, manifest.state.filter(isWeight), stored, path);
  } finally {
    await stored.close();
  }
};

/** `from`: a checkpoint's folder, or "latest" for the newest below `outDir`. */
export const checkpointPath = async (host: Host, outDir: string, from: string): Promise<string> => {
  if (from !== "latest") return from.replace(/\/+$/, "");
  const [newest] = await listCheckpoints(host, outDir);
  if (newest !== undefined) return newest;
  throw new FileFault(
    outDir,
    "no checkpoint to resume from",
    "train from the start, without resuming",
  );
};

/**
 * Names and shapes are checked before the session changes; nothing is ever written here.
 * @param inUse the session's state is to outlive a checkpoint that is damaged: values are read through before, too
 */
export const loadCheckpoint = async (
  session: Session,
  manifest: Manifest,
  host: Host,
  path: string,
  inUse = false,
): Promise<TrainerState> => {
  if ((await host.list(path)) === undefined) throw new FileFault(path, "no such checkpoint");
  const stateFile = joinPath(path, TRAINER_STATE);
  const state = await readJson(host, stateFile);
  if (!isState(state))
    throw new FileFault(
      stateFile,
      "not the state of a training: damaged, or written by something else",
    );
  if (state.spec_sha256 !== manifest.specHash) {
    const short = (hash: string): string => hash.slice(0, 12);
    throw new FileFault(
      path,
      `belongs to another spec (${short(state.spec_sha256)}, this one is ${short(manifest.specHash)})`,
      "resume with the .arch file it was made from, or train anew in another folder",
    );
  }
  const files = [
    [isWeight, WEIGHTS],
    [isSlot, OPTIMIZER],
  ] as const;
  const opened: SafetensorsFile[] = [];
  try {
    for (const [chosen, name] of files) {
      const file = joinPath(path, name);
      const stored = await openSafetensors(await openRange(host, file));
      opened.push(stored);
      checkAgainst(manifest.state.filter(chosen), stored, file, false);
    }
    const parts = files.map(
      ([chosen, name], i) =>
        [manifest.state.filter(chosen), opened[i]!, joinPath(path, name)] as const,
    );
    if (inUse) for (const part of parts) await checkValues(...part);
    for (const part of parts) await loadEntries(session, ...part);
  } finally {
    await Promise.all(opened.map((stored) => stored.close()));
  }
  for (const entry of manifest.state) {
    if (entry.kind === "accumulator")
      await session.writeState({ [entry.name]: initialValues(entry, state.seed) });
  }
  return state;
};
