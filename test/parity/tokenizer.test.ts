// Byte-level tokenizers of the `tokenizers` library, exactly: ids, texts, and ids cut inside a character.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { readTokenizerJson } from "../../src/runtime/index.ts";

interface Golden {
  readonly cases: readonly {
    readonly text: string;
    readonly ids: number[];
    readonly decoded: string;
  }[];
  readonly partial_decode: readonly { readonly ids: number[]; readonly decoded: string }[];
}
const read = (path: string): string =>
  readFileSync(new URL(`data/tokenizer/${path}`, import.meta.url), "utf8");

test.each(["bytelevel", "split-nfc"])("%s", (name) => {
  const tokenizer = readTokenizerJson(read(`${name}/tokenizer.json`), name);
  const golden = JSON.parse(read(`${name}/case.json`)) as Golden;
  for (const { text, ids, decoded } of golden.cases) {
    expect([...tokenizer.encode(text)], text).toEqual(ids);
    expect(tokenizer.decode(ids), text).toBe(decoded);
  }
  for (const { ids, decoded } of golden.partial_decode) expect(tokenizer.decode(ids)).toBe(decoded);
});
