// What a training left of its course: metrics.jsonl of its folder, read back.
import { counted } from "../../bundle/numbers.ts";
import { METRICS } from "../../bundle/names.ts";
import { join, resolve } from "node:path";
import { keysOf } from "../../runtime/report/families.ts";
import type { Row } from "../../runtime/train/metrics.ts";
import { CliError } from "../errors.ts";
import { isFile, isFolder, readText, shownPath } from "../files.ts";
import type { Io } from "../io.ts";
import { findingsIn, type Finding } from "./findings.ts";

export interface RunRecord {
  /** Its folder, as shown. */
  readonly name: string;
  readonly model: string;
  readonly recipe: string;
  readonly engine: string;
  readonly seed: number;
  readonly rows: readonly Row[];
  /** What is worth a look. */
  readonly findings: readonly Finding[];
}

type Fields = Readonly<Record<string, unknown>>;
const isFields = (x: unknown): x is Fields =>
  typeof x === "object" && x !== null && !Array.isArray(x);
const within = (x: unknown, ...keys: readonly string[]): unknown =>
  keys.reduce<unknown>((value, key) => (isFields(value) ? value[key] : undefined), x);
const textOf = (x: unknown): string => (typeof x === "string" ? x : "?");

const isRow = (x: unknown): x is Row => isFields(x) && typeof x["step"] === "number";

/** The values of all lines; the last one may have been cut when the run stopped. */
const linesOf = (text: string, shown: string): readonly unknown[] => {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  return lines.flatMap((line, i): readonly unknown[] => {
    try {
      return [JSON.parse(line)];
    } catch {
      if (i === lines.length - 1) return [];
      throw new CliError(`${shown} is damaged: line ${i + 1} is not JSON`);
    }
  });
};

/** Where a run's data lay, if the folder is a run and the place is still there. */
export const trainedRoot = (folder: string): string | undefined => {
  const file = join(folder, METRICS);
  if (!isFile(file)) return undefined;
  const [first = ""] = readText(file, file).split("\n", 1);
  const told = within(linesOf(first, file)[0], "data_root");
  const root = typeof told === "string" ? resolve(folder, told) : undefined;
  return root !== undefined && isFolder(root) ? root : undefined;
};

export const readRun = (io: Io, folder: string): RunRecord => {
  const path = resolve(io.cwd, folder);
  const shown = shownPath(io.cwd, path);
  const help = ["specc train leaves a run in its --out-dir"];
  if (isFile(path))
    throw new CliError(`${shown} is a file; --run takes the folder of a training`, help);
  if (!isFolder(path)) throw new CliError(`no such folder: ${folder}`, help);
  const file = join(path, METRICS);
  if (!isFile(file))
    throw new CliError(`${shown} holds no run: there is no ${METRICS} in it`, help);
  const [header, ...rest] = linesOf(
    readText(file, shownPath(io.cwd, file)),
    shownPath(io.cwd, file),
  );
  if (within(header, "type") !== "run")
    throw new CliError(
      `${shownPath(io.cwd, file)} is not the record of a training: its first line says nothing of a run`,
      help,
    );
  const rows = rest.filter(isRow);
  if (rows.length === 0)
    throw new CliError(`${shown} has no step yet: the training stopped before its first`);
  const seed = within(header, "config", "seed");
  return {
    name: shown,
    model: textOf(within(header, "config", "model", "name")),
    recipe: textOf(within(header, "config", "training", "recipe")),
    engine: textOf(within(header, "backend")),
    seed: typeof seed === "number" ? seed : 0,
    rows,
    findings: findingsIn(io, path, within(header, "spec_sha256"), rows),
  };
};

export const lastStepOf = ({ rows }: RunRecord): number =>
  rows.reduce((last, { step }) => Math.max(last, typeof step === "number" ? step : 0), 0);

export const aboutRun = (run: RunRecord): string =>
  `${run.model} by ${run.recipe}, ${counted(lastStepOf(run), "step")}, engine ${run.engine}, seed ${run.seed}`;

/** Numbers of a step that say how it went, by their names in the file. */
export const scalarNames = (runs: readonly RunRecord[]): readonly string[] => {
  const dull = /^(train\/num_|eval\/(tokens|images)$|perf\/(step_time_ms|tflops)$)/;
  const names = new Set(runs.flatMap(({ rows }) => keysOf(rows)));
  const told = [...names].filter((name) => !dull.test(name));
  const first = "train/loss";
  const others = ["eval/", "train/", "perf/"].flatMap((kind) =>
    told.filter((name) => name.startsWith(kind) && name !== first),
  );
  return told.includes(first) ? [first, ...others] : others;
};
