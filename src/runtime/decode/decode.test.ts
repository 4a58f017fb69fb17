// Sampling in the order of the conventions; generation that can be repeated.
import fc from "fast-check";
import { expect, test } from "vitest";
import { createModel } from "../api.ts";
import { memoryHost, toyBundle, toyEngine } from "../toy.test.helper.ts";
import { bytesTokenizer, type Tokenizer } from "../tokenizers/tokenizer.ts";
import { windowStart } from "./continue.ts";
import { sampleToken } from "./sample.ts";

const logits = [1, 3, 2, 3];
const none = new Set<number>();
test("sampling", () => {
  expect(sampleToken(logits, none, 0.99, { temperature: 0 })).toBe(1);
  expect(sampleToken(logits, none, 0.99, { topK: 1 })).toBe(1);
  expect(sampleToken(logits, none, 0.99, { topK: 2 })).toBe(3);
  expect(sampleToken(logits, none, 0.49, { topK: 2 })).toBe(1);
  expect(sampleToken(logits, none, 0.99, { topP: 0.3 })).toBe(1);
  expect(sampleToken(logits, none, 0.01, {})).toBe(0);
  expect(sampleToken(logits, none, 0.999, {})).toBe(3);
  expect(sampleToken(logits, new Set([1, 3]), 0, { temperature: 0, repetitionPenalty: 2 })).toBe(2);
  expect(sampleToken([-1, -2], new Set([0]), 0, { temperature: 0, repetitionPenalty: 3 })).toBe(1);
});

test("frequencies follow the softmax", () => {
  const counts = [0, 0];
  for (let i = 0; i < 1000; i += 1)
    counts[sampleToken([Math.log(3), 0], none, (i + 0.5) / 1000, {})]! += 1;
  expect(counts).toEqual([750, 250]);
});

/** By sorting everything: what the rules say, without a thought for speed. */
const plainSample = (
  given: readonly number[],
  unit: number,
  { temperature, topK, topP }: Rules,
) => {
  const ranked = given
    .map((logit, id) => ({ id, logit }))
    .sort((a, b) => b.logit - a.logit || a.id - b.id)
    .slice(0, topK);
  const weight = (logit: number): number => Math.exp((logit - ranked[0]!.logit) / temperature);
  const all = ranked.reduce((sum, { logit }) => sum + weight(logit), 0);
  let reached = 0;
  const kept = ranked.filter(({ logit }) => {
    const before = reached;
    reached += weight(logit);
    return before < topP * all;
  });
  const mass = kept.reduce((sum, { logit }) => sum + weight(logit), 0);
  let left = unit * mass;
  return kept.sort((a, b) => a.id - b.id).find(({ logit }) => (left -= weight(logit)) < 0)?.id;
};
interface Rules {
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
}

