// Hugging Face's config.json to a model and back. A family is found by the model type; writing tries the families and takes
// the one whose config, read again, gives the same model.
import { diskNames, diskShape } from "../../bundle/disk.ts";
import { FileFault } from "../../bundle/file-fault.ts";
import { analyze } from "../analyze.ts";
import { InternalError } from "../diagnostics/types.ts";
import { archText } from "./arch-text.ts";
import { features } from "../features/index.ts";
import { stateEntry } from "../model/parameters.ts";
import { parametersOf } from "../model/parameters-of.ts";
import { isVariant } from "../semantics/spec-values.ts";
import type { DecoderSpec, Value } from "../semantics/spec.ts";
import { configReader, type Config, type ConfigReader, type Missing } from "./config-reader.ts";
import { families as known } from "./families/index.ts";
import type { Draft, Family } from "./family.ts";
import { layoutOf, type Layout, type Shapes } from "./layout.ts";
import { differences } from "./same-model.ts";

export type { Config, Family, Layout, Shapes };

const families: readonly Family[] = [
  ...known,
  ...features.flatMap((feature) => feature.families ?? []),
];
/** Names of families, for messages. */
export const familyNames: readonly string[] = families.map(({ name }) => name);

/** Whether a config is of a family, as far as it tells by itself. */
export const isOf = (
  { name, recognises }: Family,
  config: Config,
  tensors: ReadonlySet<string> = new Set(),
): boolean => recognises?.(config, tensors) ?? config["model_type"] === name;

export const familyOf = (config: Config, tensors: ReadonlySet<string>, file: string): Family => {
  // What is told by more than the type goes first.
  const order = [...families].sort(
    (a, b) => Number(b.recognises !== undefined) - Number(a.recognises !== undefined),
  );
  const found = order.find((family) => isOf(family, config, tensors));
  const type = config["model_type"];
  if (found !== undefined) return found;
  if (type === undefined)
    throw new FileFault(file, "model_type is missing", "give it with --set model_type=<name>");
  throw new FileFault(
    file,
    `model_type ${JSON.stringify(type)} is not known`,
    `known: ${familyNames.join(", ")}`,
  );
};

export interface Imported {
  readonly family: Family;
  readonly model: DecoderSpec;
  /** The `.arch` file, before the formatter. */
  readonly text: string;
  /** Keys of config.json that nothing in the model comes from. */
  readonly kept: readonly string[];
}

/** Said in config.json, of no consequence for what a model computes. */
const TALK: ReadonlySet<string> = new Set([
  "architectures", "model_type", "transformers_version", "dtype", "torch_dtype", "use_cache", "bos_token_id", "eos_token_id",
  "_name_or_path", "auto_map", "pretraining_tp", "attention_dropout", "output_attentions", "output_hidden_states",
]); // prettier-ignore

const NAME = "Model";
const textOf = (draft: Draft, name: string, doc: readonly string[]): string =>
  `spec 1\n\n${archText({ name, doc, keys: draft.model, blocks: draft.blocks })}`;

const specOf = (text: string, name: string, file: string): DecoderSpec => {
  const { spec, diagnostics } = analyze("imported.arch", {
    read: () => text,
    resolveImport: () => ({ fault: "nothing is imported" }),
  });
  const model = spec?.models[name];
  if (model?.kind === "decoder") return model;
  const [first] = diagnostics;
  throw new FileFault(file, `is no model that specc can build: ${first?.message ?? "unknown"}`);
};

const missingFault = (missing: readonly Missing[], file: string): FileFault => {
  const keys = missing.map(({ key }) => key).join(", ");
  const options = missing.map(({ key, kind }) => `--set ${key}=<${kind}>`).join(" ");
  return missing.length === 1
    ? new FileFault(file, `${keys} is missing`, `give it with ${options}`)
    : new FileFault(file, `${keys} are missing`, `give them with ${options}`);
};
/** Keys that were found missing are told together, and before a value that is wrong. */
const draftOf = (family: Family, reader: ConfigReader): Draft => {
  let draft: Draft | undefined;
  let fault: unknown;
  try {
    draft = family.read(reader);
  } catch (error) {
    fault = error;
  }
  const missing = reader.missing();
  if (missing.length > 0) throw missingFault(missing, reader.file);
  if (draft === undefined) throw fault;
  return draft;
};

