// `specc build`: a folder that trains, evaluates and generates without the compiler. Unchanged files keep their time.
import { resolve } from "node:path";
import { bundle, compile, formsFor, type WrittenForm } from "../../compiler/compile.ts";
import type { Files } from "../../compiler/emit/manifest.ts";
import { holdFolder } from "../../runtime/node/hold-folder.ts";
import { packageFolder } from "../../runtime/node/host.ts";
import { quoted } from "../called.ts";
import { counted } from "../../bundle/numbers.ts";
import { specHashOf } from "../../compiler/emit/bundle.ts";
import { loadAssets } from "../assets.ts";
import { CliError } from "../errors.ts";
import { readBytes, shownPath } from "../files.ts";
import type { Io } from "../io.ts";
import { asBusy, bundleIn, refuseForeign, writeBundleFiles } from "../out-folder.ts";
import type { ChoiceOptions } from "../options.ts";
import { describedRun, earlierRun } from "../run-folder.ts";
import type { Format } from "../sources.ts";
import { checkedTarget, placeOf } from "../target.ts";

export interface BuildOptions extends ChoiceOptions {
  readonly outDir: string;
  readonly emit?: readonly string[];
  readonly engine?: readonly WrittenForm[];
  readonly format: Format;
  readonly weights?: string;
  readonly generationBatch: number;
  readonly listFiles?: boolean;
}

/** A run says with its bundle how it was made. */
const refuseOtherRun = (io: Io, out: string, specHash: string): void => {
  const earlier = earlierRun(out);
  if (earlier === undefined || bundleIn(out)?.specHash === specHash) return;
  throw new CliError(`${shownPath(io.cwd, out)} holds ${describedRun(earlier)} of another spec`, [
    "choose another folder with --out-dir",
  ]);
};

/** Programs import TensorFlow.js from beside them or from above; where it is missing, the step that gets it. */
const missingPackages = (io: Io, out: string, files: Files): string => {
  const { dependencies } = JSON.parse(String(files.get("package.json"))) as {
    readonly dependencies: Readonly<Record<string, string>>;
  };
  if (Object.keys(dependencies).every((name) => packageFolder(name, out) !== undefined)) return "";
  return `  before index.js is imported: cd ${quoted(shownPath(io.cwd, out))} && npm install\n`;
};

export const build = async (
  io: Io,
  version: string,
  file: string,
  options: BuildOptions,
): Promise<number> => {
  const place = placeOf(io, file);
  if (place.kind !== "arch")
    throw new CliError(`${file} is a bundle already; build takes an .arch file`);
  const out = resolve(io.cwd, options.outDir);
  refuseForeign(io, out);
  const target = checkedTarget(io, version, place.path, options, "welcome");
  const able = formsFor(target.recipe);
  const unable = options.engine?.find((form) => !able.includes(form));
  if (unable !== undefined)
    throw new CliError(`${unable} computes in f32, and the recipe asks for precision = bf16`, [
      `build with --engine ${able.join(",")}, or write precision = f32`,
    ]);
  const epochs = await (await import("../runtime.ts")).stepsPerEpoch(io, target, place.path);
  const compilation = compile(target, {
    ...(options.engine === undefined ? {} : { forms: options.engine }),
    generation: { batch: options.generationBatch },
    ...(epochs === undefined ? {} : { stepsPerEpoch: epochs }),
  });
  const wantsGraphModel = options.emit?.includes("graph-model") === true;
  if (wantsGraphModel && !able.includes("tfjs"))
    throw new CliError("a graph model computes in f32, and the recipe asks for precision = bf16", [
      "write precision = f32",
    ]);
  if (options.weights !== undefined && !wantsGraphModel)
    throw new CliError("--weights is for --emit graph-model");
  const weights =
    options.weights === undefined
      ? undefined
      : {
          bytes: readBytes(resolve(io.cwd, options.weights), options.weights),
          name: options.weights,
        };
  const graphModel = wantsGraphModel
    ? await (
        await import("../runtime.ts")
      ).stateValues(compilation.compiled.state, target.recipe?.seed ?? 0, weights)
    : undefined;
  refuseOtherRun(io, out, specHashOf(compilation));
  const files = bundle(
    compilation,
    loadAssets(version),
    graphModel === undefined ? {} : { graphModel },
  );
  let release: () => void;
  try {
    release = holdFolder(out);
  } catch (error) {
    throw asBusy(io, out, error);
  }
  let changed: readonly string[];
  try {
    changed = writeBundleFiles(out, files);
  } finally {
    release();
  }
  if (options.listFiles === true)
    for (const path of files.keys()) io.out(`${shownPath(io.cwd, resolve(out, path))}\n`);
  if (options.quiet !== true)
    io.err(
      `built ${target.model.name}${target.recipe === undefined ? "" : ` with ${target.recipe.name}`} in ${shownPath(io.cwd, out)}: ${counted(files.size, "file")}, ${changed.length} written\n${missingPackages(io, out, files)}`,
    );
  return 0;
};
