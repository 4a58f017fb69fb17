// Byte-level BPE as tokenizer.json describes it: the built-in split or patterns of its own, and Unicode normalization. What has
// any more to it is not ours: a tokenizer that is nearly right would be worse than none.
import { GPT2_SPLIT, type BpeModel } from "./bpe.ts";
import { BYTE_CHARACTERS } from "./tokenizer.ts";
import { isObject, listOf, partsOf, type Fault, type Json, type TokenizerFile } from "./file.ts";

/** Oniguruma's inline `(?i:` exists in no JavaScript of Node 20: the letters inside are doubled instead. */
const withoutInlineFlags = (pattern: string): string =>
  pattern.replaceAll(/\(\?i:((?:[^()\\]|\\.)*)\)/g, (_, inner: string) => {
    const inClass = (text: string, at: number): boolean =>
      text.lastIndexOf("[", at) > text.lastIndexOf("]", at);
    const both = inner.replaceAll(/\\.|[a-zA-Z]/g, (c, at: number) => {
      if (c.startsWith("\\")) return c;
      const pair = c.toLowerCase() + c.toUpperCase();
      return inClass(inner, at) ? pair : `[${pair}]`;
    });
    return `(?:${both})`;
  });

/** Oniguruma's classes are Unicode's, those of JavaScript are not. */
const CLASSES: Readonly<Record<string, string>> = {
  s: "\\p{White_Space}",
  S: "\\P{White_Space}",
  d: "\\p{Nd}",
  D: "\\P{Nd}",
};
const withUnicodeClasses = (pattern: string): string =>
  pattern.replaceAll(/\\(.)/gs, (escaped, c: string) => CLASSES[c] ?? escaped);

/** Undefined: no pattern that JavaScript knows as it is. */
const splitPattern = (part: Json): RegExp | undefined => {
  const pattern = isObject(part["pattern"]) ? part["pattern"] : {};
  const { Regex: regex, String: literal } = pattern;
  if (part["behavior"] !== "Isolated" || part["invert"] === true) return undefined;
  try {
    if (typeof regex === "string")
      return new RegExp(withUnicodeClasses(withoutInlineFlags(regex)), "gu");
    if (typeof literal === "string")
      return new RegExp(literal.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&"), "gu");
  } catch {
    // the library has more ways to read a pattern
  }
  return undefined;
};

interface Splits {
  readonly split: readonly RegExp[];
  readonly addPrefixSpace: boolean;
}
const splitsOf = (preTokenizer: unknown): Splits | undefined => {
  const split: RegExp[] = [];
  let byteLevel: Json | undefined;
  for (const part of partsOf(preTokenizer, "pretokenizers")) {
    // What comes after the bytes would split their characters.
    if (byteLevel !== undefined) return undefined;
    if (part["type"] === "ByteLevel") {
      byteLevel = part;
      if (part["use_regex"] !== false) split.push(GPT2_SPLIT);
    } else if (part["type"] === "Split") {
      const pattern = splitPattern(part);
      if (pattern === undefined) return undefined;
      split.push(pattern);
    } else if (part["type"] === "Digits" && part["individual_digits"] === true)
      split.push(/\p{N}/gu);
    else return undefined;
  }
  return byteLevel && { split, addPrefixSpace: byteLevel["add_prefix_space"] === true };
};

const normalizerOf = (json: unknown): BpeModel["normalize"] | undefined => {
  const forms = partsOf(json, "normalizers").map(({ type }) => type);
  const known = forms.filter(
    (type) => type === "NFC" || type === "NFD" || type === "NFKC" || type === "NFKD",
  );
  if (known.length < forms.length) return undefined;
  return (text) => known.reduce((normal, form) => normal.normalize(form), text);
};

const mergesOf = (json: unknown, fault: Fault): BpeModel["merges"] =>
  listOf(json).map((merge, i) => {
    const [a, b, ...rest] = typeof merge === "string" ? merge.split(" ") : listOf(merge);
    if (typeof a !== "string" || typeof b !== "string" || rest.length > 0)
      throw fault(`merge ${i} is not a pair of tokens`);
    return [a, b];
  });

/** Taken where they stand, and nothing else is done to the text around them. */
const isPlain = (token: Json): boolean =>
  ["single_word", "lstrip", "rstrip"].every((flag) => token[flag] !== true);
const tokensOf = (json: unknown, fault: Fault): readonly Json[] =>
  listOf(json).map((token) => {
    if (isObject(token) && typeof token["id"] === "number" && typeof token["content"] === "string")
      return token;
    throw fault("an added token has no id or content");
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

const off = (x: unknown): boolean => x === undefined || x === null || x === false || x === "";

/** Undefined when the file asks for more than byte-level BPE. */
export const byteLevelModel = ({
  json,
  model,
  begin,
  fault,
}: TokenizerFile): BpeModel | undefined => {
  const known = model["vocab"];
  const more = ["byte_fallback", "continuing_subword_prefix", "end_of_word_suffix"];
  if (model["type"] !== "BPE" || !isObject(known) || !more.every((key) => off(model[key])))
    return undefined;
  // Nothing is unknown where every byte has its token.
  if (!off(model["unk_token"]) && !BYTE_CHARACTERS.every((c) => Object.hasOwn(known, c)))
    return undefined;
  const splits = splitsOf(json["pre_tokenizer"]);
  const normalize = normalizerOf(json["normalizer"]);
  const added = tokensOf(json["added_tokens"], fault);
  if (splits === undefined || normalize === undefined || !added.every(isPlain)) return undefined;

  const vocab = vocabOf(known, fault);
  const merges = mergesOf(model["merges"], fault);
  for (const [a, b] of merges) {
    const unknown = [a, b, a + b].find((token) => !vocab.has(token));
    if (unknown !== undefined)
      throw fault(`a merge uses ${JSON.stringify(unknown)}, which is not in the vocab`);
  }
  const tokens = added.map(({ id, content, special, normalized }) => ({
    ...{ id: Number(id), content: String(content) },
    ...{ special: special === true, normalized: normalized === true },
  }));
  const ignoreMerges = model["ignore_merges"] === true;
  return { vocab, merges, added: tokens, normalize, ...splits, ignoreMerges, begin };
};
