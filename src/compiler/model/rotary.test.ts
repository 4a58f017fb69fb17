// Rotary tables against the frequencies that transformers computes (test/parity/python/make_rope.py): cos and sin of position
// times frequency, times one factor, both in one pass over a sequence and at the last token behind a cache.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { modelFrom } from "../../../test/parity/models.ts";
import { features } from "../features/index.ts";
import { createBuilder } from "../ir/builder.ts";
import { evaluateNodes } from "../ir/evaluate.ts";
import type { Node } from "../ir/types.ts";
import { createCaches } from "./cache.ts";
import { variant } from "./config.ts";
import { createStage } from "./kinds.ts";
import { dim } from "./ops.ts";
import { createParameters } from "./parameters.ts";
import { rotaryTables } from "./rotary.ts";

interface Case {
  readonly scaling: string;
  readonly theta: number;
  readonly width: number;
  readonly context: number;
  readonly length: number;
  readonly frequencies: readonly number[];
  readonly factor: number;
}
const cases = JSON.parse(
  readFileSync(new URL("../../../test/parity/data/rope/cases.json", import.meta.url), "utf8"),
) as readonly Case[];

const ropeOf = ({ scaling, theta, width, context }: Case) => {
  const model = modelFrom(`model M {
    vocab_size = 7 hidden_size = ${4 * width} context = ${context}
    blocks 1 {
      norm = pre()
      attention = mha(4, position: rope(${theta}, scaling: ${scaling}))
      ffn = swiglu(8)
    }
  }`);
  return variant(model.blocks[0]!.attention, "position");
};

/** A row of either table is of one position, its halves are alike. */
const expectRow = (found: Float64Array, { frequencies, factor }: Case, f: typeof Math.cos, t: number) =>
  frequencies.forEach((w, i) => {
    const wanted = f(t * w) * factor;
    for (const x of [found[i]!, found[i + frequencies.length]!])
      // frequencies are kept in 24 bits
      expect(Math.abs(x - wanted), `position ${t}, pair ${i}`).toBeLessThan(1e-6 * (1 + t));
  }); // prettier-ignore

describe.each(cases.map((one) => [`${one.scaling} over ${one.length} tokens`, one] as const))(
  "%s",
  (_name, one) => {
    const { width, context, length } = one;
    const b = createBuilder();
    const turned = (node: Node, state: Record<string, Float64Array> = {}): Float64Array =>
      evaluateNodes([node], { inputs: { start: [length - 1] }, state }).get(node)!;
    const d = dim("d", width);

    it("has the tables of a whole sequence", () => {
      const stage = createStage(b, createParameters(b), features);
      const tables = rotaryTables(stage, dim("t", length), d, ropeOf(one), context);
      [Math.cos, Math.sin].forEach((f, table) => {
        const all = turned(tables[table]!);
        for (let t = 0; t < length; t += 1)
          expectRow(all.slice(t * width, (t + 1) * width), one, f, t);
      });
    });
    it("has the rows of its last token where the others are in a cache", () => {
      const T = dim("t", 1);
      const shape = [dim("batch", 1)];
      const start = b.emit("input", [], { name: "start", dtype: "i32", shape });
      const cache = createCaches(b, start, T, dim("context", Math.max(context, length)));
      const stage = createStage(b, createParameters(b), features, { cache });
      const tables = rotaryTables(stage, T, d, ropeOf(one), context);
      [Math.cos, Math.sin].forEach((f, table) => {
        expectRow(turned(tables[table]!), one, f, length - 1);
      });
    });
  },
);
