// The data of a recipe: files, tokenizer and windows of text, or images.
import { FileFault } from "../../bundle/file-fault.ts";
import type { DataSpec, TextData, TokenizerSpec, TrainingSpec } from "../../bundle/manifest.ts";
import { codeOf } from "../file-errors.ts";
import { fromRoot, replaceFile, type Host } from "../host.ts";
import { besideWeights } from "../tokenizers/beside.ts";
import { endsIn } from "../tokenizers/find.ts";
import { bytesTokenizer, type Tokenizer } from "../tokenizers/tokenizer.ts";
import { readTokenizerJson } from "../tokenizers/tokenizer-json.ts";
import { LEAST_TOKENS, trainBpe } from "../tokenizers/train-bpe.ts";
import { stepsFor } from "./batches.ts";
import { findFiles, readDocuments } from "./files.ts";
import type { Samples } from "./samples.ts";
import { loadImages, type LoadedImages } from "./images/index.ts";
import { splitDocument, textData, type TextParts } from "./windows.ts";

export { stepsFor, trainingOrder, type TrainingOrder } from "./batches.ts";
export { findFiles, readDocuments } from "./files.ts";
export { checkFits, imageSamples, type ImageSet, type LoadedImages } from "./images/index.ts";
export { SHAPES } from "./images/shapes.ts";
export type { Batch, Picked, Samples } from "./samples.ts";
export { textData, windowsOver, type TextParts, type Windows } from "./windows.ts";

const tokenizerFile = async (
  spec: TokenizerSpec & { readonly kind: "bpe" },
  host: Host,
): Promise<string | undefined> => {
  try {
    return new TextDecoder().decode(await host.readFile(fromRoot(host, spec.file)));
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
};

/** `write`: false keeps a tokenizer that had to be trained in memory only. */
export interface LoadOptions {
  readonly write?: boolean;
}
export interface LoadedText extends TextParts {
  readonly kind: "text";
  readonly tokenizer: Tokenizer;
  readonly files: readonly string[];
}
export type LoadedData = LoadedText | LoadedImages;

/** What is held out; text with the tokenizer that made it. */
export type HeldOut =
  | { readonly kind: "text"; readonly samples: Samples; readonly tokenizer: Tokenizer }
  | { readonly kind: "images"; readonly samples: Samples };
/** What is held out for evaluation; undefined when nothing is. */
export const heldOut = (data: LoadedData): HeldOut | undefined => {
  const { validation: samples } = data;
  if (samples === undefined) return undefined;
  return data.kind === "text"
    ? { kind: "text", samples, tokenizer: data.tokenizer }
    : { kind: "images", samples };
};

/** Reads the data of a recipe. A missing BPE file is trained on the training part of its text, and written, once. */
export const loadData = async (
  data: DataSpec,
  host: Host,
  options: LoadOptions = {},
): Promise<LoadedData> =>
  data.kind === "text" ? loadText(data, host, options) : loadImages(data, host);

export const loadText = async (
  data: TextData,
  host: Host,
  options: LoadOptions = {},
): Promise<LoadedText> => {
  const files = await findFiles(data, host);
  const documents = await readDocuments(files, host);
  const tokenizer = await tokenizerFor(data, documents, host, options.write ?? true);
  return { kind: "text", ...textData(documents, data, tokenizer), tokenizer, files };
};

/** What is odd about data so few that a training on them will not be what was meant. */
export const shortcomings = (
  loaded: LoadedData,
  data: DataSpec,
  batch: number,
): readonly string[] => {
  if (loaded.kind === "images") {
    const { count } = loaded.train;
    return count < batch
      ? [
          `the training set has ${count} images, less than one batch of ${batch}: each update sees some of them twice`,
        ]
      : [];
  }
  if (data.kind !== "text") return [];
  const { train, validation } = loaded;
  const little =
    train.tokens < data.sequence
      ? `the training text has ${train.tokens} tokens, less than one sequence of ${data.sequence}: what is missing is filled up and does not count`
      : train.count < batch
        ? `the training text makes ${train.count} sequences of ${data.sequence} tokens, less than one batch of ${batch}: each update sees some of them twice`
        : undefined;
  return [
    ...(little === undefined ? [] : [little]),
    ...(validation === undefined && data.split[1] > 0
      ? ["the text is too short to hold a part of it out: nothing is evaluated"]
      : []),
  ];
};

/** A token that ends texts under a name of its own is known by the files beside it: <｜end▁of▁sentence｜> of DeepSeek. */
const withSeparator = async (tokenizer: Tokenizer, path: string, host: Host): Promise<Tokenizer> =>
  tokenizer.separator === undefined
    ? { ...tokenizer, separator: (await endsIn(besideWeights(host, path)))[0] }
    : tokenizer;

const tokenizerFor = async (
  data: TextData,
  documents: readonly string[],
  host: Host,
  write: boolean,
): Promise<Tokenizer> => {
  const spec = data.tokenizer;
  if (spec.kind === "bytes") return bytesTokenizer;
  const path = fromRoot(host, spec.file);
  const text = await tokenizerFile(spec, host);
  if (text !== undefined) {
    const tokenizer = await readTokenizerJson(text, path);
    if (tokenizer.size <= spec.size) return withSeparator(tokenizer, path, host);
    throw new FileFault(
      path,
      `has ${tokenizer.size} tokens, the model's vocabulary ${spec.size}`,
      `set vocab_size = ${tokenizer.size}`,
    );
  }
  if (spec.size < LEAST_TOKENS)
    throw new FileFault(
      path,
      `does not exist, and cannot be trained: tokens of bytes are ${LEAST_TOKENS} at least, the model's vocabulary is ${spec.size}`,
      `set vocab_size = ${LEAST_TOKENS} or more, or use tokenizer: bytes()`,
    );
  host.log(`training a tokenizer of ${spec.size} tokens: ${spec.file} does not exist yet`);
  const tokenizer = trainBpe(
    documents.map((document) => splitDocument(document, data.split)[0]),
    spec.size,
  );
  if (write) await replaceFile(host, path, tokenizer.toJson());
  return tokenizer;
};

/** How many updates an epoch takes: the compiler needs it where a length is in epochs. Writes nothing. */
export const stepsPerEpoch = async (
  training: Pick<TrainingSpec, "data" | "batch">,
  host: Host,
): Promise<number> =>
  stepsFor((await loadData(training.data, host, { write: false })).train, 1, training.batch);
