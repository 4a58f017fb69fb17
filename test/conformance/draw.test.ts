// Tokens drawn on the device are those that runtime/decode/sample.ts draws from the same logits: a table of logits for the token
// before stands for the model.
import { describe, expect, it } from "vitest";
import type { Session } from "../../src/bundle/engine.ts";
import { createBuilder } from "../../src/compiler/ir/builder.ts";
import type { Dim, Graph } from "../../src/compiler/ir/types.ts";
import { sampleToken, type SamplingOptions } from "../../src/runtime/decode/sample.ts";
import { samplingUniforms } from "../../src/runtime/random.ts";
import { SUBJECTS } from "./engines.ts";
import { bundleOf } from "./open.ts";

const [ROWS, V, KNOWN] = [5, 300, 290];
const dim = (size: number): Dim => ({ name: "", size });

const program = (): Graph => {
  const b = createBuilder();
  const input = (name: string) => b.emit("input", [], { name, dtype: "i32", shape: [dim(ROWS)] });
  const [ids, positions] = [input("input_ids"), input("positions")];
  const table = b.emit("state", [], { name: "table", shape: [dim(V), dim(V)] });
  return {
    name: "decode_step",
    inputs: [ids, positions],
    outputs: [{ name: "logits", node: b.emit("gather", [table, ids], {}) }],
    updates: [],
  };
};
/** Many equal ones, since ties are where ranks differ. */
const table = Float32Array.from({ length: V * V }, (_, i) => {
  const x = 3 * Math.sin(i * 12.9898) + 2 * Math.sin(i * 0.37);
  return i % 3 === 0 ? Math.round(x) : x;
});

const RULES: Readonly<Record<string, SamplingOptions>> = {
  greedy: { temperature: 0 },
  "greedy with a penalty": { temperature: 0, repetitionPenalty: 1.7 },
  "all of them": {},
  bold: { temperature: 0.31 },
  even: { temperature: 2.7, repetitionPenalty: 1.1 },
  "the likeliest 7": { topK: 7 },
  "the likeliest one": { topK: 1 },
  "more than there are": { topK: 4000 },
  "half of the mass": { topP: 0.5, temperature: 0.9 },
  "hardly any mass": { topP: 1e-9 },
  "all rules": { temperature: 1.3, topK: 40, topP: 0.8, repetitionPenalty: 1.3 },
};

/** [count, ROWS] */
const drawHere = (
  how: SamplingOptions,
  seed: number,
  count: number,
  begin: Int32Array,
): readonly (readonly number[])[] => {
  const rows = Array.from(begin, (first, row) => {
    const ids = [first];
    for (let k = 0; k < count; k += 1) {
      const logits = table.subarray(ids[k]! * V, ids[k]! * V + KNOWN);
      ids.push(sampleToken(logits, new Set(ids), samplingUniforms(seed, row)(k), how));
    }
    return ids.slice(1);
  });
  return Array.from({ length: count }, (_, k) => rows.map((ids) => ids[k]!));
};

const drawThere = async (
  session: Session,
  { temperature = 1, topK = null, topP = 1, repetitionPenalty = 1 }: SamplingOptions,
  seed: number,
  begin: Int32Array<ArrayBuffer>,
): Promise<{ readonly ids: number[][]; readonly finite: readonly number[] }> => {
  const { tokens, run } = session.draw!;
  const { ids, finite } = await run("decode_step", {
    ids: begin,
    positions: new Int32Array(ROWS),
    seen: Array.from(begin, (id) => new Set([id])),
    units: Float64Array.from({ length: tokens * ROWS }, (_, i) =>
      samplingUniforms(seed, i % ROWS)(Math.floor(i / ROWS)),
    ),
    rules: { temperature, topK, topP, repetitionPenalty, known: KNOWN },
  });
  return {
    ids: Array.from({ length: tokens }, (_, k) => [...ids.subarray(k * ROWS, (k + 1) * ROWS)]),
    finite: [...finite],
  };
};

describe.each(SUBJECTS.filter(({ name }) => name === "tensorflow with XLA"))("$name", (subject) => {
  it.skipIf(subject.missing)("draws the tokens that the host draws, by every rule", async () => {
    const session = await subject.engine.open(await bundleOf(program()));
    await session.writeState({ table: { dtype: "f32", shape: [V, V], data: table } });
    for (const [name, how] of Object.entries(RULES))
      for (const seed of [1, 2, 3]) {
        const begin = Int32Array.from({ length: ROWS }, (_, row) => row * 17 + seed);
        const { ids, finite } = await drawThere(session, how, seed, begin);
        expect(ids, name).toEqual(drawHere(how, seed, ids.length, begin));
        expect(finite.every((x) => x === 1)).toBe(true);
      }
    await session.close();
  });
  it.skipIf(subject.missing)("tells logits that are no numbers, from there on", async () => {
    const session = await subject.engine.open(await bundleOf(program()));
    const begin = Int32Array.of(0, 1, 2, 3, 4);
    const [first] = drawHere({ temperature: 0 }, 1, 1, begin);
    const broken = table.slice();
    broken[first![2]! * V + 5] = Infinity;
    await session.writeState({ table: { dtype: "f32", shape: [V, V], data: broken } });
    const { finite } = await drawThere(session, { temperature: 0 }, 1, begin);
    expect(finite.slice(0, ROWS)).toEqual([1, 1, 1, 1, 1]);
    const fed = first!.map((id) => (id === first![2] ? 0 : 1));
    expect(finite.slice(ROWS, 2 * ROWS)).toEqual(fed);
    await session.close();
  });
});
