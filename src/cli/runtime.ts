// The bridge to the runtime, imported only by commands that run something: targets become bundles in memory, models open with
// weights from a file or fresh ones, and the engine is told.
import { dirname, join, resolve } from "node:path";
import { Ajv2020, type ErrorObject } from "ajv/dist/2020.js";
import type { Engine, LoadedBundle, ProgramModule } from "../bundle/engine.ts";
import { MANIFEST, WEIGHTS, WEIGHTS_INDEX } from "../bundle/names.ts";
import { isWeight } from "../bundle/disk.ts";
import type { Manifest, StateEntry } from "../bundle/manifest.ts";
import { bytesReader, openSafetensors } from "../bundle/safetensors.ts";
import type { Tensors } from "../bundle/tensor.ts";
import {
  compile,
  savedModelOf,
  type BuildOptions,
  type Compilation,
  type Target,
} from "../compiler/compile.ts";
import { manifestOf } from "../compiler/emit/bundle.ts";
import { dataOf, vocabularyOf } from "../compiler/emit/training.ts";
import {
  cpuEngine,
  createModel,
  PrecisionFault,
  wasmEngine,
  stepsPerEpoch as countSteps,
  type Host,
  type Model,
} from "../runtime/index.ts";
import { cacheFolder } from "../runtime/node/tensorflow/cache.ts";
import { nodeHost, openBundle, tensorflowEngine } from "../runtime/node/index.ts";
import { checkAgainst, initialState, readEntry } from "../runtime/state.ts";
import { CliError } from "./errors.ts";
import { isFile, isFolder, packageRoot, projectRoot, readText, shownPath } from "./files.ts";
import type { Io } from "./io.ts";
import type { ChoiceOptions } from "./options.ts";
import { quoted } from "./called.ts";
import { trainedRoot } from "./history/record.ts";
import { lastCheckpoint } from "./run-folder.ts";
import { checkedTarget, placeOf, refuseChoice, refuseImages, type Place } from "./target.ts";

export type EngineName = "auto" | "tensorflow" | "wasm" | "cpu";

/** Fastest first. */
export const enginesHere = (io: Io): readonly Engine[] => [
  tensorflowEngine({ env: io.env, xlaCache: join(cacheFolder(io.env), "xla") }),
  wasmEngine(),
  cpuEngine(),
];

const isProgramModule = (value: unknown): value is ProgramModule =>
  typeof value === "object" && value !== null && "run" in value && "constants" in value;
const loadModule = async (text: string): Promise<ProgramModule> => {
  const module: unknown = await import(
    /* @vite-ignore */ `data:text/javascript;base64,${Buffer.from(text).toString("base64")}`
  );
  if (!isProgramModule(module)) throw new TypeError("a generated program exports no run");
  return module;
};

/** A compilation as the runtime opens it, without a folder in between. */
export const loadCompiled = async (
  compilation: Compilation,
  version: string,
): Promise<LoadedBundle> => ({
  manifest: manifestOf(compilation, version, new Map()),
  programs: Object.fromEntries(
    await Promise.all(
      compilation.programs.flatMap(({ graph, module }) =>
        module === undefined
          ? []
          : [loadModule(module).then((made) => [graph.name, made] as const)],
      ),
    ),
  ),
  savedModel: compilation.forms.includes("tensorflow")
    ? { bytes: (file) => savedModelOf(compilation, file) }
    : undefined,
});

const told = ({ instancePath, message }: ErrorObject): string =>
  `${instancePath} ${message ?? "is wrong"}`.trim();
