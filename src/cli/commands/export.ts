// `specc export`: a folder that Hugging Face's libraries load, where they have the model's family; where they have not, what
// keeps the model from being one.
import { TOKENIZER, CONFIG, WEIGHTS_INDEX, WEIGHTS } from "../../bundle/names.ts";
import { basename, dirname, join, resolve } from "node:path";
import { configText } from "../../bundle/config-text.ts";
import { FileFault } from "../../bundle/file-fault.ts";
import type { SafetensorsFile } from "../../bundle/safetensors.ts";
import { accountOf } from "../../compiler/huggingface/account.ts";
import {
  familyNames,
  fitConfig,
  isOwnLayout,
  layoutFor,
  shapesOf,
  type Config,
  type Fit,
} from "../../compiler/huggingface/index.ts";
import { configFor, lostBefore5, saysModel } from "../../compiler/huggingface/save.ts";
import { asTheirs, inFormat } from "../../compiler/huggingface/views.ts";
import type { DecoderSpec } from "../../compiler/semantics/spec.ts";
import { nodeHost } from "../../runtime/node/index.ts";
import { openWeights } from "../../runtime/train/checkpoint.ts";
import type { Tokenizer } from "../../runtime/tokenizers/tokenizer.ts";
import { readTokenizerJson } from "../../runtime/tokenizers/tokenizer-json.ts";
import { CliError } from "../errors.ts";
import { isFile, readText, shownPath } from "../files.ts";
import { companionsIn } from "../huggingface/companions.ts";
import { readObject, weightsIn } from "../huggingface/folder.ts";
import {
  clearStale,
  dtypeOf,
  DTYPES,
  fillShards,
  indexText,
  sameShards,
  type DtypeName,
} from "../huggingface/shards.ts";
import { linkFile, placeText, writeTensors } from "../huggingface/weight-files.ts";
import type { Io } from "../io.ts";
import type { ChoiceOptions } from "../options.ts";
import { bundleTarget, checkedTarget, decoderOf, placeOf, refuseChoice } from "../target.ts";

export interface ExportOptions extends ChoiceOptions {
  readonly outDir: string;
  readonly weights?: string;
  readonly dtype?: DtypeName;
  /** Bytes. */
  readonly maxShardSize?: number;
  readonly compat?: "v4";
  readonly overwrite?: boolean;
  readonly json?: boolean;
}

const GENERATION = "generation_config.json";
/** That of the libraries. */
const SHARD_BYTES = 5e9;

const findModel = (
  io: Io,
  version: string,
  name: string,
  options: ExportOptions,
): { readonly model: DecoderSpec; readonly folder: string } => {
  const place = placeOf(io, name);
  if (place.kind === "arch") {
    const { model } = checkedTarget(io, version, place.path, options, "unused");
    return { model: decoderOf(model), folder: dirname(place.path) };
  }
  refuseChoice(name, options);
  return { model: decoderOf(bundleTarget(io, place.path).model), folder: place.path };
};

/** Differences that are told. */
const MOST = 6;

const familyFor = (model: DecoderSpec, base: Config): Fit => {
  const fit = fitConfig(model, base);
  if (fit.differences.length === 0) return fit;
  const families = `families: ${familyNames.join(", ")}`;
  const problem = `${model.name} is of no family that specc writes`;
  if (fit.distance === Infinity) throw new CliError(problem, [families], 1);
  const { length } = fit.differences;
  const more = length > MOST ? [`and ${length - MOST} more`] : [];
  throw new CliError(
    `${problem}; the nearest is ${fit.family.name}, but`,
    [...fit.differences.slice(0, MOST), ...more, families],
    1,
  );
};

const checkWeights = (
  stored: SafetensorsFile,
  model: DecoderSpec,
  fit: Fit,
  shown: string,
): void => {
  const ours = shapesOf(model);
  const account = accountOf(
    fit.family,
    new Map([...ours.keys()].map((name) => [name, name])),
    ours,
    stored.infos,
    model.head["tied"] === true,
  );
  const wrong = [
    ...account.missing.map((name) => `missing: ${name}`),
    ...account.unexpected.map((name) => `not in the model: ${name}`),
    ...account.mistyped.map(({ name, format }) => `${name} is ${format}, the model's are floats`),
    ...account.misshapen.map(
      ({ name, found, expected }) =>
        `${name} is [${found.join(", ")}], the model's is [${expected.join(", ")}]`,
    ),
  ];
  if (wrong.length > 0) throw new CliError(`${shown} does not fit the model`, wrong.slice(0, 8), 1);
};

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/** Undefined: specc does not read it, and it goes along all the same. */
const tokenizerIn = async (folder: string): Promise<Tokenizer | undefined> => {
  const path = join(folder, TOKENIZER);
  try {
    return await readTokenizerJson(readText(path), path);
  } catch (error) {
    if (error instanceof FileFault) return undefined;
    throw error;
  }
};

