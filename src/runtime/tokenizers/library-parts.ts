// Which tokenizer.json the library reads as the original does. Parts that it lacks, or does otherwise on some text, are refused:
// `test/parity/python/verify_tokenizer.py` compares those that are left.
import { addedTokensOf } from "./added-tokens.ts";
import { bpeOption } from "./byte-level.ts";
import { isObject, partsOf, type Json, type TokenizerFile } from "./file.ts";
import { normalizerOf } from "./normalizers.ts";

type Exact = Readonly<Record<string, (part: Json) => boolean>>;
const firstOther = (parts: readonly Json[], exact: Exact): string | undefined => {
  const other = parts.find((part) => exact[String(part["type"])]?.(part) !== true);
  return other && JSON.stringify(other);
};
const always = (): boolean => true;
/** The text that is looked for; undefined: a pattern. */
const literalIn = ({ pattern }: Json): unknown =>
  isObject(pattern) ? pattern["String"] : undefined;
const isLiteral = (part: Json): boolean => typeof literalIn(part) === "string";

/** A sentence; undefined: it reads all of it. */
export const unreadPart = ({ json, model, fault }: TokenizerFile): string | undefined => {
  const isBert = model["type"] === "WordPiece";
  if (model["type"] !== "BPE" && !isBert)
    return `a ${String(model["type"])} tokenizer is not supported`;
  const option = bpeOption(model);
  if (!isBert && option !== undefined) return `a BPE tokenizer with ${option} is not supported`;

  const normalizers = partsOf(json["normalizer"], "normalizers");
  const normalizer = firstOther(normalizers, {
    ...{ NFC: always, NFD: always, NFKC: always, NFKD: always },
    ...{ Prepend: always, Replace: isLiteral, BertNormalizer: () => isBert },
  });
  if (normalizer !== undefined) return `the normalizer ${normalizer} is not supported`;

  const isReplaced = (part: Json): boolean =>
    isLiteral(part) &&
    normalizers.some((one) => one["type"] === "Replace" && literalIn(one) === literalIn(part));
  const preTokenizer = firstOther(partsOf(json["pre_tokenizer"], "pretokenizers"), {
    Metaspace: always,
    // A split at what is nowhere left does nothing.
    Split: isReplaced,
    // White space that is not the library's, Bert's normalizer has made plain.
    BertPreTokenizer: () => normalizers.some(({ type }) => type === "BertNormalizer"),
  });
  if (preTokenizer !== undefined) return `the pre-tokenizer ${preTokenizer} is not supported`;

  const decoder = firstOther(partsOf(json["decoder"], "decoders"), {
    ...{ ByteFallback: always, Fuse: always, Strip: always, WordPiece: always, Replace: isLiteral },
    Metaspace: (part) => part["prepend_scheme"] !== "never" && part["split"] !== false,
  });
  if (decoder !== undefined) return `the decoder ${decoder} is not supported`;

  const normalize = normalizerOf(json["normalizer"]);
  const token = addedTokensOf(json["added_tokens"], fault).find(
    ({ singleWord, normalized, special, content }) =>
      singleWord ||
      // Special ones are found wherever they stand, which is what people mean by them.
      (normalized && !special && (typeof normalize === "string" || normalize(content) !== content)),
  );
  if (token !== undefined)
    return `the added token ${JSON.stringify(token.content)} is ${
      token.singleWord ? "single_word" : "normalized"
    }, which is not supported here`;
  return isBert || typeof model["unk_token"] === "string" || model["byte_fallback"] === true
    ? undefined
    : "a BPE tokenizer without an unk_token or bytes is not supported";
};
