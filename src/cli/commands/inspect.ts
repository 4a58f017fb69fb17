// `specc inspect`: layers, shapes, parameters, FLOPs and memory as a table or as JSON; the model as a picture; a program's graph
// as text, after any pass.
import { resolve } from "node:path";
import {
  compile,
  graphsOf,
  programsFor,
  stagesOf,
  type Compilation,
  type Target,
} from "../../compiler/compile.ts";
import { accountsOf } from "../../compiler/emit/accounts.ts";
import { modelSvg } from "../../compiler/emit/model-svg.ts";
import { summarize, type Summary } from "../../compiler/emit/summary.ts";
import { printGraph } from "../../compiler/ir/text.ts";
import { placeFinder } from "../../compiler/places.ts";
import { painter, wantsColor } from "../color.ts";
import { CliError } from "../errors.ts";
import { refuseInput, shownPath, writeFile } from "../files.ts";
import type { Io } from "../io.ts";
import { bytesText, counted, countText, densityText, grouped } from "../../bundle/numbers.ts";
import { formRows, isMasked, layerRows } from "../layer-table.ts";
import { table } from "../table.ts";
import type { ChoiceOptions } from "../options.ts";
import { bundleTarget, checkedTarget, placeOf, refuseChoice } from "../target.ts";

export interface InspectOptions extends ChoiceOptions {
  readonly json?: boolean;
  readonly svg?: string;
  readonly printIr?: string | true;
  readonly program?: string;
}

/** What is inspected when no training is. */
export const needTarget = (target: string | undefined, out: string | undefined): string => {
  if (out !== undefined) throw new CliError("--out is for --run; --svg draws a model");
  if (target !== undefined) return target;
  throw new CliError("nothing to inspect", [
    "specc inspect model.arch shows a model, specc inspect --run runs/Name a training",
  ]);
};

/** An epoch's length does not change what is shown here, so data need not be there. */
const ANY_EPOCH = 1;

const printIr = (io: Io, target: Target, options: InspectOptions): number => {
  const known = programsFor(target.model, target.recipe);
  const name = options.program ?? known[0]!;
  const program = known.find((p) => p === name);
  if (program === undefined)
    throw new CliError(`no program is called ${name}`, [`there are ${known.join(", ")}`]);
  const { programs } = graphsOf(target, { programs: [program], stepsPerEpoch: ANY_EPOCH });
  const stages = stagesOf(programs[0]!.graph);
  const wanted =
    typeof options.printIr === "string" ? options.printIr.replace(/^after:/, "") : "build";
  const stage = stages.find((s) => s.name === wanted);
  if (stage === undefined)
    throw new CliError(`no pass is called ${wanted}`, [
      `there are ${stages.map((s) => s.name).join(", ")}`,
    ]);
  const text = printGraph(stage.graph, {
    where: placeFinder(target.checked.sources, target.entry),
  });
  io.out(text.endsWith("\n") ? text : `${text}\n`);
  return 0;
};

/** What a training step holds when the recipe makes the other choice of `checkpoint`. */
const bytesOtherwise = ({ recipe, ...rest }: Target): number | null => {
  const step = programsFor(rest.model, recipe)[0];
  if (recipe === undefined || step === undefined) return null;
  const other: Target = {
    ...rest,
    recipe: { ...recipe, checkpoint: recipe.checkpoint === null ? "block" : null },
  };
  const { programs } = compile(other, { programs: [step], stepsPerEpoch: ANY_EPOCH });
  return programs[0]!.entry.peakBytes;
};

/** "heads.1: 61,204 not masked, density 0.4967" */
const branchText = (branch: Summary["branches"][number]): string =>
  isMasked(branch)
    ? `${branch.name}: ${grouped(branch.unmasked)} not masked, density ${densityText(branch.density)}`
    : branch.name;

