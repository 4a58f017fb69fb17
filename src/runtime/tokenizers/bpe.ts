// Byte-level byte-pair encoding: text is split by a pattern, each piece becomes bytes, and the pairs of lowest rank are merged
// until none is left. Pieces repeat, so their ids are remembered.
import { cutter, type AddedToken } from "./added-tokens.ts";
import { splitText, type Split } from "./splits.ts";
import { BYTE_CHARACTERS, CHARACTER_BYTES, separatorOf, type Tokenizer } from "./tokenizer.ts";

export interface BpeModel {
  /** Token text in byte characters -> id. */
  readonly vocab: ReadonlyMap<string, number>;
  /** In order of rank. */
  readonly merges: readonly (readonly [string, string])[];
  readonly added: readonly AddedToken[];
  readonly normalize: (text: string) => string;
  /** Of normal text that no added token is in. */
  readonly splits: readonly Split[];
  /** A piece that is a token as a whole is not merged up. */
  readonly ignoreMerges: boolean;
  /** Put before a prompt. */
  readonly begin: readonly number[];
}

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

const CACHED_PIECES = 100_000;

/** `json`: the text it was read from, given back as it was. */
export const bpeTokenizer = (model: BpeModel, json: () => string): Tokenizer => {
  const { vocab, added } = model;
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
  const size = [...vocab.values(), ...added.map(({ id }) => id)].reduce(
    (n, id) => Math.max(n, id + 1),
    0,
  );
  const encoder = new TextEncoder();
  const bytesById = new Array<Uint8Array | undefined>(size);
  for (const [token, id] of vocab) {
    const bytes = [...token].map((c) => CHARACTER_BYTES.get(c));
    // A token with a character outside the table can only be an added one.
    bytesById[id] = bytes.every((b) => b !== undefined)
      ? Uint8Array.from(bytes)
      : encoder.encode(token);
  }
  for (const { id, content } of added) bytesById[id] = encoder.encode(content);
  const isSpecial = new Set(added.filter(({ special }) => special).map(({ id }) => id));

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
  const raw = cutter(
    added.filter(({ normalized }) => !normalized),
    (content) => content,
  );
  const normal = cutter(
    added.filter(({ normalized }) => normalized),
    model.normalize,
  );
  /** Pieces of text that no added token is in, and added tokens. */
  const cut = (text: string): readonly (string | number)[] =>
    raw(text).flatMap((part) =>
      typeof part === "number" ? [part] : normal(model.normalize(part)),
    );

  const separator = separatorOf(new Map(added.map(({ content, id }) => [content, id])));
  return {
    size,
    separator,
    begin: model.begin,
    ends: separator === undefined ? [] : [separator],
    toJson: json,
    bytesOf: (id) => (isSpecial.has(id) ? 0 : (bytesById[id]?.length ?? 0)),
    encode: (text) => {
      const ids: number[] = [];
      for (const part of cut(text)) {
        if (typeof part === "number") {
          ids.push(part);
          continue;
        }
        for (const piece of splitText(part, model.splits))
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
