// The files of a bundle: programs, their readable forms, the manifest, and the parts of the runtime that they need. Data in,
// named files out; nothing depends on where or when it was built.
import { CONFIG, MANIFEST } from "../../bundle/names.ts";
import { configText } from "../../bundle/config-text.ts";
import type { Manifest, ProgramName } from "../../bundle/manifest.ts";
import {
  filesOf,
  modelFolder,
  SAVED_MODEL_FILE,
  type ModelFile,
} from "../../bundle/saved-model.ts";
import type { Tensors } from "../../bundle/tensor.ts";
import type { Compilation, WrittenForm } from "../compilation.ts";
import { printGraph } from "../ir/text.ts";
import { cardKernelsOf, refusedKernelsOf } from "../lower/saved-model/forms.ts";
import { graphModel } from "../lower/graph-model/index.ts";
import { inPrimitives } from "../passes/index.ts";
import { fromFolderOf, isOverride, placeFinder } from "../places.ts";
import { number } from "../model/config.ts";
import type { ModelSpec } from "../semantics/spec.ts";
import { configOf } from "./config.ts";
import { entryModule } from "./entry-module.ts";
import { entryTypes } from "./entry-types.ts";
import { irJson } from "./ir-json.ts";
import { canonicalJson, fileEntries, placesOf, trainingFlops, type Files } from "./manifest.ts";
import { readme } from "./readme.ts";
import { sha256 } from "./sha256.ts";
import { numericsOf, trainingOf } from "./training.ts";
import { validatorText } from "./validator.ts";

/** What specc ships with each bundle; read by whoever calls the compiler. */
export interface Assets {
  readonly version: string;
  /** Compiled JavaScript by path below the bundle: "runtime/index.js", "bundle/tensor.js". */
  readonly runtime: ReadonlyMap<string, string>;
  readonly manifestSchema: object;
  /** Packages that the runtime imports, with their ranges. */
  readonly dependencies: Readonly<Record<string, string>>;
}
export interface Extras {
  /** Values of every parameter, as the engine holds them: makes the GraphModels. */
  readonly graphModel?: Tensors;
}

const parameterCount = (state: Manifest["state"]): number =>
  state.reduce((sum, s) => sum + (s.kind === "param" ? s.shape.reduce((a, b) => a * b, 1) : 0), 0);

/** Identifies what was compiled: the model and the recipe, all defaults filled. */
export const specHashOf = ({ model, recipe, checked }: Compilation): string =>
  sha256(canonicalJson({ edition: checked.edition, model, recipe }));

/** Fastest first. */
const ENGINES: readonly (readonly [engine: string, WrittenForm])[] = [
  ["tensorflow", "tensorflow"],
  ["wasm", "tfjs"],
  ["cpu", "tfjs"],
];

/** @param flops forward and backward, of one token or image */
const infoOf = (model: ModelSpec, parameters: number, flops: number): Manifest["model"] => {
  const shared = {
    name: model.name,
    layers: model.blocks.length,
    parameters,
    config: configOf(model),
  };
  if (model.kind === "decoder")
    return {
      ...{ kind: "decoder", ...shared, flopsPerToken: flops },
      vocabSize: model.vocab_size,
      hiddenSize: model.hidden_size,
      context: model.context,
    };
  return {
    ...{ kind: "image", ...shared, flopsPerImage: flops },
    height: number(model.input, "height"),
    width: number(model.input, "width"),
    channels: number(model.input, "channels"),
    classes: number(model.head, "classes"),
  };
};