/** A manifest from outside is checked against the published schema before any of it is believed. */
const checkManifest = (io: Io, folder: string): void => {
  const path = join(folder, MANIFEST);
  const shown = shownPath(io.cwd, path);
  let value: unknown;
  try {
    value = JSON.parse(readText(path, shown));
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw new CliError(`${shown} is not JSON: cut short or damaged`, ["build the bundle again"], 1);
  }
  const schema = JSON.parse(
    readText(join(packageRoot(), "schemas", "manifest.schema.json")),
  ) as object;
  const validate = new Ajv2020({ strict: true, allErrors: true }).compile<Manifest>(schema);
  if (!validate(value))
    throw new CliError(
      `${shown} is no manifest of this version of specc`,
      [...(validate.errors ?? []).slice(0, 3).map(told), "build the bundle again"],
      1,
    );
};

export interface Opened {
  readonly bundle: LoadedBundle;
  readonly host: Host;
  /** The `.arch` file's folder, or the bundle's. */
  readonly folder: string;
  /** Undefined when the target is a bundle already. */
  readonly compilation: Compilation | undefined;
}

export interface Needs {
  /** The target must declare one. */
  readonly recipe: boolean;
  /** Text is what it is about: a model of images is refused. */
  readonly tokens?: boolean;
  /** What an `.arch` file is compiled to; a bundle is what it was built to be. */
  readonly build?: Omit<BuildOptions, "stepsPerEpoch">;
}

/** Where the data of a run lay when it was trained; other bundles read below the project that they lie in. */
const rootOf = (place: Place): string => {
  const trained = place.kind === "bundle" ? trainedRoot(place.path) : undefined;
  return trained ?? projectRoot(place.path);
};

/** Relative paths of data begin at the project's folder. */
export const openTarget = async (
  io: Io,
  version: string,
  name: string,
  options: ChoiceOptions,
  needs: Needs,
): Promise<Opened> => {
  const place = placeOf(io, name);
  const host = nodeHost({
    root: rootOf(place),
    log: (line) => {
      if (options.quiet !== true) io.err(`${line}\n`);
    },
  });
  if (place.kind === "bundle") {
    refuseChoice(name, options);
    checkManifest(io, place.path);
    const bundle = await openBundle(place.path, { verify: true });
    if (needs.tokens === true) refuseImages(bundle.manifest.model);
    return {
      bundle,
      host,
      folder: place.path,
      compilation: undefined,
    };
  }
  const target = checkedTarget(
    io,
    version,
    place.path,
    options,
    needs.recipe ? "needed" : "welcome",
  );
  if (needs.tokens === true) refuseImages(target.model);
  const epochs = await stepsPerEpoch(io, target, place.path);
  const compilation = compile(target, {
    ...needs.build,
    ...(epochs === undefined ? {} : { stepsPerEpoch: epochs }),
  });
  return {
    bundle: await loadCompiled(compilation, version),
    host,
    folder: dirname(place.path),
    compilation,
  };
};

interface Settled {
  readonly command: "eval" | "generate" | "train";
  readonly name: string;
}
const inF32 = (fault: PrecisionFault, { command, name }: Settled): CliError =>
  new CliError(
    fault.message,
    [
      "the tensorflow engine computes in bf16 (specc backend add tensorflow)",
      `on every engine, from the file of the model: specc ${command} FILE.arch${command === "train" ? "" : ` --weights ${quoted(name)}`} --set 'precision = f32'`,
    ],
    1,
  );