/** The texts beside the weights that are not simply taken along. */
const textFiles = async (
  folder: string,
  given: {
    readonly fit: Fit;
    readonly model: DecoderSpec;
    readonly dtype: string;
    readonly base: Config;
    readonly compat: ExportOptions["compat"];
  },
): Promise<ReadonlyMap<string, string>> => {
  const { fit, model, dtype, base, compat } = given;
  const files = new Map<string, string>();
  const companions = companionsIn(folder);
  const use = companions.includes(GENERATION)
    ? readObject(join(folder, GENERATION), GENERATION)
    : {};
  // A run's config.json knows the model alone, and says null.
  const known = base["eos_token_id"] ?? use["eos_token_id"];
  const tokens = companions.includes(TOKENIZER) ? await tokenizerIn(folder) : undefined;
  const separator = tokens?.separator;
  const end = known ?? separator ?? null;
  const begin = base["bos_token_id"] ?? use["bos_token_id"] ?? null;

  const stays =
    compat === undefined &&
    end === (base["eos_token_id"] === undefined ? (known ?? null) : base["eos_token_id"]) &&
    (base["dtype"] ?? base["torch_dtype"]) === dtype &&
    saysModel(base, fit, model);
  // Said also where there is none: the library's defaults are ids of another vocabulary.
  const own = { dtype, bos_token_id: begin, eos_token_id: end };
  const config = configFor(fit, model, base, own, compat);
  const lost = compat === "v4" ? lostBefore5(config, fit, model) : [];
  if (lost.length > 0)
    throw new CliError(
      `transformers 4 does not compute ${model.name}`,
      [...lost.slice(0, MOST), "without --compat v4 it is written for transformers 5"],
      1,
    );
  files.set(CONFIG, stays ? readText(join(folder, CONFIG)) : configText(config));
  if (!companions.includes(GENERATION)) files.set(GENERATION, json({ eos_token_id: end }));
  if (companions.includes(TOKENIZER) && !companions.includes("tokenizer_config.json"))
    files.set(
      "tokenizer_config.json",
      json({
        tokenizer_class: "PreTrainedTokenizerFast",
        model_max_length: model.context,
        ...(separator !== undefined && { eos_token: tokens?.decode([separator]) }),
      }),
    );
  return files;
};

export const exportModel = async (
  io: Io,
  version: string,
  name: string,
  options: ExportOptions,
): Promise<number> => {
  const { model, folder } = findModel(io, version, name, options);
  const basePath = join(folder, CONFIG);
  const base = isFile(basePath) ? readObject(basePath, shownPath(io.cwd, basePath)) : {};
  const fit = familyFor(model, base);
  const { family } = fit;
  const path =
    options.weights === undefined
      ? weightsIn(folder, shownPath(io.cwd, folder), [
          "train first and export the run's folder, or give a file with --weights",
        ])
      : resolve(io.cwd, options.weights);
  const out = resolve(io.cwd, options.outDir);
  if (out === folder) throw new CliError(`${options.outDir} is where the model lies; name another`);
  const replace = options.overwrite === true;

  const stored = await openWeights(nodeHost(), path);
  try {
    checkWeights(stored, model, fit, shownPath(io.cwd, path));
    const layout = layoutFor(family, shapesOf(model));
    const theirs = asTheirs(stored, layout);
    const source = options.dtype === undefined ? theirs : inFormat(theirs, DTYPES[options.dtype]);
    const names = [...layout.keys()];
    const shards =
      stored.shards !== undefined && options.maxShardSize === undefined && isOwnLayout(layout)
        ? sameShards(names, stored.shards)
        : fillShards(source, names, options.maxShardSize ?? SHARD_BYTES);
    const dtype = dtypeOf(source);
    const texts = await textFiles(folder, { fit, model, dtype, base, compat: options.compat });

    clearStale(out, shards, replace);
    for (const [file, tensors] of shards)
      await writeTensors(join(out, file), source, tensors, {}, replace);
    if (!shards.has(WEIGHTS))
      placeText(join(out, WEIGHTS_INDEX), indexText(source, shards), replace);
    for (const [file, text] of texts) placeText(join(out, file), text, replace);
    const companions = companionsIn(folder);
    for (const file of companions) await linkFile(join(folder, file), join(out, file), replace);

    const shown = shownPath(io.cwd, out);
    const { architecture } = family;
    const files = [
      ...shards.keys(),
      ...(shards.has(WEIGHTS) ? [] : [WEIGHTS_INDEX]),
      ...texts.keys(),
      ...companions,
    ];
    if (options.json === true)
      io.out(
        json({
          formatVersion: "1.0",
          family: family.name,
          architecture,
          reader: family.reader ?? "transformers",
          folder: shown,
          dtype,
          tensors: source.infos.size,
          files,
        }),
      );
    if (options.quiet !== true)
      io.err(
        `${shown}: ${model.name} as a ${architecture}, ${source.infos.size} tensors of ${dtype}\n${
          family.reader ??
          `transformers loads it: ${architecture}.from_pretrained("${basename(out)}")`
        }\n`,
      );
    return 0;
  } finally {
    await stored.close();
  }
};
