// Reads Hugging Face's tokenizer.json: byte-level BPE with the built-in split or patterns of its own, and Unicode
// normalization. Anything else is refused by name: a tokenizer that is nearly right would be worse than none.
import { FileFault } from "../../bundle/file-fault.ts";
import { bpeTokenizer, GPT2_SPLIT, type BpeModel } from "./bpe.ts";
import type { Tokenizer } from "./tokenizer.ts";

type Json = Readonly<Record<string, unknown>>;
const isObject = (x: unknown): x is Json =>
  typeof x === "object" && x !== null && !Array.isArray(x);
const listOf = (x: unknown): readonly unknown[] => (Array.isArray(x) ? x : []);

/** A sequence and its single parts alike. */
const partsOf = (x: unknown, key: string): readonly Json[] => {
  if (!isObject(x)) return [];
  return x["type"] === "Sequence" ? listOf(x[key]).flatMap((part) => partsOf(part, key)) : [x];
};

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

const splitPattern = (part: Json, fault: (reason: string) => FileFault): RegExp => {
  const pattern = isObject(part["pattern"]) ? part["pattern"] : {};
  const { Regex: regex, String: literal } = pattern;
  if (part["behavior"] !== "Isolated" || part["invert"] === true) {
    throw fault(`a Split with behavior ${String(part["behavior"])} is not supported (Isolated is)`);
  }
  try {
    if (typeof regex === "string") return new RegExp(withoutInlineFlags(regex), "gu");
    if (typeof literal === "string")
      return new RegExp(literal.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&"), "gu");
  } catch {
    throw fault(`its split pattern ${String(regex)} is not understood`);
  }
  throw fault("a Split without a pattern");
};

const mergesOf = (json: unknown, fault: (reason: string) => FileFault): BpeModel["merges"] =>
  listOf(json).map((merge, i) => {
    const [a, b, ...rest] = typeof merge === "string" ? merge.split(" ") : listOf(merge);
    if (typeof a !== "string" || typeof b !== "string" || rest.length > 0)
      throw fault(`merge ${i} is not a pair of tokens`);
    return [a, b];
  });

const normalizerOf = (
  json: unknown,
  fault: (reason: string) => FileFault,
): BpeModel["normalize"] => {
  const forms = partsOf(json, "normalizers").map(({ type }) => {
    if (type === "NFC" || type === "NFD" || type === "NFKC" || type === "NFKD") return type;
    throw fault(`the normalizer ${String(type)} is not supported`);
  });
  return (text) => forms.reduce((normal, form) => normal.normalize(form), text);
};

export const readTokenizerJson = (text: string, file: string): Tokenizer => {
  const fault = (reason: string): FileFault => new FileFault(file, reason);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw fault("not JSON");
  }
  const model = isObject(json) ? json["model"] : undefined;
  if (!isObject(json) || !isObject(model) || !isObject(model["vocab"]))
    throw fault("not a tokenizer.json: no model with a vocab");
  if (model["type"] !== "BPE")
    throw fault(`a ${String(model["type"])} tokenizer is not supported (byte-level BPE is)`);
  if (model["byte_fallback"] === true)
    throw fault("a tokenizer with byte_fallback is not supported (byte-level BPE is)");

  const split: RegExp[] = [];
  let byteLevel = false;
  let addPrefixSpace = false;
  for (const part of partsOf(json["pre_tokenizer"], "pretokenizers")) {
    if (part["type"] === "ByteLevel") {
      byteLevel = true;
      addPrefixSpace = part["add_prefix_space"] === true;
      if (part["use_regex"] !== false) split.push(GPT2_SPLIT);
    } else if (part["type"] === "Split") split.push(splitPattern(part, fault));
    else if (part["type"] === "Digits" && part["individual_digits"] === true) split.push(/\p{N}/gu);
    else throw fault(`the pre-tokenizer ${String(part["type"])} is not supported`);
  }
  if (!byteLevel)
    throw fault("its pre-tokenizer is not ByteLevel: only byte-level BPE is supported");

  const vocab = new Map<string, number>();
  for (const [token, id] of Object.entries(model["vocab"])) {
    if (typeof id !== "number" || !Number.isInteger(id) || id < 0 || id >= 2 ** 24)
      throw fault(`token ${JSON.stringify(token)} has no id`);
    vocab.set(token, id);
  }
  const merges = mergesOf(model["merges"], fault);
  for (const [a, b] of merges) {
    const unknown = [a, b, a + b].find((token) => !vocab.has(token));
    if (unknown !== undefined)
      throw fault(`a merge uses ${JSON.stringify(unknown)}, which is not in the vocab`);
  }
  const special = listOf(json["added_tokens"]).map((token) => {
    if (!isObject(token) || typeof token["id"] !== "number" || typeof token["content"] !== "string")
      throw fault("an added token has no id or content");
    return { id: token["id"], content: token["content"] };
  });
  const normalize = normalizerOf(json["normalizer"], fault);
  return bpeTokenizer(
    {
      vocab,
      merges,
      special,
      split,
      normalize,
      addPrefixSpace,
      ignoreMerges: model["ignore_merges"] === true,
    },
    () => text,
  );
};