/** Opens, tells which engine it is and why, and closes whatever happens. */
export const withModel = async <T>(
  io: Io,
  given: {
    readonly bundle: LoadedBundle;
    readonly host: Host;
    readonly weights?: string | undefined;
    readonly seed?: number | undefined;
    /** The command and its target, where that is a bundle: what it computes in cannot be chosen any more. */
    readonly settled?: Settled | undefined;
  },
  options: {
    readonly engine: EngineName;
    readonly quiet?: boolean;
    /** Shows a line beside what is going on; standard error unless given. */
    readonly note?: (line: string) => void;
  },
  use: (model: Model) => Promise<T>,
): Promise<T> => {
  const engines = enginesHere(io);
  const quiet = options.quiet === true;
  let begun = false;
  const notices: string[] = [];
  const note = options.note ?? ((line: string): void => io.err(`${line}\n`));
  const tell = (notice: string): void => {
    if (!quiet) note(`engine: ${notice}`);
  };
  const model = await createModel({
    ...given,
    engine: options.engine,
    engines,
    // after the line that says which engine it is
    onNotice: (notice) => (begun ? tell(notice) : void notices.push(notice)),
  }).catch((error: unknown) => {
    const { settled } = given;
    throw error instanceof PrecisionFault && settled !== undefined ? inF32(error, settled) : error;
  });
  const { about } = model.session;
  const what = about === undefined ? model.engine : `${model.engine}, ${about}`;
  if (!quiet) io.err(`engine: ${what} (${model.why})\n`);
  begun = true;
  notices.forEach(tell);
  try {
    return await use(model);
  } finally {
    await model.close();
  }
};

const weightsWithin = (folder: string): string | undefined =>
  [WEIGHTS, WEIGHTS_INDEX].map((name) => join(folder, name)).find(isFile);
/** What `--weights` names: a file, or a folder that holds weights, as checkpoints, runs and imported models do. */
export const givenWeights = (io: Io, given: string): string => {
  const path = resolve(io.cwd, given);
  if (isFile(path)) return path;
  if (!isFolder(path)) throw new CliError(`no such file or folder: ${given}`);
  const found = weightsWithin(path);
  if (found !== undefined) return found;
  throw new CliError(`${given} holds no weights: there is no ${WEIGHTS} in it`);
};
/** `--weights`, or what lies beside the target. */
export const weightsPath = (
  io: Io,
  given: string | undefined,
  folder: string,
): string | undefined => (given === undefined ? weightsWithin(folder) : givenWeights(io, given));
export const needWeights = (
  io: Io,
  given: string | undefined,
  folder: string,
  name: string,
): string => {
  const path = weightsPath(io, given, folder);
  if (path !== undefined) return path;
  const saved = lastCheckpoint(folder);
  const place = isFolder(resolve(io.cwd, name)) ? "in" : "beside";
  throw new CliError(`no weights: there is no ${WEIGHTS} ${place} ${name}`, [
    saved === undefined
      ? "train first and name the run's folder, or give a file with --weights"
      : `the run has not ended; take those of its last checkpoint: --weights ${quoted(shownPath(io.cwd, saved))}`,
  ]);
};

/** Values of every parameter as the engine holds them: from a weights file, else what a training begins with. */
export const stateValues = async (
  state: readonly StateEntry[],
  seed: number,
  weights: { readonly bytes: Uint8Array; readonly name: string } | undefined,
): Promise<Tensors> => {
  const params = state.filter(isWeight);
  if (weights === undefined)
    return Object.fromEntries(
      [
        ...initialState(
          state.filter((e) => isWeight(e) || e.kind === "mask"),
          seed,
        ),
      ].flatMap(([entry, values]) => (isWeight(entry) ? [[entry.name, values]] : [])),
    );
  const file = await openSafetensors(bytesReader(weights.bytes, weights.name));
  checkAgainst(
    params,
    file,
    weights.name,
    !params.some((entry) => entry.diskName === "lm_head.weight"),
  );
  return Object.fromEntries(
    await Promise.all(
      params.map(
        async (entry) => [entry.name, await readEntry(entry, file, weights.name)] as const,
      ),
    ),
  );
};

/** Counts an epoch's updates where the recipe's length is in epochs: the one thing about data that compiling needs. */
export const stepsPerEpoch = async (
  io: Io,
  target: Target,
  path: string,
): Promise<number | undefined> => {
  const { recipe, model } = target;
  if (recipe?.length.unit !== "epoch") return undefined;
  const host = nodeHost({ root: projectRoot(path), log: (line) => io.err(`${line}\n`) });
  return countSteps(
    { data: dataOf(recipe.data, vocabularyOf(model)), batch: recipe.batch.value },
    host,
  );
};
