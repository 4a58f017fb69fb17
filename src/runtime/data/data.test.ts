// Data: which files, which part of a document is held out, which windows make a step.
import { describe, expect, test } from "vitest";
import type { TextData } from "../../bundle/manifest.ts";
import { FileFault } from "../../bundle/file-fault.ts";
import { memoryHost } from "../toy.test.helper.ts";
import { bytesTokenizer } from "../tokenizers/tokenizer.ts";
import { trainBpe } from "../tokenizers/train-bpe.ts";
import {
  findFiles,
  loadData,
  loadText,
  readDocuments,
  shortcomings,
  stepsPerEpoch,
  textData,
  trainingOrder,
  windowsOver,
} from "./index.ts";
import { splitDocument } from "./windows.ts";

const spec = (changes: Partial<TextData> = {}): TextData => ({
  kind: "text", files: ["*.txt"], package: null, tokenizer: { kind: "bytes" }, sequence: 4, pack: true, split: [0.8, 0.2], ...changes,
}); // prettier-ignore
const host = memoryHost({
  "project/b.txt": "beta", "project/a.txt": "alpha", "project/c.md": "no", "project/deep/x/d.txt": "delta",
  "project/rows.jsonl": '{"text":"one"}\n\n{"text":"two"}\n', "project/bad.jsonl": '{"text":"one"}\n{"tex":1}\n',
  "modules/@a/b/data/1.txt": "package",
}); // prettier-ignore

describe("files", () => {
  test("globs, in name order, each file once", async () => {
    expect(await findFiles(spec(), host)).toEqual(["project/a.txt", "project/b.txt"]);
    expect(await findFiles(spec({ files: ["./b.txt", "?.txt"] }), host)).toEqual([
      "project/b.txt",
      "project/a.txt",
    ]);
    expect(await findFiles(spec({ files: ["**/*.txt"] }), host)).toEqual([
      "project/a.txt",
      "project/b.txt",
      "project/deep/x/d.txt",
    ]);
    expect(await findFiles(spec({ package: "@a/b", files: ["data/*.txt"] }), host)).toEqual([
      "modules/@a/b/data/1.txt",
    ]);
  });
  test("a folder is no file, and an empty name none either", async () => {
    const data = findFiles(spec({ files: ["deep"] }), memoryHost({ "project/deep/a.txt": "a" }));
    await expect(data).rejects.toThrow("deep: a folder");
    await expect(findFiles(spec({ files: [""] }), host)).rejects.toThrow(
      '"": no data file matches',
    );
  });
  test("what is missing is told with the place", async () => {
    await expect(findFiles(spec({ files: ["*.csv"] }), host)).rejects.toThrow(
      "*.csv: no data file matches in project",
    );
    await expect(findFiles(spec({ package: "nope" }), host)).rejects.toThrow(FileFault);
  });
  test("text of another encoding is told, not read as signs that stand for nothing", async () => {
    const latin = memoryHost();
    latin.files.set("project/a.txt", Uint8Array.of(0x63, 0x61, 0x66, 0xe9));
    await expect(readDocuments(["project/a.txt"], latin)).rejects.toMatchObject({
      message: "project/a.txt: not UTF-8 text",
    });
  });
  test("documents of .jsonl", async () => {
    expect(await readDocuments(["project/rows.jsonl"], host)).toEqual(["one", "two"]);
    await expect(readDocuments(["project/bad.jsonl"], host)).rejects.toThrow(
      "project/bad.jsonl:2: no column `text`",
    );
  });
});

describe("splitting", () => {
  test("at a space, and every character is used", () => {
    expect(splitDocument("aaaa bbbb cccc dddd", [0.5, 0.5])).toEqual(["aaaa bbbb", " cccc dddd"]);
    expect(splitDocument("aaaa bbbb cccc dddd", [0.2, 0.3])).toEqual(["aaaa", " dddd"]);
    expect(splitDocument("aaaa", [1, 0])).toEqual(["aaaa", ""]);
    expect(splitDocument("aaaa", [0.5, 0.5])).toEqual(["aaaa", ""]);
  });
  test("training and validation share nothing", () => {
    const { train, validation } = textData(
      ["aaaaaaaa bbbb", "cccccccc dddd"],
      spec({ split: [0.5, 0.5] }),
      bytesTokenizer,
    );
    const ids = (windows: typeof train): string => {
      const all = Array.from({ length: windows.count }, (_, i) => [
        ...windows.batch([{ index: i }], 1)["input_ids"]!.data,
      ]).flat();
      return bytesTokenizer.decode(all);
    };
    expect(ids(train)).toBe("aaaaaaaa\0cccccccc".slice(0, 16));
    expect(validation && ids(validation)).toBe(" bbbb\0 dddd\0".slice(0, 8));
  });
});

