// What generation_config.json says, in the words of the options; and what goes before it.
import { describe, expect, test } from "vitest";
import { readGenerationDefaults, withDefaults } from "./defaults.ts";

const read = (config: object | undefined) =>
  readGenerationDefaults({
    where: "model",
    read: async () => (config === undefined ? undefined : JSON.stringify(config)),
  });

test.each([
  [undefined, {}],
  [{ eos_token_id: 2, use_cache: true }, {}],
  [{ do_sample: true }, { temperature: 1, topK: 50 }],
  [
    { do_sample: true, top_k: 0, top_p: 0.95 },
    { temperature: 1, topK: null, topP: 0.95 },
  ],
  [
    { temperature: 0.7, top_k: 20 },
    { temperature: 0.7, topK: 20 },
  ],
  [{ do_sample: false, temperature: 0.7 }, { temperature: 0 }],
  [{ do_sample: null, temperature: null, max_new_tokens: 9 }, { tokens: 9 }],
])("%j", async (config, options) => {
  expect(await read(config)).toEqual({ options, unused: [] });
});

test("values that mean nothing are told with their key", async () => {
  for (const [key, value] of [
    ["do_sample", 1],
    ["temperature", -1],
    ["top_k", 1.5],
    ["top_p", 0],
    ["repetition_penalty", "x"],
    ["max_new_tokens", 0],
  ] as const)
    await expect(read({ [key]: value }), key).rejects.toThrow(
      `model/generation_config.json: ${key} is ${JSON.stringify(value)}, not `,
    );
});

test("other ways to draw are named, unless they are off", async () => {
  const off = {
    num_beams: 1,
    typical_p: 1,
    min_p: null,
    suppress_tokens: [],
    no_repeat_ngram_size: 0,
  };
  expect((await read(off)).unused).toEqual([]);
  const on = { num_beams: 2, typical_p: 0.9, suppress_tokens: [5], bad_words_ids: [[1]] };
  expect((await read(on)).unused).toEqual([
    "num_beams",
    "typical_p",
    "bad_words_ids",
    "suppress_tokens",
  ]);
});

describe("what is given goes first", () => {
  const defaults = { options: { temperature: 0.6, topP: 0.9, tokens: 5 }, unused: [] };
  test("and what is undefined is not given", () => {
    expect(withDefaults({ temperature: 1.2 }, defaults)).toEqual({
      temperature: 1.2,
      topP: 0.9,
      tokens: 5,
    });
  });
  test("who asks for a way to draw does not want the likeliest token", () => {
    const greedy = { options: { temperature: 0 }, unused: [] };
    expect(withDefaults({}, greedy)).toEqual({ temperature: 0 });
    expect(withDefaults({ topK: 5 }, greedy)).toEqual({ topK: 5 });
    expect(withDefaults({ topK: 5, temperature: 0 }, greedy)).toEqual({ topK: 5, temperature: 0 });
  });
});
