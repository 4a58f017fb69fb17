// `specc inspect --run`: what one or several trainings recorded, as tables on the terminal and as pictures in one file.
import { resolve } from "node:path";
import { figuresSvg } from "../../runtime/report/figure.ts";
import { figuresOf } from "../../runtime/report/figures.ts";
import { painter, wantsColor, wantsUnicode } from "../color.ts";
import { CliError } from "../errors.ts";
import { shownPath, writeFile } from "../files.ts";
import type { Io } from "../io.ts";
import { runsHtml, runsTitle } from "../history/page.ts";
import { readRun, type RunRecord } from "../history/record.ts";
import { runsData, runsText } from "../history/text.ts";
import type { InspectOptions } from "./inspect.ts";

export interface RunsOptions extends InspectOptions {
  readonly run: readonly string[];
  readonly out?: string;
}

const drawingOf = (file: string, runs: readonly RunRecord[]): string => {
  if (/\.html?$/i.test(file)) return runsHtml(runs);
  if (/\.svg$/i.test(file)) return figuresSvg(runsTitle(runs), figuresOf(runs));
  throw new CliError(`--out ${file} is neither .svg nor .html`, [
    "one file holds all pictures: --out runs.html or --out runs.svg",
  ]);
};

/** Options of `inspect` that say something of a model. */
const OF_MODELS = ["model", "recipe", "set", "svg", "printIr", "program"] as const;

export const inspectRuns = (
  io: Io,
  target: string | undefined,
  { run: folders, ...options }: RunsOptions,
): number => {
  if (target !== undefined)
    throw new CliError(`inspect shows a model or trainings: ${target} or --run, not both`);
  const foreign = OF_MODELS.find((name) => options[name] !== undefined);
  if (foreign !== undefined)
    throw new CliError(
      `--${foreign === "printIr" ? "print-ir" : foreign} is about a model, --run about trainings`,
    );
  const runs = folders.map((folder) => readRun(io, folder));
  const twice = runs.find(({ name }, i) => runs.findIndex((other) => other.name === name) < i);
  if (twice !== undefined) throw new CliError(`--run names ${twice.name} twice`);
  if (options.out !== undefined) {
    const file = resolve(io.cwd, options.out);
    writeFile(file, drawingOf(options.out, runs));
    if (options.quiet !== true)
      io.err(`drew ${runs.map(({ name }) => name).join(", ")} in ${shownPath(io.cwd, file)}\n`);
  }
  if (options.json === true)
    io.out(`${JSON.stringify({ formatVersion: "1.0", runs: runsData(runs) }, null, 2)}\n`);
  else if (options.out === undefined)
    io.out(runsText(runs, wantsUnicode(io), painter(wantsColor(io, options.color, "out"))));
  return 0;
};
