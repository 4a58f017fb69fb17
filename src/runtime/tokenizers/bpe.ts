// Byte-level byte-pair encoding: text is split by a pattern, each piece becomes bytes, and the pairs of lowest rank are merged
// until none is left. Pieces repeat, so their ids are remembered.
import { BYTE_CHARACTERS, CHARACTER_BYTES, separatorOf, type Tokenizer } from "./tokenizer.ts";

/** The split of GPT-2: contractions, then words, numbers and signs with a leading space, then white space. */
export const GPT2_SPLIT =
  /'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;

export interface BpeModel {
  /** Token text in byte characters -> id. */
  readonly vocab: ReadonlyMap<string, number>;
  /** In order of rank. */
  readonly merges: readonly (readonly [string, string])[];
  /** Taken out of the text before anything else. */
  readonly special: readonly { readonly id: number; readonly content: string }[];
  /** Pieces of normal text; what lies between two matches is a piece too. */
  readonly split: readonly RegExp[];
  readonly normalize: (text: string) => string;
  readonly addPrefixSpace: boolean;
  /** A piece that is a token as a whole is not merged up. */
  readonly ignoreMerges: boolean;
  /** Put before a prompt. */
  readonly begin: readonly number[];
}

const splitBy = (pieces: readonly string[], pattern: RegExp): readonly string[] =>
  pieces.flatMap((piece) => {
    const out: string[] = [];
    let at = 0;
    for (const match of piece.matchAll(pattern)) {
      if (match.index > at) out.push(piece.slice(at, match.index));
      if (match[0] !== "") out.push(match[0]);
      at = match.index + match[0].length;
    }
    if (at < piece.length) out.push(piece.slice(at));
    return out;
  });

export const splitText = (text: string, patterns: readonly RegExp[]): readonly string[] =>
  patterns.reduce(splitBy, text === "" ? [] : [text]);

/** Merges in place by rank, lowest first, the leftmost of equals; `ids` is one piece. Pieces are short: a scan is fastest. */
const mergePiece = (
  ids: number[],
  ranks: ReadonlyMap<number, { readonly rank: number; readonly id: number }>,
): void => {
  while (ids.length > 1) {
    let best: { readonly rank: number; readonly id: number } | undefined;
    let at = -1;
    for (let i = 0; i + 1 < ids.length; i += 1) {
      const merge = ranks.get(pairKey(ids[i]!, ids[i + 1]!));
      if (merge !== undefined && (best === undefined || merge.rank < best.rank))
        [best, at] = [merge, i];
    }
    if (best === undefined) return;
    ids.splice(at, 2, best.id);
  }
};
/** Two ids below 2^24 as one number. */
const pairKey = (a: number, b: number): number => a * 16777216 + b;

const escape = (text: string): string => text.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
const CACHED_PIECES = 100_000;

/** `json`: the text it was read from, given back as it was. */
export const bpeTokenizer = (model: BpeModel, json: () => string): Tokenizer => {
  const { vocab, special } = model;
  const idOf = (token: string): number => {
    const id = vocab.get(token);
    if (id === undefined)
      throw new Error(`token ${JSON.stringify(token)} is not in the vocabulary`);
    return id;
  };
  const byteIds = BYTE_CHARACTERS.map((c) => vocab.get(c));
  const ranks = new Map<number, { rank: number; id: number }>();
  model.merges.forEach(([a, b], rank) => {
    const key = pairKey(idOf(a), idOf(b));
    if (!ranks.has(key)) ranks.set(key, { rank, id: idOf(a + b) });
  });
  const specialIds = new Map(special.map(({ id, content }) => [content, id]));
  const size = [...vocab.values(), ...specialIds.values()].reduce(
    (n, id) => Math.max(n, id + 1),
    0,
  );
  const encoder = new TextEncoder();
  const bytesById = new Array<Uint8Array | undefined>(size);
  for (const [token, id] of vocab) {
    const bytes = [...token].map((c) => CHARACTER_BYTES.get(c));
    // A token with a character outside the table can only be a special one.
    bytesById[id] = bytes.every((b) => b !== undefined)
      ? Uint8Array.from(bytes)
      : encoder.encode(token);
  }
  for (const { id, content } of special) bytesById[id] = encoder.encode(content);
  const isSpecial = new Set(specialIds.values());

  const pieces = new Map<string, readonly number[]>();
  const encodePiece = (piece: string): readonly number[] => {
    const known = pieces.get(piece);
    if (known !== undefined) return known;
    const bytes = encoder.encode(piece);
    const whole = model.ignoreMerges
      ? vocab.get([...bytes].map((b) => BYTE_CHARACTERS[b]).join(""))
      : undefined;
    // Bytes without a token vanish, as they do in the library without an unknown token.
    const ids = whole === undefined ? [...bytes].flatMap((b) => byteIds[b] ?? []) : [whole];
    mergePiece(ids, ranks);
    if (pieces.size < CACHED_PIECES) pieces.set(piece, ids);
    return ids;
  };
  // Longest first, so that no special token hides one that it begins.
  const contents = [...specialIds.keys()].sort((a, b) => b.length - a.length || (a < b ? -1 : 1));
  const specials =
    contents.length > 0 ? new RegExp(`(${contents.map(escape).join("|")})`, "u") : undefined;

  const separator = separatorOf(specialIds);
  return {
    size,
    separator,
    begin: model.begin,
    ends: separator === undefined ? [] : [separator],
    toJson: json,
    bytesOf: (id) => (isSpecial.has(id) ? 0 : (bytesById[id]?.length ?? 0)),
    encode: (text) => {
      const ids: number[] = [];
      for (const part of specials === undefined ? [text] : text.split(specials)) {
        const id = specialIds.get(part);
        if (id !== undefined) {
          ids.push(id);
          continue;
        }
        let plain = model.normalize(part);
        if (model.addPrefixSpace && plain !== "" && !/^\s/u.test(plain)) plain = ` ${plain}`;
        for (const piece of splitText(plain, model.split))
          for (const token of encodePiece(piece)) ids.push(token);
      }
      return Int32Array.from(ids);
    },
    decode: (ids) => {
      const parts = ids.map((id) => bytesById[id] ?? new Uint8Array(0));
      const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
      let at = 0;
      for (const part of parts) {
        bytes.set(part, at);
        at += part.length;
      }
      return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
    },
  };
};
