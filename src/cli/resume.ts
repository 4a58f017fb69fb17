// Where a training goes on: the checkpoint that is meant, whether it is of this spec, and the command that goes on with a run.
import { existsSync, readFileSync, realpathSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { canonicalJson } from "../compiler/emit/manifest.ts";
import { sha256 } from "../compiler/emit/sha256.ts";
import { TRAINER_STATE } from "../bundle/names.ts";
import { commandFor, quoted } from "./called.ts";
import { CliError } from "./errors.ts";
import { isFile, isFolder, shownPath } from "./files.ts";
import type { Io } from "./io.ts";
import type { ChoiceOptions } from "./options.ts";
import { earlierRun, lastCheckpoint } from "./run-folder.ts";

export interface Resumed {
  readonly folder: string;
  /** Undefined where the file that says so cannot be read: whoever loads the checkpoint tells why. */
  readonly state:
    { readonly step: number; readonly seed: number; readonly spec: string } | undefined;
}

const json = (path: string): unknown => {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
};
const stateIn = (folder: string): Resumed["state"] => {
  const value = json(join(folder, TRAINER_STATE));
  if (typeof value !== "object" || value === null) return undefined;
  const { global_step: step, seed, spec_sha256: spec } = value as Partial<Record<string, unknown>>;
  return typeof step === "number" && typeof seed === "number" && typeof spec === "string"
    ? { step, seed, spec }
    : undefined;
};

/** `given`: a checkpoint's folder, or "latest" for the last one in `out`. */
export const checkpointOf = (io: Io, out: string, given: string): Resumed => {
  if (given === "latest") {
    const folder = lastCheckpoint(out);
    if (folder !== undefined) return { folder, state: stateIn(folder) };
    throw new CliError(`${shownPath(io.cwd, out)} holds no checkpoint to go on from`, [
      "name the run's folder with --out-dir, or train without --resume-from-checkpoint",
    ]);
  }
  const path = resolve(io.cwd, given);
  const shown = shownPath(io.cwd, path);
  if (!existsSync(path)) throw new CliError(`no such checkpoint: ${given}`);
  if (isFile(path)) {
    const beside = dirname(path);
    throw new CliError(
      `${shown} is a file; a checkpoint is a folder`,
      isFile(join(beside, TRAINER_STATE)) ? [`its checkpoint is ${shownPath(io.cwd, beside)}`] : [],
    );
  }
  if (isFile(join(path, TRAINER_STATE))) return { folder: path, state: stateIn(path) };
  const inside = lastCheckpoint(path);
  throw new CliError(
    `${shown} is no checkpoint: there is no ${TRAINER_STATE} in it`,
    inside === undefined
      ? ["checkpoints are the folders checkpoint-<step> of a run"]
      : [`it is a run, whose last checkpoint is ${shownPath(io.cwd, inside)}`],
  );
};

/** Also through links. */
export const isSamePlace = (a: string, b: string): boolean =>
  a === b || (isFolder(a) && isFolder(b) && realpathSync(a) === realpathSync(b));

interface Difference {
  readonly key: string;
  readonly there: unknown;
  readonly here: unknown;
}
const isPlain = (x: unknown): x is Readonly<Record<string, unknown>> =>
  typeof x === "object" && x !== null;
const differences = (there: unknown, here: unknown, key: string): readonly Difference[] => {
  if (isPlain(there) && isPlain(here)) {
    const keys = new Set([...Object.keys(there), ...Object.keys(here)]);
    return [...keys].flatMap((k) => differences(there[k], here[k], key === "" ? k : `${key}.${k}`));
  }
  return Object.is(there, here) ? [] : [{ key, there, here }];
};
const valueText = (value: unknown): string => {
  const text = value === undefined ? "nothing" : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
};

/** What a bundle's spec.json holds. */
export interface SpecRecord {
  readonly edition: unknown;
  readonly model: unknown;
  readonly recipe: unknown;
}
/** A run goes on with the spec it began with: what differs is told, where the run still has its spec. */
export const refuseOtherSpec = (
  io: Io,
  { folder, state }: Resumed,
  here: SpecRecord,
  hash: string,
): void => {
  if (state === undefined || state.spec === hash) return;
  const there = json(join(dirname(folder), "spec.json"));
  const known = isPlain(there) && sha256(canonicalJson(there)) === state.spec;
  const found = known ? differences(there, JSON.parse(JSON.stringify(here)), "") : [];
  throw new CliError(
    `${shownPath(io.cwd, folder)} belongs to another spec`,
    [
      ...found
        .slice(0, 6)
        .map(
          ({ key, there: old, here: now }) =>
            `${key}: ${valueText(old)} in the run, ${valueText(now)} now`,
        ),
      ...(found.length > 6 ? [`and ${found.length - 6} more`] : []),
      "resume with the spec and the --set that it began with, or train anew in another folder",
    ],
    1,
  );
};

export interface ResumeOptions extends ChoiceOptions {
  readonly steps?: number;
  readonly seed?: number;
  readonly engine: string;
  readonly json?: boolean;
}
/**
 * The command that goes on with the run in a folder, as it was begun; with an earlier one, whose options nobody knows, to the
 * end of its recipe and by its own seed.
 */
export const resumeCommand = (
  io: Pick<Io, "cwd" | "script">,
  target: string,
  out: string,
  options: ResumeOptions,
  earlier = false,
): string => {
  const { model, recipe, set = {}, engine, quiet, json: asJson } = options;
  const seed = earlier ? undefined : options.seed;
  // what the run has reached would stop it at once
  const goal = earlier ? undefined : options.steps;
  const steps = (earlierRun(out)?.step ?? 0) < (goal ?? 0) ? goal : undefined;
  const words = [
    "train",
    target,
    ...(model === undefined ? [] : ["--model", model]),
    ...(recipe === undefined ? [] : ["--recipe", recipe]),
    ...Object.entries(set).flatMap(([key, value]) => ["--set", `${key}=${value}`]),
    ...(steps === undefined ? [] : ["--steps", String(steps)]),
    ...(seed === undefined ? [] : ["--seed", String(seed)]),
    ...(engine === "auto" ? [] : ["--engine", engine]),
    ...(asJson === true ? ["--json"] : []),
    ...(quiet === true ? ["--quiet"] : []),
    "--out-dir",
    shownPath(io.cwd, out),
    "--resume-from-checkpoint",
    "latest",
  ];
  return [commandFor(io.script, io.cwd), ...words.map(quoted)].join(" ");
};
