// The data of a recipe: files, tokenizer, windows.
import { FileFault } from "../../bundle/file-fault.ts";
import type { DataSpec, TokenizerSpec, TrainingSpec } from "../../bundle/manifest.ts";
import { codeOf, joinPath, readText, replaceFile, type Host } from "../host.ts";
import { bytesTokenizer, type Tokenizer } from "../tokenizers/tokenizer.ts";
import { readTokenizerJson } from "../tokenizers/tokenizer-json.ts";
import { trainBpe } from "../tokenizers/train-bpe.ts";
import { stepsFor } from "./batches.ts";
import { findFiles, readDocuments } from "./files.ts";
import { splitDocument, textData, type TextData } from "./windows.ts";

export { batchOf, stepsFor, trainingOrder, type Batch, type TrainingOrder } from "./batches.ts";
export { findFiles, readDocuments } from "./files.ts";
export { textData, windowsOver, type TextData, type Windows } from "./windows.ts";

/** A path of a recipe: absolute, or from the project root. */
export const fromRoot = (host: Host, path: string): string =>
  path.startsWith("/") ? path : joinPath(host.root, path);

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

/** The tokenizer of a spec when its file exists: generation needs no training text. */
export const openTokenizer = async (spec: TokenizerSpec, host: Host): Promise<Tokenizer> => {
  if (spec.kind === "bytes") return bytesTokenizer;
  const path = fromRoot(host, spec.file);
  return readTokenizerJson(await readText(host, path), path);
};

/** `write`: false keeps a tokenizer that had to be trained in memory only. */
export interface LoadOptions {
  readonly write?: boolean;
}
export interface LoadedData extends TextData {
  readonly tokenizer: Tokenizer;
  readonly files: readonly string[];
}
/** Reads the text of a recipe. A missing BPE file is trained on its training part, and written, once. */
export const loadData = async (
  data: DataSpec,
  host: Host,
  options: LoadOptions = {},
): Promise<LoadedData> => {
  const files = await findFiles(data, host);
  const documents = await readDocuments(files, host);
  const tokenizer = await tokenizerFor(data, documents, host, options.write ?? true);
  return { ...textData(documents, data, tokenizer), tokenizer, files };
};

const tokenizerFor = async (
  data: DataSpec,
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
    if (tokenizer.size <= spec.size) return tokenizer;
    throw new FileFault(
      path,
      `has ${tokenizer.size} tokens, the model's vocabulary ${spec.size}`,
      `set vocab_size = ${tokenizer.size}`,
    );
  }
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
