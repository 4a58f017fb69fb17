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

test("bytes", () => {
  for (const text of TEXTS)
    expect(bytesTokenizer.decode([...bytesTokenizer.encode(text)])).toBe(text);
  expect([...bytesTokenizer.encode("é")]).toEqual([0xc3, 0xa9]);
  const again = readTokenizerJson(bytesTokenizer.toJson(), "tokenizer.json");
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

  test("survives its file, special tokens and bytes included", () => {
    const again = readTokenizerJson(bpe.toJson(), "tokenizer.json");
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

test.each([
  ["{", /not JSON/],
  ["{}", /no model with a vocab/],
  ['{"model":{"type":"WordPiece","vocab":{}}}', /WordPiece tokenizer is not supported/],
  ['{"model":{"type":"BPE","vocab":{},"byte_fallback":true}}', /byte_fallback/],
  [
    '{"model":{"type":"BPE","vocab":{}},"pre_tokenizer":{"type":"Metaspace"}}',
    /Metaspace is not supported/,
  ],
  [
    '{"model":{"type":"BPE","vocab":{"a":0},"merges":["a b"]},"pre_tokenizer":{"type":"ByteLevel"}}',
    /uses "b"/,
  ],
])("refuses %s", (text, message) => {
  expect(() => readTokenizerJson(text, "t.json")).toThrow(FileFault);
  expect(() => readTokenizerJson(text, "t.json")).toThrow(message);
});