const report = (
  io: Io,
  { model, recipe }: Target,
  summary: Summary,
  otherwise: number | null,
  options: InspectOptions,
): void => {
  const paint = painter(wantsColor(io, options.color, "out"));
  const { bytes, flops, item } = summary;
  const forms = formRows(model);
  const [head = "", ...rest] = table(layerRows(summary), [2, 3, 4]).split("\n");
  const activations: (readonly [bytes: number, what: string])[] = [];
  if (bytes.step !== null && recipe !== undefined) {
    const rows = counted(recipe.micro.value, recipe.data.is === "text" ? "sequence" : "image");
    activations.push([bytes.step, `most at once in a training step of ${rows}`]);
    if (otherwise !== null)
      activations.push([
        otherwise,
        recipe.checkpoint === null ? "with checkpoint = block" : "without checkpoint",
      ]);
  }
  if (bytes.forward !== null) activations.push([bytes.forward, "most at once in a forward pass"]);
  const costs = [
    ["parameters", grouped(summary.parameters), ""],
    ...(summary.activeParameters < summary.parameters
      ? [["", grouped(summary.activeParameters), "that a token's pass reads"]]
      : []),
    ...(isMasked(summary)
      ? [["", grouped(summary.unmasked), `not masked, density ${densityText(summary.density)}`]]
      : []),
    ...summary.branches.map((branch) => ["", grouped(branch.parameters), branchText(branch)]),
    [
      item === "token" ? "FLOPs a token" : "FLOPs an image",
      countText(flops.forward),
      model.kind === "decoder"
        ? `forward, ${counted(model.context, "token")} of context`
        : "forward",
    ],
    ...(flops.training > 0 ? [["", countText(flops.training), "a whole training step"]] : []),
    ["weights", bytesText(bytes.weights), "f32"],
    ...(recipe === undefined
      ? []
      : [["optimizer state", bytesText(bytes.optimizer), recipe.optimizer.is]]),
    ...(bytes.masks > 0 ? [["masks", bytesText(bytes.masks), "of sparse weights"]] : []),
    ...(bytes.gradients > 0
      ? [["gradients", bytesText(bytes.gradients), "summed over micro-batches"]]
      : []),
    ...activations.map(([size, what], i) => [i === 0 ? "activations" : "", bytesText(size), what]),
    ...(bytes.cache === 0
      ? []
      : [["cache", bytesText(bytes.cache), "of one sequence that is generated, whole context"]]),
  ];
  io.out(
    `${paint.bold(model.name)}${model.doc === null ? "" : `  ${paint.dim(model.doc)}`}\n\n${paint.bold(head)}\n${rest.join("\n")}\n\n${forms.length === 0 ? "" : `${table(forms, [])}\n\n`}${table(costs, [1])}\n`,
  );
};

export const inspect = async (
  io: Io,
  version: string,
  name: string,
  options: InspectOptions,
): Promise<number> => {
  const place = placeOf(io, name);
  if (place.kind === "bundle") refuseChoice(name, options);
  const target =
    place.kind === "arch"
      ? checkedTarget(io, version, place.path, options, "welcome")
      : bundleTarget(io, place.path);
  if (options.program !== undefined && options.printIr === undefined)
    throw new CliError("--program says which graph --print-ir prints");
  if (options.printIr !== undefined) return printIr(io, target, options);

  const compilation: Compilation = compile(target, { stepsPerEpoch: ANY_EPOCH });
  const forward = compilation.programs.find((p) => p.graph.name === "forward")!.graph;
  const summary = summarize(
    target.model.name,
    compilation.compiled,
    compilation.programs.map((p) => p.entry),
    forward,
  );
  if (options.svg !== undefined) {
    const file = resolve(io.cwd, options.svg);
    refuseInput(file, options.svg, [place.path]);
    if (!/\.svg$/i.test(file))
      throw new CliError(`--svg ${options.svg} is no .svg file`, [
        "drawings are SVG: --svg model.svg",
      ]);
    const item = summary.item === "token" ? "a token" : "an image";
    const accounts = accountsOf(summary, `${countText(summary.flops.forward)} FLOPs ${item}`);
    writeFile(file, modelSvg(target.model, accounts));
    if (options.quiet !== true) io.err(`drew ${target.model.name} in ${shownPath(io.cwd, file)}\n`);
  }
  if (options.json === true) {
    const bytes = { ...summary.bytes, stepOtherwise: bytesOtherwise(target) };
    io.out(`${JSON.stringify({ formatVersion: "1.0", ...summary, bytes }, null, 2)}\n`);
  } else if (options.svg === undefined)
    report(io, target, summary, bytesOtherwise(target), options);
  return 0;
};
