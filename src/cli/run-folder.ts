// Where a training lives. An earlier run in the same folder is never written over: it is continued when that is asked for, dropped
// when that is asked for, and otherwise moved aside. Files that are not of specc's making stay where they are, whatever is asked.
import {
  existsSync,
  lstatSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
} from "node:fs";
import { dirname, join } from "node:path";
import {
  CONFIG,
  METRICS,
  OPTIMIZER,
  PARTIAL,
  RANDOM,
  REPLACED,
  REPORT,
  SCHEDULER,
  TRAINER_STATE,
  WEIGHTS,
  checkpointName,
  checkpointStep,
} from "../bundle/names.ts";
import { makeFolder } from "../runtime/node/make-folder.ts";
import { CliError } from "./errors.ts";
import { cannotWrite, isFile, isFolder, shownPath } from "./files.ts";
import { COMPANIONS } from "./huggingface/companions.ts";
import type { Io } from "./io.ts";
import { counted } from "../bundle/numbers.ts";
import { bundleIn, hasMetrics, refuseForeign } from "./out-folder.ts";

/** What a training writes beside the bundle, and into each checkpoint. */
const RUN_FILES = [METRICS, REPORT, WEIGHTS, CONFIG, ...COMPANIONS];
const CHECKPOINT_FILES = [WEIGHTS, OPTIMIZER, CONFIG, SCHEDULER, RANDOM, TRAINER_STATE];

const isOwnFolder = (folder: string, name: string): boolean => {
  const behind = [PARTIAL, REPLACED].find((end) => name.endsWith(end)) ?? "";
  const whole = name.slice(0, name.length - behind.length);
  return checkpointStep(whole) !== undefined && lstatSync(join(folder, name)).isDirectory();
};
const checkpointSteps = (folder: string): readonly number[] =>
  readdirSync(folder).flatMap((name) =>
    isOwnFolder(folder, name) ? (checkpointStep(name) ?? []) : [],
  );

export interface EarlierRun {
  /** Of its last checkpoint; 0 without one. */
  readonly step: number;
  /** It came to its end and wrote all that it has to show. */
  readonly finished: boolean;
}

const timeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;

/** The newest checkpoint of a run's folder. */
export const lastCheckpoint = (folder: string): string | undefined => {
  if (!isFolder(folder)) return undefined;
  const steps = checkpointSteps(folder);
  return steps.length === 0 ? undefined : join(folder, checkpointName(Math.max(...steps)));
};

/** What training leaves behind; undefined when none has been here. */
export const earlierRun = (folder: string): EarlierRun | undefined => {
  if (!isFolder(folder)) return undefined;
  const steps = checkpointSteps(folder);
  if (steps.length === 0 && !hasMetrics(folder)) return undefined;
  const step = Math.max(0, ...steps);
  const saved = timeOf(join(folder, checkpointName(step), TRAINER_STATE));
  return { step, finished: timeOf(join(folder, REPORT)) > saved };
};

export const describedRun = ({ step, finished }: EarlierRun): string =>
  finished
    ? `a finished run of ${counted(step, "step")}`
    : step > 0
      ? `a run that stopped after its checkpoint at step ${step}`
      : "a run that stopped before its first checkpoint";

/** All that specc has written there, the manifest last: until it goes, the folder says whose it is. */
const ownFiles = (folder: string): readonly string[] => {
  const saved = readdirSync(folder)
    .filter((name) => isOwnFolder(folder, name))
    .flatMap((name) => CHECKPOINT_FILES.map((file) => join(name, file)));
  const run = RUN_FILES.flatMap((name) => [name, `${name}.partial`]);
  const known = [...saved, ...run, ...(bundleIn(folder)?.files ?? [])];
  return [...new Set(known)].filter(
    (path) => lstatSync(join(folder, path), { throwIfNoEntry: false })?.isDirectory() === false,
  );
};

