// What a tokenizer is to the rest of the runtime, and the simplest one: each byte is a token.
export interface Tokenizer {
  readonly size: number;
  /** Nothing is put around the text. */
  encode(text: string): Int32Array;
  /** Cut characters come back as U+FFFD. `before`: the ids that these continue, where a tokenizer drops a first space. */
  decode(ids: readonly number[], before?: readonly number[]): string;
  /** How many bytes of text a token stands for: bits per byte are counted with it. */
  bytesOf(id: number): number;
  /** Put after each document of the training text, and before an empty prompt. */
  readonly separator: number | undefined;
  /** Put before a prompt, as the tokenizer's file says: `<s>`. */
  readonly begin: readonly number[];
  /** Each of them ends a text that a model writes. */
  readonly ends: readonly number[];
  /** As Hugging Face's tokenizer.json. */
  toJson(): string;
}

/** GPT-2's printable stand-in for each byte: itself where it prints, else the next of U+0100, U+0101, ... */
export const BYTE_CHARACTERS: readonly string[] = (() => {
  const prints = (b: number): boolean => (b > 32 && b < 127) || (b > 160 && b < 256 && b !== 173);
  let next = 256;
  return Array.from({ length: 256 }, (_, b) => {
    const code = prints(b) ? b : next;
    if (!prints(b)) next += 1;
    return String.fromCharCode(code);
  });
})();
export const CHARACTER_BYTES: ReadonlyMap<string, number> = new Map(
  BYTE_CHARACTERS.map((c, b) => [c, b]),
);

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

const SEPARATORS = ["<|endoftext|>", "<|end_of_text|>", "</s>", "<eos>", "<|im_end|>"];
/** The end of a text among special tokens, by the names that tokenizers give it. */
export const separatorOf = (special: ReadonlyMap<string, number>): number | undefined =>
  SEPARATORS.map((name) => special.get(name)).find((id) => id !== undefined);

/** The parts of tokenizer.json that every byte-level BPE of specc shares. */
export const tokenizerJson = (
  vocab: Readonly<Record<string, number>>,
  merges: readonly (readonly [string, string])[],
  special: readonly { readonly id: number; readonly content: string }[],
): string => {
  const byteLevel = {
    type: "ByteLevel",
    add_prefix_space: false,
    trim_offsets: true,
    use_regex: true,
  };
  const json = {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: special.map(({ id, content }) => ({
      id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true,
    })), // prettier-ignore
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: null,
    decoder: byteLevel,
    model: {
      type: "BPE", dropout: null, unk_token: null, continuing_subword_prefix: null, end_of_word_suffix: null,
      fuse_unk: false, byte_fallback: false, ignore_merges: false, vocab, merges,
    }, // prettier-ignore
  };
  return JSON.stringify(json, null, 1) + "\n";
};

/** Ids are the bytes of UTF-8. The separator is byte 0, which no text holds. */
export const bytesTokenizer: Tokenizer = {
  size: 256,
  encode: (text) => Int32Array.from(encoder.encode(text)),
  decode: (ids) => decoder.decode(Uint8Array.from(ids)),
  bytesOf: () => 1,
  separator: 0,
  begin: [],
  ends: [0],
  toJson: () => tokenizerJson(Object.fromEntries(BYTE_CHARACTERS.map((c, b) => [c, b])), [], []),
};
