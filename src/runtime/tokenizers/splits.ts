// How a text is cut into pieces before the model sees it: pre_tokenizer of tokenizer.json, as functions from a piece to pieces.
import { partsOf, type Json } from "./file.ts";
import { patternIn } from "./pattern.ts";

/** A text to its pieces in order; what a split takes away is in none. */
export type Split = (text: string) => readonly string[];

/** Matches, and what lies between them. */
const isolate =
  (pattern: RegExp): Split =>
  (text) => {
    const out: string[] = [];
    let at = 0;
    for (const match of text.matchAll(pattern)) {
      if (match.index > at) out.push(text.slice(at, match.index));
      if (match[0] !== "") out.push(match[0]);
      at = match.index + match[0].length;
    }
    if (at < text.length) out.push(text.slice(at));
    return out;
  };

export const splitText = (text: string, splits: readonly Split[]): readonly string[] =>
  splits.reduce<readonly string[]>(
    (pieces, split) => pieces.flatMap(split),
    text === "" ? [] : [text],
  );

interface Part {
  readonly text: string;
  readonly matches: boolean;
}
const partsBy = (text: string, pattern: RegExp, invert: boolean): readonly Part[] => {
  const parts: Part[] = [];
  let at = 0;
  const push = (to: number, matches: boolean): void => {
    if (to > at) parts.push({ text: text.slice(at, to), matches: matches !== invert });
    at = to;
  };
  for (const match of text.matchAll(pattern)) {
    push(match.index, false);
    push(match.index + match[0].length, true);
  }
  push(text.length, false);
  return parts;
};
/** Pieces of the parts that follow each other as long as `joins` says so. */
const joined = (
  parts: readonly Part[],
  joins: (before: Part, after: Part) => boolean,
): readonly string[] => {
  const out: string[] = [];
  parts.forEach((part, i) => {
    const before = parts[i - 1];
    if (before !== undefined && joins(before, part)) out.push((out.pop() ?? "") + part.text);
    else out.push(part.text);
  });
  return out;
};

const BEHAVIORS: Readonly<Record<string, (parts: readonly Part[]) => readonly string[]>> = {
  Isolated: (parts) => parts.map(({ text }) => text),
  Removed: (parts) => parts.filter(({ matches }) => !matches).map(({ text }) => text),
  Contiguous: (parts) => joined(parts, (a, b) => a.matches === b.matches),
  MergedWithPrevious: (parts) => joined(parts, (a, b) => b.matches && !a.matches),
  MergedWithNext: (parts) => joined(parts, (a, b) => a.matches && !b.matches),
};
const splitBy = (pattern: RegExp, behavior: string, invert = false): Split | undefined => {
  if (behavior === "Isolated") return isolate(pattern);
  const put = BEHAVIORS[behavior];
  return put && ((text) => put(partsBy(text, pattern, invert)));
};

/**
 * The split of GPT-2: contractions, then words, numbers and signs with a leading space, then white space. That is Unicode's:
 * JavaScript's own `\s` has U+FEFF and lacks U+0085.
 */
export const gpt2Split: Split = isolate(
  /'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu,
);
const spaceBefore: Split = (text) => [text.startsWith(" ") ? text : ` ${text}`];

const PUNCTUATION = /[\p{P}!-/:-@[-`{-~]/gu;
const SPACES = /\p{White_Space}+/gu;
/** Undefined: not known here. */
const splitsOf = (part: Json): readonly (Split | undefined)[] => {
  const behavior = (usual: string): string =>
    typeof part["behavior"] === "string" ? part["behavior"] : usual;
  switch (part["type"]) {
    case "ByteLevel":
      return [
        ...(part["add_prefix_space"] === true ? [spaceBefore] : []),
        ...(part["use_regex"] === false ? [] : [gpt2Split]),
      ];
    case "Split": {
      const pattern = patternIn(part["pattern"]);
      return [pattern && splitBy(pattern, behavior(""), part["invert"] === true)];
    }
    case "Digits":
      return [splitBy(/\p{N}/gu, part["individual_digits"] === true ? "Isolated" : "Contiguous")];
    case "Punctuation":
      return [splitBy(PUNCTUATION, behavior("Isolated"))];
    case "WhitespaceSplit":
      return [splitBy(SPACES, "Removed")];
    case "BertPreTokenizer":
      return [splitBy(SPACES, "Removed"), splitBy(PUNCTUATION, "Isolated")];
    default:
      return [undefined];
  }
};

/** Splits that end with bytes; a text says which part is not known here. Undefined: these are no bytes. */
export const byteSplits = (preTokenizer: unknown): readonly Split[] | string | undefined => {
  const parts = partsOf(preTokenizer, "pretokenizers");
  const bytes = parts.findIndex(({ type }) => type === "ByteLevel");
  if (bytes < 0) return undefined;
  // What comes after the bytes would split their characters.
  if (bytes < parts.length - 1) return "parts after ByteLevel";
  const splits: Split[] = [];
  for (const part of parts)
    for (const split of splitsOf(part)) {
      if (split === undefined) return JSON.stringify(part);
      splits.push(split);
    }
  return splits;
};
