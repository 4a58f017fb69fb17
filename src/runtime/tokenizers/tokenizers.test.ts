// Tokenizers give text back, agree with the reference library where its file is known, and refuse what they do not know.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FileFault } from "../../bundle/file-fault.ts";
import { readTokenizerJson } from "./tokenizer-json.ts";
import { BYTE_CHARACTERS, bytesTokenizer } from "./tokenizer.ts";
import { gpt2Split } from "./splits.ts";
import { trainBpe } from "./train-bpe.ts";

const TEXTS = [
  "Hello, world! It's 2024; they'll see.", "naïve Größe — «été» … ½", "日本語のテキスト、中文字符。", "Привет, как дела?",
  "👩‍👩‍👧 🇩🇪 e\u0301 \u200d", "a\t b\n\n  c   ", "", " ", "\u0000\u001f", "مرحبا שלום", "x".repeat(300),
]; // prettier-ignore

test("the table of byte characters is GPT-2's", () => {
  expect([0, 32, 33, 127, 160, 161, 173, 255].map((b) => BYTE_CHARACTERS[b])).toEqual([
    "Ā",
    "Ġ",
    "!",
    "ġ",
    "ł",
    "¡",
    "Ń",
    "ÿ",
  ]);
  expect(new Set(BYTE_CHARACTERS).size).toBe(256);
});

test("bytes", async () => {
  for (const text of TEXTS)
    expect(bytesTokenizer.decode([...bytesTokenizer.encode(text)])).toBe(text);
  expect([...bytesTokenizer.encode("é")]).toEqual([0xc3, 0xa9]);
  const again = await readTokenizerJson(bytesTokenizer.toJson(), "tokenizer.json");
  expect([...again.encode("a é")]).toEqual([...bytesTokenizer.encode("a é")]);
});

describe("byte-level BPE", () => {
  const corpus = [
    ...TEXTS,
    "the cat and the hat and the rat ".repeat(40),
    "lower lowest newer newest wider ".repeat(20),
  ];
  const bpe = trainBpe(corpus, 320);

  /** Counts all pairs anew for every merge. */
  const plainMerges = (texts: readonly string[], size: number): readonly (readonly string[])[] => {
    const tokens = ["", ...BYTE_CHARACTERS];
    const words = texts
      .flatMap(gpt2Split)
      .map((piece) => Array.from(new TextEncoder().encode(piece), (b) => 1 + b));
    const merges: string[][] = [];
    while (tokens.length < size) {
      const counts = new Map<string, number>();
      for (const word of words)
        for (let i = 0; i + 1 < word.length; i += 1) {
          const pair = `${word[i]} ${word[i + 1]}`;
          counts.set(pair, (counts.get(pair) ?? 0) + 1);
        }
      const pairs = [...counts].map(([pair, count]) => ({
        pair: pair.split(" ").map(Number),
        count,
      }));
      const [best] = pairs.sort(
        (x, y) => y.count - x.count || x.pair[0]! - y.pair[0]! || x.pair[1]! - y.pair[1]!,
      );
      if (best === undefined || best.count < 2) break;
      const [a = 0, b = 0] = best.pair;
      for (const word of words)
        for (let i = 0; i + 1 < word.length; i += 1)
          if (word[i] === a && word[i + 1] === b) word.splice(i, 2, tokens.length);
      merges.push([tokens[a]!, tokens[b]!]);
      tokens.push(tokens[a]! + tokens[b]!);
    }
    return merges;
  };
  test("merges the most frequent pair, ties to the lower ids, until none occurs twice", () => {
    const mergesOf = (tokenizer: typeof bpe): unknown =>
      (JSON.parse(tokenizer.toJson()) as { model: { merges: unknown } }).model.merges;
    expect(mergesOf(bpe)).toEqual(plainMerges(corpus, 320));
    const few = ["aaaa abab aab", "banana bandana", "e\u0301\u0301"];
    expect(mergesOf(trainBpe(few, 400))).toEqual(plainMerges(few, 400));
    expect(bpe.encode(" the").length).toBe(1);
    expect(trainBpe(corpus, 320).toJson()).toBe(bpe.toJson());
  });

  test("white space is Unicode's, as the library has it", () => {
    expect(gpt2Split("a\u0085b \u0085 \ufeffc \ufeff\n d")).toEqual([
      "a",
      "\u0085",
      "b",
      " \u0085",
      " \ufeff",
      "c",
      " \ufeff",
      "\n",
      " d",
    ]);
    expect(gpt2Split("x\u00a0y \u3000\u3000w \u180e1")).toEqual([
      "x",
      "\u00a0",
      "y",
      " \u3000",
      "\u3000",
      "w",
      " \u180e",
      "1",
    ]);
  });

  test("added tokens are looked for as they are, or in the normalized text", async () => {
    const json = JSON.parse(bpe.toJson()) as { readonly added_tokens: readonly object[] };
    const [end] = json.added_tokens;
    const token = (id: number, content: string, more: object): object => ({
      ...end,
      id,
      content,
      ...more,
    });
    const read = await readTokenizerJson(
      JSON.stringify({
        ...json,
        normalizer: { type: "NFC" },
        added_tokens: [
          end,
          token(400, "<think>", { special: false }),
          token(401, "e\u0301", { special: false, normalized: true }),
          token(402, "e\u0301!", { normalized: false }),
        ],
      }),
      "t.json",
    );
    const added = (text: string): readonly number[] =>
      [...read.encode(text)].filter((id) => id >= 400);
    expect(added("a<think>b")).toEqual([400]);
    expect(added("\u00e9 e\u0301 e\u0301!")).toEqual([401, 401, 402]);
    expect([400, 401, 402].map((id) => read.bytesOf(id))).toEqual([7, 3, 0]);
    expect(read.size).toBe(403);
  });

  test("gives any text back", () => {
    for (const text of TEXTS) expect(bpe.decode([...bpe.encode(text)])).toBe(text);
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        expect(bpe.decode([...bpe.encode(text)])).toBe(text);
      }),
    );
  });

  test("survives its file, special tokens and bytes included", async () => {
    const again = await readTokenizerJson(bpe.toJson(), "tokenizer.json");
    for (const text of [...TEXTS, "a<|endoftext|>b"])
      expect(again.encode(text)).toEqual(bpe.encode(text));
    expect(again.toJson()).toBe(bpe.toJson());
    expect(again.separator).toBe(0);
    expect(again.size).toBe(bpe.size);
    const ids = [...bpe.encode("Größe and more")];
    expect(ids.reduce((sum, id) => sum + bpe.bytesOf(id), 0)).toBe(
      new TextEncoder().encode("Größe and more").length,
    );
    expect(bpe.bytesOf(0)).toBe(0);
  });

  test("two megabytes to 4096 tokens in seconds", () => {
    let state = 1;
    const random = (n: number): number =>
      (state = (Math.imul(state, 1103515245) + 12345) >>> 0) % n;
    const words = Array.from({ length: 20_000 }, () =>
      Array.from({ length: 2 + random(9) }, () =>
        String.fromCharCode(97 + (random(26) * random(26)) / 26),
      ).join(""),
    );
    const text = Array.from(
      { length: 300_000 },
      () => words[Math.floor((random(20_000) * random(20_000)) / 20_000)],
    ).join(" ");
    const start = performance.now();
    const learnt = trainBpe([text], 4096);
    expect(learnt.size).toBe(4096);
    expect(performance.now() - start).toBeLessThan(30_000);
  });
});

