// What generation computes from a cache is what the whole sequence gives at once, in float64: every attention with its settings
// under each way to part, and each two constructors of different keys.
import { describe, expect, it } from "vitest";
import { features } from "../../src/compiler/features/index.ts";
import { evaluate, type Values } from "../../src/compiler/ir/evaluate.ts";
import { buildPrograms } from "../../src/compiler/model/programs.ts";
import { coverOf } from "./cover.ts";
import { check, decoders, labelOf, VOCABULARY } from "./models.ts";
import { stateOf } from "./numbers.ts";

const { axes, errorsOf, refusedPairs, textOf } = decoders;

const own = new Set(
  axes
    .filter(({ key }) => key === "attention")
    .flatMap(({ settings }) => settings)
    .filter((part) => errorsOf([part]).length === 0),
);
const { models } = coverOf(
  axes.map((axis) => ({ ...axis, settings: axis.settings.filter((part) => own.has(part)) })),
  (a, b) => [a, b].every((part) => !own.has(part) || [a, b].some(({ key }) => key === "trails")),
  (parts) => (errorsOf(parts).length === 0 ? [] : refusedPairs(parts)),
);

const CHUNK = 3;
const TOKENS = [3, 1, 6, 2, 2, 5];

describe("from a cache", () => {
  it.each(models.map((parts) => [labelOf(parts), parts] as const))("%s", (_label, parts) => {
    const model = Object.values(check(textOf(parts)).spec!.models)[0]!;
    const { programs, state } = buildPrograms(model, undefined, {
      methods: features,
      programs: ["forward", "prefill", "decode_step"],
      binding: { batch: 1, sequence: TOKENS.length },
      generation: { batch: 1, chunk: CHUNK },
      totalSteps: 0,
    });
    const [forward, prefill, decode] = programs.map(({ graph }) => graph);
    const held: Record<string, ArrayLike<number>> = stateOf(
      state.filter(({ kind }) => kind === "param"),
    );
    for (const { name, kind, shape } of state)
      if (kind === "cache") held[name] = new Float64Array(shape.reduce((n, d) => n * d, 1));
    const logits = (graph: typeof forward, inputs: Values): Float64Array => {
      const outputs = graph!.outputs.filter(({ name }) => name === "logits");
      const found = evaluate({ ...graph!, outputs }, { inputs, state: held });
      for (const [name, { data }] of Object.entries(found.updates)) held[name] = data;
      return found.outputs["logits"]!.data;
    };
    const whole = logits(forward, { input_ids: TOKENS });
    const parted = [
      logits(prefill, { input_ids: TOKENS.slice(0, CHUNK), positions: [0], lengths: [CHUNK] }),
      ...TOKENS.slice(CHUNK).map((id, i) =>
        logits(decode, { input_ids: [id], positions: [CHUNK + i] }),
      ),
    ];
    parted.forEach((found, i) => {
      const at = CHUNK - 1 + i;
      whole.slice(at * VOCABULARY, (at + 1) * VOCABULARY).forEach((x, id) => {
        const apart = Math.abs(found[id]! - x) / Math.max(1, Math.abs(x));
        expect(apart, `token ${at}`).toBeLessThan(1e-9);
      });
    });
  });
});