export const manifestOf = (compilation: Compilation, version: string, files: Files): Manifest => {
  const { model, recipe, compiled, programs, checked, entry, forms } = compilation;
  const parameters = parameterCount(compiled.state);
  const entries = programs.map((program) => program.entry);
  return {
    formatVersion: 1,
    generator: { name: "specc", version },
    specHash: specHashOf(compilation),
    model: infoOf(model, parameters, trainingFlops(entries, parameters)),
    training: recipe === undefined ? null : trainingOf(recipe, compiled, model),
    numerics: numericsOf(recipe),
    state: compiled.state,
    programs: entries,
    places: placesOf(
      programs.map((program) => program.graph),
      placeFinder(checked.sources, entry),
    ),
    engines: ENGINES.filter(([, form]) => forms.includes(form)).map(([engine]) => engine),
    cardKernels: forms.includes("tensorflow")
      ? cardKernelsOf(programs.map((program) => program.graph))
      : [],
    refusedKernels: forms.includes("tensorflow")
      ? refusedKernelsOf(programs.map((program) => program.graph))
      : [],
    files: fileEntries(files),
  };
};

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/** Packages carry lower-case names. */
const packageJson = (name: string, dependencies: Assets["dependencies"]): string =>
  json({
    name: name
      .replaceAll(/([a-z0-9])([A-Z])/g, "$1-$2")
      .toLowerCase()
      .replaceAll(/^_+/g, ""),
    version: "0.0.0",
    private: true,
    type: "module",
    exports: { ".": { types: "./index.d.ts", import: "./index.js" } },
    engines: { node: ">=20.19" },
    dependencies,
  });

/** What stock TensorFlow.js can use: whole passes, and a token at a time with caches that go in and come out. */
const GRAPH_MODELS: ReadonlySet<string> = new Set<ProgramName>(["forward", "decode_step"]);
const graphModelFiles = (
  compilation: Compilation,
  state: Tensors,
): readonly (readonly [string, string | Uint8Array])[] =>
  compilation.programs.flatMap(({ graph }) => {
    if (!GRAPH_MODELS.has(graph.name)) return [];
    const files = graphModel(inPrimitives(graph), state);
    return Object.entries(files).map(
      ([name, content]) => [`graph-model/${graph.name}/${name}`, content] as const,
    );
  });

/** @param savedModel the bytes of saved_model.pb, asked for where the bundle has them */
export const bundleFiles = (
  compilation: Compilation,
  savedModel: (file: ModelFile) => Uint8Array,
  assets: Assets,
  extras: Extras,
): Files => {
  const { model, recipe, programs, checked, entry, forms } = compilation;
  const header = `// Generated by specc ${assets.version} from ${fromFolderOf(entry, entry)}, spec ${specHashOf(compilation).slice(0, 12)}: do not edit.\n`;
  const draft = manifestOf(compilation, assets.version, new Map());
  const files = new Map<string, string | Uint8Array>([
    ["index.js", header + entryModule(draft)],
    ["index.d.ts", header + entryTypes(draft)],
    ["package.json", packageJson(model.name, assets.dependencies)],
    ["README.md", readme(draft, model, recipe, fromFolderOf(entry, entry))],
    [CONFIG, configText(draft.model.config)],
    ["spec.json", json({ edition: checked.edition, model, recipe })],
    [
      "ir.json",
      irJson(
        programs.map((program) => program.graph),
        placeFinder(checked.sources, entry),
      ),
    ],
    ["validate-manifest.js", validatorText(assets.manifestSchema)],
    ...programs.flatMap(({ graph, module }) => [
      ...(module === undefined ? [] : [[`programs/${graph.name}.js`, module] as const]),
      [`programs/${graph.name}.ir`, printGraph(graph)] as const,
    ]),
    ...(forms.includes("tensorflow") ? filesOf(draft) : []).map(
      (file) => [`${modelFolder(file)}/${SAVED_MODEL_FILE}`, savedModel(file)] as const,
    ),
    ...checked.sources
      .filter((source) => !isOverride(source.path))
      .map(
        (source) =>
          [
            `source/${fromFolderOf(entry, source.path).replaceAll("../", "_/")}`,
            source.text,
          ] as const,
      ),
    ...assets.runtime,
    ...(extras.graphModel === undefined ? [] : graphModelFiles(compilation, extras.graphModel)),
  ]);
  files.set(MANIFEST, json(manifestOf(compilation, assets.version, files)));
  return files;
};