describe("a metaspace tokenizer with byte fallback", () => {
  const pieces = ["▁", "a", "b", "▁a", "ab", "▁ab", "é"];
  const bytes = Array.from(
    { length: 256 },
    (_, b) => `<0x${b.toString(16).toUpperCase().padStart(2, "0")}>`,
  );
  const tokens = ["<unk>", "<s>", "</s>", ...bytes, ...pieces];
  const file = JSON.stringify({
    added_tokens: ["<unk>", "<s>", "</s>"].map((content, id) => ({
      ...{ id, content, special: true },
      ...{ single_word: false, lstrip: false, rstrip: false, normalized: false },
    })),
    normalizer: {
      type: "Sequence",
      normalizers: [
        { type: "Prepend", prepend: "▁" },
        { type: "Replace", pattern: { String: " " }, content: "▁" },
      ],
    },
    pre_tokenizer: null,
    post_processor: {
      type: "TemplateProcessing",
      single: [{ SpecialToken: { id: "<s>", type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
      pair: [{ Sequence: { id: "A", type_id: 0 } }, { Sequence: { id: "B", type_id: 1 } }],
      special_tokens: { "<s>": { id: "<s>", ids: [1], tokens: ["<s>"] } },
    },
    decoder: {
      type: "Sequence",
      decoders: [
        { type: "Replace", pattern: { String: "▁" }, content: " " },
        { type: "ByteFallback" },
        { type: "Fuse" },
        { type: "Strip", content: " ", start: 1, stop: 0 },
      ],
    },
    model: {
      ...{ type: "BPE", dropout: null, unk_token: "<unk>", fuse_unk: true, byte_fallback: true },
      ...{ continuing_subword_prefix: null, end_of_word_suffix: null, ignore_merges: false },
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges: ["▁ a", "a b", "▁a b"],
    },
  });
  const read = readTokenizerJson(file, "t.json");

  test("what it puts before a prompt, where a text ends, how many ids there are", async () => {
    const { begin, ends, separator, size } = await read;
    expect({ begin, ends, separator, size }).toEqual({
      begin: [1],
      ends: [2],
      separator: 2,
      size: tokens.length,
    });
  });
  test("the tokens of a text stand for its bytes, and the space put before it", async () => {
    const tokenizer = await read;
    for (const text of ["ab a", "é and 日本", "b🙂b"]) {
      const total = [...tokenizer.encode(text)].reduce((sum, id) => sum + tokenizer.bytesOf(id), 0);
      expect(total, text).toBe(new TextEncoder().encode(text).length + 1);
    }
    expect(tokenizer.bytesOf(1)).toBe(0);
  });
  test("what continues a text keeps its first space", async () => {
    const tokenizer = await read;
    const ids = [...tokenizer.encode("ab ab日 a")];
    expect(tokenizer.decode(ids)).toBe("ab ab日 a");
    for (let cut = 1; cut < 3; cut += 1)
      expect(
        tokenizer.decode(ids.slice(0, cut)) + tokenizer.decode(ids.slice(cut), ids.slice(0, cut)),
      ).toBe("ab ab日 a");
  });
  test("a byte order mark is a character", async () => {
    const tokenizer = await read;
    for (const text of ["\ufeffa", "a\ufeffb", "a\ufeff\ufeff", "é\ufeffé"])
      expect(tokenizer.decode([...tokenizer.encode(text)])).toBe(text);
  });
});

test("a template that begins with tokens holds for byte-level BPE too", async () => {
  const json = JSON.parse(trainBpe(["a b c"], 300).toJson()) as object;
  const special_tokens = { "<|b|>": { id: "<|b|>", ids: [0], tokens: ["<|endoftext|>"] } };
  const single = [{ SpecialToken: { id: "<|b|>" } }, { Sequence: { id: "A" } }];
  const post_processor = {
    type: "Sequence",
    processors: [{ type: "ByteLevel" }, { type: "TemplateProcessing", single, special_tokens }],
  };
  const tokenizer = await readTokenizerJson(JSON.stringify({ ...json, post_processor }), "t.json");
  expect(tokenizer.begin).toEqual([0]);
  for (const type of ["BertProcessing", "RobertaProcessing"]) {
    const processor = { type, sep: ["<|e|>", 3], cls: ["<|b|>", 2] };
    const text = JSON.stringify({ ...json, post_processor: processor });
    expect((await readTokenizerJson(text, "t.json")).begin).toEqual([2]);
  }
});

const shell = { added_tokens: [], normalizer: null, post_processor: null, decoder: null };
const bpe = { type: "BPE", vocab: { a: 0 }, merges: [] as string[] };
test.each<readonly [string, RegExp]>([
  ["{", /not JSON/],
  ["{}", /no model with a vocab/],
  ['{"model":{"type":"Runes","vocab":{}}}', /a Runes tokenizer is not supported/],
  [JSON.stringify({ ...shell, model: bpe, pre_tokenizer: { type: "Oracle" } }), /Oracle/],
  [
    JSON.stringify({
      ...shell,
      model: { ...bpe, merges: ["a b"] },
      pre_tokenizer: { type: "ByteLevel" },
    }),
    /uses "b"/,
  ],
  ['{"model":{"type":"Unigram","vocab":[["a",0]]}}', /a Unigram tokenizer is not supported/],
  [JSON.stringify({ ...shell, model: { ...bpe, dropout: 0.1 } }), /BPE tokenizer with dropout/],
  [JSON.stringify({ ...shell, model: bpe }), /without an unk_token or bytes/],
  [
    JSON.stringify({ ...shell, model: bpe, decoder: { type: "Metaspace", split: false } }),
    /the decoder \{"type":"Metaspace","split":false\} is not supported/,
  ],
  [
    JSON.stringify({ ...shell, model: bpe, normalizer: { type: "Lowercase" } }),
    /the normalizer \{"type":"Lowercase"\} is not supported/,
  ],
  [
    JSON.stringify({
      ...{ ...shell, model: bpe },
      added_tokens: [{ id: 1, content: "b", single_word: true }],
    }),
    /the added token "b" is single_word/,
  ],
  ...["\\p{L}++", "(?>a)", "[a&&b]", "[[:alpha:]]", "\\X", "(?i:[a-z])", "[\\W]", "(?i:ß)"].map(
    (Regex) =>
      [
        JSON.stringify({
          ...{ ...shell, model: bpe },
          pre_tokenizer: {
            type: "Sequence",
            pretokenizers: [
              { type: "Split", pattern: { Regex }, behavior: "Isolated", invert: false },
              { type: "ByteLevel" },
            ],
          },
        }),
        /the pre-tokenizer \{"type":"Split".* is not supported/,
      ] as const,
  ),
])("refuses %s", async (text, message) => {
  const reading = readTokenizerJson(text, "t.json");
  await expect(reading).rejects.toThrow(FileFault);
  await expect(reading).rejects.toThrow(message);
});