const removeEmpty = (folder: string): void => {
  if (readdirSync(folder).length === 0) rmdirSync(folder);
};
/** Each file of specc's own to `act`; then the folders that it leaves empty go, innermost first. */
const withOwnFiles = (folder: string, act: (path: string) => void): void => {
  const files = ownFiles(folder);
  for (const path of files) act(path);
  const parents = new Set<string>();
  for (const path of files)
    for (let at = dirname(path); at !== "."; at = dirname(at)) parents.add(at);
  for (const path of [...parents].sort((a, b) => b.length - a.length))
    removeEmpty(join(folder, path));
};

const freeName = (folder: string): string => {
  for (let n = 1; ; n++) if (!existsSync(`${folder}.${n}`)) return `${folder}.${n}`;
};
/** Beside the folder itself, also where that is reached through a link. */
const moveAside = (folder: string): string => {
  const aside = freeName(realpathSync(folder));
  makeFolder(aside);
  withOwnFiles(folder, (path) => {
    makeFolder(dirname(join(aside, path)));
    renameSync(join(folder, path), join(aside, path));
  });
  return aside;
};

export interface RunPlan {
  readonly folder: string;
  /** The folder is also what is trained from. */
  readonly inPlace: boolean;
  /** The checkpoint to go on from lies in the folder. */
  readonly continues: boolean;
  readonly overwrite: boolean;
  /** The step that the run is to stop after, and the recipe's last. */
  readonly last: number;
  readonly end: number;
  /** The command that goes on with what lies in a folder. */
  readonly resume: (folder: string) => string;
}

/** Whether a training may have the folder. Looks and touches nothing. */
export const checkRunFolder = (io: Io, plan: RunPlan): void => {
  refuseForeign(io, plan.folder);
  checkEarlier(io, plan);
};
/** What goes on with a run; its recipe's end is where none does. */
const wayOn = ({ step, finished }: EarlierRun, { last, end }: RunPlan): string => {
  if (step < last || (step === last && !finished))
    return "--resume-from-checkpoint latest goes on with it";
  return step < end
    ? `--resume-from-checkpoint latest goes on with it to step ${end}, with --steps M to a step M > ${step}`
    : "its recipe is at its end: for more steps train the .arch file with a longer length";
};
const checkEarlier = (io: Io, plan: RunPlan): void => {
  const { folder, inPlace, continues } = plan;
  if (continues) return;
  const shown = shownPath(io.cwd, folder);
  const earlier = earlierRun(folder);
  if (earlier === undefined) {
    if (isFile(join(folder, WEIGHTS)))
      throw new CliError(`${shown} holds weights that no training has made there`, [
        "choose another folder with --out-dir",
      ]);
    return;
  }
  if (inPlace)
    throw new CliError(`${shown} holds ${describedRun(earlier)}`, [
      wayOn(earlier, plan),
      "--out-dir <dir> trains elsewhere",
    ]);
};

/** Makes room for a run in a folder that is held for it. `tell` hears what became of an earlier one. */
export const clearRunFolder = (io: Io, plan: RunPlan, tell: (line: string) => void): void => {
  const { folder } = plan;
  checkEarlier(io, plan);
  const earlier = plan.continues ? undefined : earlierRun(folder);
  if (earlier === undefined) return;
  const shown = shownPath(io.cwd, folder);
  try {
    if (plan.overwrite) {
      withOwnFiles(folder, (path) => rmSync(join(folder, path)));
      tell(`dropped ${describedRun(earlier)} from ${shown}`);
      return;
    }
    const aside = moveAside(folder);
    tell(`${shown} held ${describedRun(earlier)}: moved to ${shownPath(io.cwd, aside)}`);
    if (!earlier.finished && earlier.step > 0)
      tell(`  (to go on with it instead: ${plan.resume(aside)})`);
  } catch (error) {
    throw cannotWrite(shown, error);
  }
};
