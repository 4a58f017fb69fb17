// Sampling in the order of the conventions; generation that can be repeated.
import { expect, test } from "vitest";
import { createModel } from "../api.ts";
import { memoryHost, toyBundle, toyEngine } from "../toy.test.helper.ts";
import { bytesTokenizer } from "../tokenizers/tokenizer.ts";
import { sampleToken } from "./sample.ts";

const logits = [1, 3, 2, 3];
test("sampling", () => {
  expect(sampleToken(logits, [], 0.99, { temperature: 0 })).toBe(1);
  expect(sampleToken(logits, [], 0.99, { topK: 1 })).toBe(1);
  expect(sampleToken(logits, [], 0.99, { topK: 2 })).toBe(3);
  expect(sampleToken(logits, [], 0.49, { topK: 2 })).toBe(1);
  expect(sampleToken(logits, [], 0.99, { topP: 0.3 })).toBe(1);
  expect(sampleToken(logits, [], 0.999, {})).toBe(0);
  expect(sampleToken(logits, [1, 3], 0, { temperature: 0, repetitionPenalty: 2 })).toBe(2);
  expect(sampleToken([-1, -2], [0], 0, { temperature: 0, repetitionPenalty: 3 })).toBe(1);
});

test("frequencies follow the softmax", () => {
  const counts = [0, 0];
  for (let i = 0; i < 1000; i += 1)
    counts[sampleToken([Math.log(3), 0], [], (i + 0.5) / 1000, {})]! += 1;
  expect(counts).toEqual([750, 250]);
});

const open = (seed = 1) =>
  createModel({ bundle: toyBundle(), host: memoryHost(), engine: toyEngine(), seed });

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

test("an unknown engine is refused with those there are", async () => {
  const options = { bundle: toyBundle(), host: memoryHost(), engines: [toyEngine()] };
  await expect(createModel({ ...options, engine: "quantum" })).rejects.toThrow(
    /no such engine \(there are auto, toy\)/,
  );
  expect((await createModel(options)).why).toBe("the first that works here");
});
