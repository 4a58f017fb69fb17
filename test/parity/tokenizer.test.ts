// Tokenizers of the `tokenizers` library, exactly: ids, texts, and ids cut inside a character.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { readTokenizerJson } from "../../src/runtime/index.ts";

interface Golden {
  readonly cases: readonly {
    readonly text: string;
    readonly ids: number[];
    readonly ids_without_special_tokens_added: number[];
    readonly decoded: string;
  }[];
  readonly partial_decode: readonly { readonly ids: number[]; readonly decoded: string }[];
}
const read = (path: string): string =>
  readFileSync(new URL(`data/tokenizer/${path}`, import.meta.url), "utf8");

test.each(["bytelevel", "split-nfc", "metaspace-fallback"])("%s", async (name) => {
  const tokenizer = await readTokenizerJson(read(`${name}/tokenizer.json`), name);
  const golden = JSON.parse(read(`${name}/case.json`)) as Golden;
  for (const { text, ids, ids_without_special_tokens_added: plain, decoded } of golden.cases) {
    expect([...tokenizer.encode(text)], text).toEqual(plain);
    expect([...tokenizer.begin, ...plain], text).toEqual(ids);
    expect(tokenizer.decode(ids), text).toBe(decoded);
  }
  for (const { ids, decoded } of golden.partial_decode) expect(tokenizer.decode(ids)).toBe(decoded);
});
