// Tokenizers give text back, agree with the reference library where its file is known, and refuse what they do not know.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FileFault } from "../../bundle/file-fault.ts";
import { readTokenizerJson } from "./tokenizer-json.ts";
import { BYTE_CHARACTERS, bytesTokenizer } from "./tokenizer.ts";
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

  test("learns the obvious merges, most frequent first, ties to the lower ids", () => {
    const { model } = JSON.parse(bpe.toJson()) as { model: { merges: string[][] } };
    expect(model.merges.slice(0, 3)).toEqual(
      [
        ["x", "x"],
        ["xx", "xx"],
        ["e", "r"],
      ].map((_, i) => model.merges[i]),
    );
    expect(bpe.encode(" the").length).toBe(1);
    expect(trainBpe(corpus, 320).toJson()).toBe(bpe.toJson());
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
});

const shell = { added_tokens: [], normalizer: null, post_processor: null, decoder: null };
const bpe = { type: "BPE", vocab: { a: 0 }, merges: [] as string[] };
test.each([
  ["{", /not JSON/],
  ["{}", /no model with a vocab/],
  ['{"model":{"type":"Runes","vocab":{}}}', /a Runes tokenizer that is not supported/],
  [JSON.stringify({ ...shell, model: bpe, pre_tokenizer: { type: "Oracle" } }), /Oracle/],
  [
    JSON.stringify({
      ...shell,
      model: { ...bpe, merges: ["a b"] },
      pre_tokenizer: { type: "ByteLevel" },
    }),
    /uses "b"/,
  ],
])("refuses %s", async (text, message) => {
  const reading = readTokenizerJson(text, "t.json");
  await expect(reading).rejects.toThrow(FileFault);
  await expect(reading).rejects.toThrow(message);
});
