// Tokenizers of the `tokenizers` library, exactly: ids, texts, and ids cut inside a character.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { readTokenizerJson } from "../../src/runtime/index.ts";

interface Golden {
  readonly cases: readonly {
    readonly text: string;
    readonly ids: number[];
    readonly ids_without_special_tokens_added: number[];
    readonly decoded: string;
    readonly decoded_skip_special: string;
  }[];
  readonly partial_decode: readonly { readonly ids: number[]; readonly decoded: string }[];
}
const read = (path: string): string =>
  readFileSync(new URL(`data/tokenizer/${path}`, import.meta.url), "utf8");

test.each(["bytelevel", "split-nfc", "metaspace-fallback"])("%s", async (name) => {
  const tokenizer = await readTokenizerJson(read(`${name}/tokenizer.json`), name);
  const golden = JSON.parse(read(`${name}/case.json`)) as Golden;
  for (const { text, ids, decoded, ...more } of golden.cases) {
    const plain = more.ids_without_special_tokens_added;
    expect([...tokenizer.encode(text)], text).toEqual(plain);
    expect([...tokenizer.begin, ...plain], text).toEqual(ids);
    expect(tokenizer.decode(ids), text).toBe(decoded);
    const said = ids.filter((id) => tokenizer.bytesOf(id) > 0);
    expect(tokenizer.decode(said), text).toBe(more.decoded_skip_special);
  }
  for (const { ids, decoded } of golden.partial_decode) expect(tokenizer.decode(ids)).toBe(decoded);
});

interface Parts {
  readonly tokenizer: object;
  readonly texts: readonly string[];
  readonly variants: readonly {
    readonly name: string;
    readonly ids: readonly (readonly number[])[];
    readonly [part: string]: unknown;
  }[];
}
describe("parts of byte-level BPE, one by one", () => {
  const { tokenizer, texts, variants } = JSON.parse(read("../tokenizer-parts.json")) as Parts;
  test.each(variants)("$name", async ({ name, ids, ...parts }) => {
    const ours = await readTokenizerJson(JSON.stringify({ ...tokenizer, ...parts }), name);
    texts.forEach((text, i) => expect([...ours.encode(text)], text).toEqual(ids[i]));
  });
});
