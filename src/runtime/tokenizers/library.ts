// Every other tokenizer.json, by Hugging Face's own JavaScript library: metaspaces and byte fallback, WordPiece.
import { Tokenizer as LibraryTokenizer } from "@huggingface/tokenizers";
import type { TokenizerFile } from "./file.ts";
import { unreadPart } from "./library-parts.ts";
import { separatorOf, type Tokenizer } from "./tokenizer.ts";

/** What is used of it: its own types name files without endings, which Node's resolution does not find (0.2.0). */
interface Library {
  encode(text: string, options?: { add_special_tokens: boolean }): { readonly ids: number[] };
  decode(
    ids: readonly number[],
    options: { skip_special_tokens: boolean; clean_up_tokenization_spaces: boolean },
  ): string;
  id_to_token(id: number): string | undefined;
  get_added_tokens_decoder(): ReadonlyMap<number, { readonly content: string }>;
  get_vocab(): ReadonlyMap<string, number>;
}
const createLibrary = LibraryTokenizer as new (json: object, config: object) => Library;

const BYTE = /^<0x([0-9A-F]{2})>$/;
const MARK = ["<0xEF>", "<0xBB>", "<0xBF>"];

/**
 * The library reads a run of byte tokens with a decoder that swallows a byte order mark at its start (0.2.0); the mark is
 * doubled there, and one is left.
 */
const withMarkKept = (ids: readonly number[], tokenOf: (id: number) => string): number[] => {
  const tokens = ids.map(tokenOf);
  return ids.flatMap((id, i) => {
    const starts = i === 0 || !BYTE.test(tokens[i - 1]!);
    const isMark = MARK.every((token, k) => tokens[i + k] === token);
    return starts && isMark ? [id, ids[i + 1]!, ids[i + 2]!, id] : [id];
  });
};

/** Ids before these that may change how the first of them reads. */
const CONTEXT = 4;

export const libraryTokenizer = (file: TokenizerFile, text: string): Tokenizer => {
  const { json, model, begin, fault } = file;
  const unread = unreadPart(file);
  if (unread !== undefined) throw fault(unread);
  let library: Library;
  try {
    library = new createLibrary(json, {});
    library.encode("a");
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw fault(`a ${String(model["type"])} tokenizer that is not supported: ${reason}`);
  }
  const added = library.get_added_tokens_decoder();
  const special = new Map([...added].map(([id, { content }]) => [content, id]));
  const ids = [...library.get_vocab().values(), ...added.keys()];
  const size = ids.reduce((largest, id) => Math.max(largest, id), -1) + 1;
  const tokenOf = (id: number): string => library.id_to_token(id) ?? "";
  const byteLevel = JSON.stringify(json["decoder"] ?? null).includes('"ByteLevel"');
  const separator = separatorOf(special);

  const decode = (ids: readonly number[]): string =>
    ids.length === 0
      ? ""
      : library.decode(byteLevel ? [...ids] : withMarkKept(ids, tokenOf), {
          skip_special_tokens: false,
          clean_up_tokenization_spaces: false,
        });
  const decodeAfter = (ids: readonly number[], before: readonly number[]): string => {
    const context = before.slice(-CONTEXT);
    const head = decode(context);
    const whole = decode([...context, ...ids]);
    // A character that is cut at the seam reads differently with what follows it.
    return whole.startsWith(head) ? whole.slice(head.length) : decode(ids);
  };
  const lengths = new Map<number, number>();
  const lengthOf = (id: number): number => {
    const token = tokenOf(id);
    if (added.has(id)) return 0;
    if (byteLevel) return [...token].length;
    // After itself it stands inside a text, where its space counts.
    return BYTE.test(token) ? 1 : new TextEncoder().encode(decodeAfter([id], [id])).length;
  };
  return {
    size,
    separator,
    begin,
    ends: separator === undefined ? [] : [separator],
    toJson: () => text,
    bytesOf: (id) => {
      const length = lengths.get(id) ?? lengthOf(id);
      lengths.set(id, length);
      return length;
    },
    encode: (input) => Int32Array.from(library.encode(input, { add_special_tokens: false }).ids),
    decode: (tokens, before = []) => decodeAfter(tokens, before),
  };
};
