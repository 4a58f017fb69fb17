// Byte-level BPE as tokenizer.json describes it. A part that is not known here is told: a tokenizer that is nearly right would be
// worse than none.
import { addedTokensOf } from "./added-tokens.ts";
import type { BpeModel } from "./bpe.ts";
import { isObject, listOf, type Fault, type Json, type TokenizerFile } from "./file.ts";
import { normalizerOf } from "./normalizers.ts";
import { byteSplits } from "./splits.ts";
import { BYTE_CHARACTERS } from "./tokenizer.ts";

const mergesOf = (json: unknown, fault: Fault): BpeModel["merges"] =>
  listOf(json).map((merge, i) => {
    const [a, b, ...rest] = typeof merge === "string" ? merge.split(" ") : listOf(merge);
    if (typeof a !== "string" || typeof b !== "string" || rest.length > 0)
      throw fault(`merge ${i} is not a pair of tokens`);
    return [a, b];
  });

const vocabOf = (json: Json, fault: Fault): ReadonlyMap<string, number> => {
  const vocab = new Map<string, number>();
  for (const [token, id] of Object.entries(json)) {
    if (typeof id !== "number" || !Number.isInteger(id) || id < 0 || id >= 2 ** 24)
      throw fault(`token ${JSON.stringify(token)} has no id`);
    vocab.set(token, id);
  }
  return vocab;
};

const off = (x: unknown): boolean => [undefined, null, false, "", 0].includes(x as null);
/** What a BPE has that changes its merges and is not known here. */
export const bpeOption = (model: Json): string | undefined =>
  ["dropout", "continuing_subword_prefix", "end_of_word_suffix"].find((key) => !off(model[key]));
/** Nothing is unknown where every byte has its token. */
const unknownOption = (model: Json, vocab: Json): string | undefined =>
  BYTE_CHARACTERS.every((c) => Object.hasOwn(vocab, c))
    ? undefined
    : ["unk_token", "byte_fallback"].find((key) => !off(model[key]));

/** Undefined: no byte-level BPE. */
export const byteLevelModel = ({
  json,
  model,
  begin,
  fault,
}: TokenizerFile): BpeModel | undefined => {
  const known = model["vocab"];
  const splits = byteSplits(json["pre_tokenizer"]);
  if (model["type"] !== "BPE" || !isObject(known) || splits === undefined) return undefined;
  const normalize = normalizerOf(json["normalizer"]);
  const option = bpeOption(model) ?? unknownOption(model, known);
  if (option !== undefined) throw fault(`byte-level BPE with ${option} is not supported`);
  if (typeof splits === "string") throw fault(`the pre-tokenizer ${splits} is not supported`);
  if (typeof normalize === "string") throw fault(`the normalizer ${normalize} is not supported`);

  const vocab = vocabOf(known, fault);
  const merges = mergesOf(model["merges"], fault);
  for (const [a, b] of merges) {
    const unknown = [a, b, a + b].find((token) => !vocab.has(token));
    if (unknown !== undefined)
      throw fault(`a merge uses ${JSON.stringify(unknown)}, which is not in the vocab`);
  }
  const added = addedTokensOf(json["added_tokens"], fault);
  const ignoreMerges = model["ignore_merges"] === true;
  return { vocab, merges, added, normalize, splits, ignoreMerges, begin };
};