/** The model that a family makes of a config. */
export const readModel = (family: Family, reader: ConfigReader): DecoderSpec =>
  specOf(textOf(draftOf(family, reader), NAME, []), NAME, reader.file);

/** @param doc lines of documentation, made from the model itself */
export const importConfig = (
  config: Config,
  given: {
    readonly file: string;
    readonly tensors: ReadonlySet<string>;
    readonly name: string;
    readonly doc: (family: Family, model: DecoderSpec) => readonly string[];
  },
): Imported => {
  const family = familyOf(config, given.tensors, given.file);
  if (config["quantization_config"] !== undefined)
    throw new FileFault(
      given.file,
      "its weights are quantized (quantization_config), which specc does not read",
      "save it once with dequantized weights",
    );
  const reader = configReader(config, given.file);
  const draft = draftOf(family, reader);
  const model = specOf(textOf(draft, given.name, []), given.name, given.file);
  return {
    family,
    model,
    text: textOf(draft, given.name, given.doc(family, model)),
    kept: reader.unread().filter((key) => !TALK.has(key)),
  };
};

export interface Fit {
  readonly family: Family;
  readonly config: Config;
  /** Why the family is not this model; empty when it is. */
  readonly differences: readonly string[];
  /** Infinity: it has no words for the model at all. */
  readonly distance: number;
}
const written = (family: Family, model: DecoderSpec): Config => ({
  architectures: [family.architecture],
  model_type: family.name,
  ...Object.fromEntries(
    Object.entries(family.write(model)).filter(([, value]) => value !== undefined),
  ),
});
const fit = (family: Family, model: DecoderSpec): Fit => {
  const config = written(family, model);
  try {
    const back = readModel(family, configReader(config, "config.json"));
    const found = differences(model, back);
    const distance = found.reduce((sum, { weight }) => sum + weight, 0);
    return { family, config, differences: found.map(({ text }) => text), distance };
  } catch (error) {
    if (!(error instanceof FileFault)) throw error;
    const fault = error.message.replace(/^config\.json: /, "");
    return { family, config, differences: [fault], distance: Infinity };
  }
};

/** The family that a model belongs to, else the nearest and what it lacks. `base`: the config it came with goes first. */
export const fitConfig = (model: DecoderSpec, base: Config = {}): Fit => {
  const first = families.find((family) => isOf(family, base));
  let best: Fit | undefined;
  for (const family of first === undefined ? families : [first, ...families]) {
    const found = fit(family, model);
    if (found.differences.length === 0) return found;
    if (best === undefined || found.distance < best.distance) best = found;
  }
  if (best === undefined) throw new InternalError("there are no families");
  return best;
};

/** Kinds of softmax attention are one. */
const kindOf = (value: Value | undefined): string | undefined =>
  isVariant(value) ? value.is.replace(/^(gqa|mqa)$/, "mha") : undefined;
/** A first look that saves the second: whether the blocks of a family are made of the same constructors. */
const resembles = (family: Family, model: DecoderSpec): boolean => {
  try {
    const { blocks } = draftOf(family, configReader(written(family, model), "config.json"));
    return model.blocks.every((block, l) =>
      ["norm", "attention", "ffn", "scaling"].every(
        (key) => kindOf(block[key]) === kindOf(blocks[l]?.[key]),
      ),
    );
  } catch (error) {
    if (error instanceof FileFault) return false;
    throw error;
  }
};
/** The config of a library that computes the model from specc's own files; undefined when there is none. */
export const claimConfig = (model: DecoderSpec): Config | undefined => {
  const ours = shapesOf(model);
  return families
    .filter(({ reader }) => reader === undefined)
    .filter((family) => isOwnLayout(layoutFor(family, ours)) && resembles(family, model))
    .map((family) => fit(family, model))
    .find((found) => found.differences.length === 0)?.config;
};

/** specc's tensors of a model as they lie on disk. */
export const shapesOf = (model: DecoderSpec): Shapes =>
  new Map(
    parametersOf(model, features).flatMap((parameter) => {
      const entry = stateEntry(parameter);
      return diskNames(entry).map((name) => [name, diskShape(entry)] as const);
    }),
  );

/** Whether a folder of specc's weights is the family's as it stands. */
export const isOwnLayout = (layout: Layout): boolean =>
  [...layout].every(([theirs, made]) => theirs === made);

export const layoutFor = (family: Family, ours: Shapes): Layout =>
  layoutOf(family.tensors ?? [], ours);
