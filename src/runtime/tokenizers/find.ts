// The tokenizer that belongs to a model: what lies beside its weights goes first, then the recipe's, then bytes.
import { CONFIG, TOKENIZER } from "../../bundle/names.ts";
import { FileFault } from "../../bundle/file-fault.ts";
import type { Manifest } from "../../bundle/manifest.ts";
import { decoderOf, textOf } from "../../bundle/kinds.ts";
import { fromRoot, joinPath, readText, type Host } from "../host.ts";
import { readObject, type Beside } from "./beside.ts";
import { listOf } from "./file.ts";
import { bytesTokenizer, type Tokenizer } from "./tokenizer.ts";
import { readTokenizerJson } from "./tokenizer-json.ts";

/** `eos_token_id`, one or several: generation_config.json says it for the use, config.json for the model. */
export const endsIn = async (beside: Beside): Promise<readonly number[]> => {
  for (const name of ["generation_config.json", CONFIG]) {
    const { eos_token_id: given } = await readObject(beside, name);
    const ids = (typeof given === "number" ? [given] : listOf(given)).filter(
      (id): id is number => typeof id === "number",
    );
    if (ids.length > 0) return ids;
  }
  return [];
};

const tokenizerBeside = async (beside: Beside): Promise<Tokenizer | undefined> => {
  const text = await beside.read(TOKENIZER);
  if (text === undefined) return undefined;
  const tokenizer = await readTokenizerJson(text, joinPath(beside.where, TOKENIZER));
  const ends = await endsIn(beside);
  return ends.length === 0 ? tokenizer : { ...tokenizer, ends, separator: ends[0] };
};

/** A vocabulary of bytes, with at most one token more that ends a text. */
export const mayBeBytes = (vocabSize: number): boolean =>
  vocabSize === bytesTokenizer.size || vocabSize === bytesTokenizer.size + 1;

/** Others trained a model that comes with a config, and by tokens that only their file knows. */
const isBytes = async (beside: Beside | undefined, vocabSize: number): Promise<boolean> =>
  vocabSize >= bytesTokenizer.size &&
  (mayBeBytes(vocabSize) || beside === undefined || (await beside.read(CONFIG)) === undefined);

/** None where nothing says how a text becomes tokens. */
export const tokenizerOf = async (
  host: Host,
  manifest: Manifest,
  beside: Beside | undefined,
): Promise<Tokenizer | undefined> => {
  const found = beside === undefined ? undefined : await tokenizerBeside(beside);
  if (found !== undefined) return found;
  const { training } = manifest;
  if (training !== null) {
    const spec = textOf(training.data).tokenizer;
    if (spec.kind === "bytes") return bytesTokenizer;
    const path = fromRoot(host, spec.file);
    return readTokenizerJson(await readText(host, path), path);
  }
  const { vocabSize } = decoderOf(manifest);
  return (await isBytes(beside, vocabSize)) ? bytesTokenizer : undefined;
};

export const findTokenizer = async (
  host: Host,
  manifest: Manifest,
  beside: Beside | undefined,
): Promise<Tokenizer> => {
  const found = await tokenizerOf(host, manifest, beside);
  if (found !== undefined) return found;
  const { vocabSize } = decoderOf(manifest);
  throw new FileFault(
    beside === undefined ? TOKENIZER : joinPath(beside.where, TOKENIZER),
    `there is none beside the weights, and a vocabulary of ${vocabSize} is not one of bytes`,
    `put the model's own ${TOKENIZER} there, or give the model a recipe that names its tokenizer`,
  );
};
