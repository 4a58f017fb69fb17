// Where a training lives. An earlier run in the same folder is never written over: it is continued when that is asked for, dropped
// when that is asked for, and otherwise moved aside.
import { existsSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { CliError } from "./errors.ts";
import { isFile, isFolder, shownPath } from "./files.ts";
import type { Io } from "./io.ts";
import { MANIFEST } from "./target.ts";

const CHECKPOINT = /^checkpoint-(\d+)$/;

export interface EarlierRun {
  /** Of its last checkpoint; 0 without one. */
  readonly step: number;
  readonly finished: boolean;
}

/** What training leaves behind; undefined when none has been here. */
export const earlierRun = (folder: string): EarlierRun | undefined => {
  if (!isFolder(folder)) return undefined;
  const steps = readdirSync(folder).flatMap((name) => {
    const step = CHECKPOINT.exec(name)?.[1];
    return step === undefined ? [] : [Number(step)];
  });
  if (steps.length === 0 && !isFile(join(folder, "metrics.jsonl"))) return undefined;
  return { step: Math.max(0, ...steps), finished: isFile(join(folder, "report.html")) };
};

const freeName = (folder: string): string => {
  for (let n = 1; ; n++) if (!existsSync(`${folder}.${n}`)) return `${folder}.${n}`;
};
const described = ({ step, finished }: EarlierRun): string =>
  finished
    ? `a finished run of ${step} steps`
    : step > 0
      ? `a run that stopped after its checkpoint at step ${step}`
      : "a run that stopped before its first checkpoint";

/** Makes room for a new run, or sees that there is one to resume. `inPlace`: the folder is also what is trained from. */
export const prepareFolder = (
  io: Io,
  folder: string,
  options: {
    readonly resumeFromCheckpoint?: string;
    readonly overwrite?: boolean;
    readonly quiet?: boolean;
    readonly inPlace: boolean;
  },
): void => {
  const shown = shownPath(io.cwd, folder);
  if (isFile(folder)) throw new CliError(`${shown} is a file; --out-dir needs a folder`);
  if (options.resumeFromCheckpoint !== undefined) return;
  const earlier = earlierRun(folder);
  if (earlier === undefined) {
    const names = isFolder(folder) ? readdirSync(folder) : [];
    if (
      !names.includes(MANIFEST) &&
      names.some(
        (name) => name === "package.json" || name === "index.js" || name === "model.safetensors",
      )
    )
      throw new CliError(`${shown} holds files that no training has made`, [
        "choose another --out-dir",
      ]);
    return;
  }
  if (options.inPlace)
    throw new CliError(`${shown} holds ${described(earlier)}`, [
      "--resume-from-checkpoint latest goes on with it",
      "--out-dir <dir> trains elsewhere",
    ]);
  if (options.overwrite === true) {
    rmSync(folder, { recursive: true });
    if (options.quiet !== true) io.err(`dropped ${described(earlier)} from ${shown}\n`);
    return;
  }
  const aside = freeName(folder);
  renameSync(folder, aside);
  if (options.quiet !== true) {
    io.err(`${shown} held ${described(earlier)}: moved to ${shownPath(io.cwd, aside)}\n`);
    if (!earlier.finished && earlier.step > 0)
      io.err(
        `  (to go on with it instead: --out-dir ${shownPath(io.cwd, aside)} --resume-from-checkpoint latest)\n`,
      );
  }
};