test("windows: targets are the next tokens, short ones are filled with ignored targets", () => {
  const windows = windowsOver([Int32Array.of(1, 2, 3, 4, 5, 6, 7)], 4);
  expect(windows.count).toBe(2);
  const { input_ids, targets } = windows.batch([{ index: 0 }, { index: 1 }], 3);
  expect([...input_ids!.data]).toEqual([1, 2, 3, 4, 5, 6, 0, 0, 0, 0, 0, 0]);
  expect([...targets.data]).toEqual([2, 3, 4, 5, 6, 7, -100, -100, -100, -100, -100, -100]);
});

test("a text too short for a sequence, for a batch, or to hold some of it out, is told", async () => {
  const of = async (text: string, batch: number): Promise<string> => {
    const data = spec();
    const loaded = await loadText(data, memoryHost({ "project/a.txt": text }));
    return shortcomings(loaded, data, batch).join("; ");
  };
  expect(await of("abc", 1)).toBe(
    "the training text has 3 tokens, less than one sequence of 4: what is missing is filled up and does not count; the text is too short to hold a part of it out: nothing is evaluated",
  );
  expect(await of("aaaa bbbb cccc dddd", 8)).toContain(
    "makes 4 sequences of 4 tokens, less than one batch of 8",
  );
  expect(await of("aaaa bbbb cccc dddd ".repeat(9), 8)).toBe("");
  await expect(loadText(spec(), memoryHost({ "project/a.txt": "" }))).rejects.toThrow(
    "no text to train on",
  );
});

test("images fewer than a batch are told", async () => {
  const source = { kind: "shapes", train: 8, test: 4, size: 16, seed: 1 } as const;
  const data = { kind: "images", source, augment: [] } as const;
  const loaded = await loadData(data, memoryHost({}));
  expect(shortcomings(loaded, data, 8)).toEqual([]);
  expect(shortcomings(loaded, data, 9)).toEqual([
    "the training set has 8 images, less than one batch of 9: each update sees some of them twice",
  ]);
});

test("any step can be asked for; an epoch sees each window once, across batches", () => {
  const windows = windowsOver([Int32Array.from({ length: 10 * 4 + 1 }, (_, i) => i)], 4);
  const order = trainingOrder(windows, 3, 4, 2);
  const firsts = (step: number): number[] =>
    order
      .batchAt(step)
      .flatMap(({ input_ids }) => [input_ids!.data[0]! / 4, input_ids!.data[4]! / 4]);
  const forwards = [0, 1, 2, 3, 4].flatMap(firsts);
  const backwards = [4, 3, 2, 1, 0].map(firsts).reverse().flat();
  expect(backwards).toEqual(forwards);
  const sorted = (xs: number[]): number[] => [...xs].sort((a, b) => a - b);
  expect(sorted(forwards.slice(0, 10))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(sorted(forwards.slice(10))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(order.epochAfter(5)).toBe(2);
});

test("a vocabulary without room for the bytes is told before a tokenizer is trained", async () => {
  const data = spec({ tokenizer: { kind: "bpe", file: "tok.json", size: 256 } });
  await expect(loadText(data, host)).rejects.toMatchObject({
    message: expect.stringContaining("tokens of bytes are 257 at least") as unknown,
    help: "set vocab_size = 257 or more, or use tokenizer: bytes()",
  });
});

test("a BPE file that is missing is trained once and kept; counting an epoch writes nothing", async () => {
  const words = "the cat and the hat ".repeat(50);
  const files = memoryHost({ "project/a.txt": words });
  const data = spec({ tokenizer: { kind: "bpe", file: "tok.json", size: 280 } });
  expect(await stepsPerEpoch({ data, batch: 2 }, files)).toBeGreaterThan(10);
  expect(files.files.has("project/tok.json")).toBe(false);
  const first = await loadText(data, files);
  const text = first.tokenizer.toJson();
  expect(new TextDecoder().decode(files.files.get("project/tok.json"))).toBe(text);
  expect((await loadText(data, files)).tokenizer.toJson()).toBe(text);
  expect(first.tokenizer.encode(" the").length).toBe(1);
  await expect(
    loadText({ ...data, tokenizer: { kind: "bpe", file: "tok.json", size: 257 } }, files),
  ).rejects.toThrow(/the model's vocabulary 257/);
});

test("an end of texts under a name of its own is the one that the model's files say", async () => {
  const words = "the cat and the hat ".repeat(50);
  const trained = trainBpe([words], 280).toJson();
  const renamed = trained.replaceAll("<|endoftext|>", "<｜end▁of▁sentence｜>");
  const data = spec({ tokenizer: { kind: "bpe", file: "hub/tokenizer.json", size: 280 } });
  const separatorOf = async (config: object): Promise<number | undefined> => {
    const files = memoryHost({
      "project/a.txt": words,
      "project/hub/tokenizer.json": renamed,
      "project/hub/config.json": JSON.stringify(config),
    });
    return (await loadText(data, files)).tokenizer.separator;
  };
  expect(renamed).not.toBe(trained);
  expect(await separatorOf({ eos_token_id: [256, 3] })).toBe(256);
  expect(await separatorOf({ hidden_size: 4 })).toBeUndefined();
});