test("finds the tokens that sorting them all finds", () => {
  const number = fc.double({ min: -30, max: 30, noNaN: true });
  const rules = fc.record({
    temperature: fc.double({ min: 0.1, max: 3, noNaN: true }),
    topK: fc.integer({ min: 1, max: 700 }),
    topP: fc.double({ min: 0.01, max: 0.999, noNaN: true }),
  });
  fc.assert(
    fc.property(
      // Few values: ties are where ranks differ.
      fc.array(fc.oneof(number, fc.integer({ min: -2, max: 2 })), { minLength: 1, maxLength: 600 }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      rules,
      (given, unit, how) => {
        const wanted = plainSample(given, unit, how);
        if (wanted !== undefined) expect(sampleToken(given, none, unit, how)).toBe(wanted);
      },
    ),
  );
});

test("what no call can mean is refused", async () => {
  const model = await open();
  const refused = (options: object, what: RegExp) =>
    expect(model.generate("a", options), what.source).rejects.toThrow(what);
  await refused({ temperature: -1 }, /temperature is a number from 0 up, got -1/);
  await refused({ temperature: NaN }, /temperature/);
  await refused({ topK: 0 }, /topK is a whole number from 1 up/);
  await refused({ topP: 0 }, /topP is above 0 and at most 1/);
  await refused({ repetitionPenalty: 0 }, /repetitionPenalty/);
  await refused({ tokens: 1.5 }, /tokens is a whole number/);
  await refused({ stop: [""] }, /at least one character/);
});

/** Every token is a letter, and none ends a text. */
const letters: Tokenizer = {
  ...bytesTokenizer,
  decode: (ids) => ids.map((id) => String.fromCharCode(97 + (id % 26))).join(""),
  separator: undefined,
  ends: [],
};
const open = (tokenizer = letters) =>
  createModel({
    bundle: toyBundle(),
    host: memoryHost(),
    engine: toyEngine(),
    seed: 1,
    tokenizer,
    weights: "initial",
  });

test("the same call gives the same text; parts add up to the whole; stops cut", async () => {
  const model = await open();
  const parts: string[] = [];
  const text = await model.generate("a", {
    tokens: 30,
    seed: 5,
    onText: (part) => void parts.push(part),
  });
  expect(parts.join("")).toBe(text);
  expect(await model.generate("a", { tokens: 30, seed: 5 })).toBe(text);
  expect(await model.generate("a", { tokens: 30, seed: 6 })).not.toBe(text);
  const stop = text.slice(3, 5);
  expect(await model.generate("a", { tokens: 30, seed: 5, stop: [stop] })).toBe(
    text.slice(0, text.indexOf(stop)),
  );
  expect(await model.generate("", { tokens: 0 })).toBe("");
});

test("several prompts: each as it would be in its place, whatever the others", async () => {
  const model = await open();
  const prompts = ["a", "bcd", "", "efghijklmnopqrs", "t"];
  const parts = prompts.map(() => "");
  const onText = (part: string, prompt: number): void => void (parts[prompt]! += part);
  const texts = await model.generate(prompts, { tokens: 20, seed: 5, onText });
  expect(parts).toEqual(texts);
  expect(new Set(texts).size).toBe(prompts.length);
  expect((await model.generate(prompts.slice(0, 2), { tokens: 20, seed: 5 }))[1]).toBe(texts[1]);
  expect(await model.generate([], { tokens: 20 })).toEqual([]);
  // Two calls at once wait for each other.
  const both = await Promise.all([1, 2].map(() => model.generate("a", { tokens: 9, seed: 5 })));
  expect(both[0]).toBe(both[1]);
});

test("a text of bytes: the separator ends it, characters are told whole", async () => {
  const model = await open(bytesTokenizer);
  const prompts = Array.from({ length: 40 }, () => "x");
  const parts = prompts.map(() => "");
  const onText = (part: string, prompt: number): void => void (parts[prompt]! += part);
  const completions = await model.complete(prompts, { tokens: 100, seed: 3, onText });
  expect(completions.map(({ text }) => text)).toEqual(parts);
  const ends = completions.map(({ ended, ids }) => [ended, ids.length]);
  expect(ends).toContainEqual(["length", 100]);
  expect(completions.some(({ ended, ids }) => ended === "stop" && ids.length < 100)).toBe(true);
  expect(completions.flatMap(({ ids }) => ids)).not.toContain(bytesTokenizer.separator);
});

test("a text that may begin a stop text waits until it is known", async () => {
  const model = await open();
  const how = { tokens: 12, seed: 5 };
  const text = await model.generate("a", how);
  const stop = [text.slice(4, 7), `${text.slice(2, 4)}?`];
  const parts: string[] = [];
  const [completion] = await model.complete(["a"], {
    ...how,
    stop,
    onText: (part) => void parts.push(part),
  });
  expect(parts.join("")).toBe(text.slice(0, 4));
  expect(completion).toMatchObject({ prompt: "a", text: text.slice(0, 4), ended: "stop" });
  expect(completion!.ids.length).toBeGreaterThan(4);
});

test("an abort keeps what there is", async () => {
  const model = await open();
  const controller = new AbortController();
  const [completion] = await model.complete(["a"], {
    tokens: 30,
    seed: 5,
    onText: () => controller.abort(),
    signal: controller.signal,
  });
  expect(completion!.ended).toBe("interrupted");
  expect(completion!.ids).toHaveLength(1);
});

test("weights that give no numbers are told, with the place", async () => {
  const model = await open();
  await model.session.writeState({
    "head.weight": { dtype: "f32", shape: [2, 128], data: new Float32Array(256).fill(NaN) },
  });
  await expect(model.generate("a")).rejects.toThrow(
    "the model's logits are not finite; lm_head.weight holds values that are not finite",
  );
});

test("the window drops its older half when the context is full", () => {
  const starts = (context: number, lengths: readonly number[]) =>
    lengths.map((length) => windowStart(length, context));
  expect(starts(8, [1, 8, 9, 12, 13, 16, 17, 100])).toEqual([0, 0, 4, 4, 8, 8, 12, 92]);
  expect(starts(1, [1, 2, 3])).toEqual([0, 1, 2]);
  expect(starts(5, [5, 6, 8, 9])).toEqual([0, 3, 3, 6]);
});

test("a model: forward, a training step, weights there and back", async () => {
  const model = await open();
  const { logits: out } = await model.forward([[1, 2, 3]]);
  expect(out.shape).toEqual([1, 3, 256]);
  await expect(model.forward([[1], [1, 2]])).rejects.toThrow(/one length/);
  await expect(model.forward([[256]])).rejects.toThrow(/outside the vocabulary of 256/);
  const rows = Array.from({ length: 4 }, () => [...bytesTokenizer.encode("abcdefgh")]);
  const trainer = model.trainer();
  const first = await trainer.step({ input_ids: rows, targets: rows });
  expect((await trainer.step({ input_ids: rows, targets: rows })).loss).toBeLessThan(first.loss);
  await expect(trainer.step({ input_ids: [], targets: [] })).rejects.toThrow(/4 rows of 8 ids/);
  const bytes = await model.saveWeights();
  const again = await createModel({
    bundle: toyBundle(),
    host: memoryHost(),
    engine: toyEngine(),
    weights: bytes,
  });
  expect((await again.forward([[1]])).logits.data).toEqual(
    (await model.forward([[1]])).logits.data,
  );
});

test("what nobody would read, and what is of another kind, is refused by name", async () => {
  const model = await open();
  const refused = async (options: object, message: string): Promise<void> =>
    expect(model.generate("a", options)).rejects.toThrow(message);
  await refused(
    { temprature: 0 },
    'generate: there is no option "temprature"; did you mean "temperature"?',
  );
  await refused({ zzz: 0 }, "there are tokens, temperature");
  await refused([], "generate: options are an object, got a list");
  await refused({ tokens: "8" }, "tokens is a whole number");
  await refused({ topK: "8" }, 'topK is a whole number from 1 up, or null, got "8"');
  await refused({ temperature: "1" }, 'temperature is a number from 0 up, got "1"');
  await refused({ stop: "x" }, "stop is a list of texts, got string");
  await refused({ seed: 0.5 }, "seed is a whole number");
  // as JavaScript calls it
  const wrong = async (
    call: string,
    given: unknown,
    message: string,
    of: object = model,
  ): Promise<void> => {
    const called: unknown = Reflect.get(of, call);
    if (typeof called !== "function") throw new TypeError(call);
    await expect(Reflect.apply(called, undefined, [given])).rejects.toThrow(message);
  };
  await wrong("generate", 3, "generate: a prompt is a string, or a list of them, got number");
  await wrong("generate", ["a", 3], "generate: a prompt is a string, got number");
  await wrong("complete", "a", "complete: prompts are a list of strings, got string");
  await wrong("chatPrompt", "a", "chatPrompt: messages are a list of");
  await wrong("forward", [3], "token ids come in rows");
  await wrong("evaluate", { limits: 3 }, 'did you mean "limit"?');
  await wrong("evaluate", { limit: 0 }, "limit is a number from 1 up");
  const trainer = model.trainer();
  await wrong("fit", { outDir: "run", stesp: 3 }, 'did you mean "steps"?', trainer);
  await wrong("fit", undefined, "fit: outDir is a path, got undefined", trainer);
  await wrong("fit", { outDir: "run", steps: 0 }, "steps is a whole number from 1 up", trainer);
  await wrong("fit", { outDir: "run", seed: 1.5 }, "seed is a whole number from 0 up", trainer);
  const both = { outDir: "run", resumeFrom: "latest", weights: "w" };
  await wrong("fit", both, "the weights of its checkpoint", trainer);
  await wrong("step", {}, "4 rows of 8 ids", trainer);
  await wrong("step", null, "a batch is { input_ids, targets }", trainer);
  const ids = Array.from({ length: 4 }, () => Array.from({ length: 8 }, () => 0));
  const targets = ids.map((row) => row.map(() => 256));
  await wrong("step", { input_ids: ids, targets }, "256 is outside the vocabulary", trainer);
  await wrong("forward", null, "token ids come in rows");
  await wrong("save", "", "save: the folder is a path");
  await wrong("load", 3, "load: what to load is a path, got number");
  await model.close();
  await wrong("generate", "a", "the model is closed");
  await wrong("saveWeights", undefined, "the model is closed");
});

test("a model without weights answers when it has been trained, not before", async () => {
  const model = await createModel({
    bundle: toyBundle(),
    host: memoryHost(),
    engine: toyEngine(),
    tokenizer: letters,
  });
  await expect(model.generate("a", { tokens: 1 })).rejects.toThrow("there are no weights");
  await expect(model.complete(["a"], { tokens: 1 })).rejects.toThrow("there are no weights");
  const rows = Array.from({ length: 4 }, () => [...bytesTokenizer.encode("abcdefgh")]);
  await model.trainer().step({ input_ids: rows, targets: rows });
  expect(await model.generate("a", { tokens: 1 })).toHaveLength(1);
});

test("an unknown engine is refused with those there are", async () => {
  const options = { bundle: toyBundle(), host: memoryHost(), engines: [toyEngine()] };
  await expect(createModel({ ...options, engine: "quantum" })).rejects.toThrow(
    /no such engine \(there are auto, toy\)/,
  );
  expect((await createModel(options)).why).toBe("the first that works here");
});

test("a model whose tokenizer nobody knows is saved without one, and generates nothing", async () => {
  const { manifest, ...programs } = toyBundle();
  const vocabSize = 11;
  const small = { ...manifest, training: null, model: { ...manifest.model, vocabSize } } as const;
  const host = memoryHost();
  const model = await createModel({
    bundle: { manifest: small, ...programs },
    host,
    engine: toyEngine(),
    weights: "initial",
  });
  await model.save("out");
  expect([...host.files.keys()].sort()).toEqual(["out/config.json", "out/model.safetensors"]);
  await expect(model.generate("a", { tokens: 1 })).rejects.toThrow(
    "a vocabulary of 11 is not one of bytes",
  );
});
