// The conformance checks of the paper note on models that part into heads; numbers in brackets are its section 10. The
// authors' own tensors are compared in test/parity/neurotrails-lm.test.ts.
import { describe, expect, it } from "vitest";
import { complaints } from "../../../../test/helpers/complaints.ts";
import { llamaSpec, passOf, type Sizes } from "../../../../test/parity/models.ts";
import { createBuilder } from "../../ir/builder.ts";
import { evaluateNodes } from "../../ir/evaluate.ts";
import type { DecoderSpec, Variant } from "../../semantics/spec.ts";
import { features } from "../index.ts";
import { parametersOf } from "../../model/parameters-of.ts";
import { combine } from "./index.ts";

const sizes: Sizes = {
  vocab: 11, hidden: 8, layers: 3, heads: 2, kv: 2, ffn: 12, eps: 1e-6, padding: null, tied: false,
}; // prettier-ignore
const split = (changes: Variant | object = {}): Variant => ({
  is: "split", heads: 3, blocks_in_head: 1, combine: "mean_logits", loss: "sum", final_norm: "once", last_batch_norm: "own", ...changes,
}); // prettier-ignore
const withTrails = (trails: Variant | null): DecoderSpec => ({ ...llamaSpec(sizes), trails });
const count = (model: DecoderSpec): number =>
  parametersOf(model, features).reduce(
    (sum, p) => sum + p.shape.reduce((n, d) => n * d.size, 1),
    0,
  );

const [B, T] = [2, 4];
const ids = Float64Array.from({ length: B * T }, (_, i) => (i * 7 + 2) % 11);
const targets = Float64Array.from({ length: B * T }, (_, i) => (i * 3 + 1) % 11);
/** Numbers that depend on the name alone, so that equal names hold equal values in different models. */
const values = (name: string, size: number): Float64Array => {
  let s = [...name].reduce((h, c) => (h * 31 + c.charCodeAt(0)) % 2 ** 31, 7);
  return Float64Array.from({ length: size }, () => {
    s = (s * 1_103_515_245 + 12_345) % 2 ** 31;
    return s / 2 ** 31 - 0.5;
  });
};
const run = (model: DecoderSpec) => {
  const { parameters, run: forward } = passOf(model, B, T);
  const state = Object.fromEntries(
    parameters.map((p) => [
      p.name,
      values(
        p.name,
        p.shape.reduce((n, d) => n * d.size, 1),
      ),
    ]),
  );
  const found = forward({ ids, targets, state });
  return (name: string): Float64Array => {
    const value = found[name];
    if (value === undefined) throw new Error(`no output ${name}`);
    return value;
  };
};
const close = (x: ArrayLike<number>, y: ArrayLike<number>): void => {
  expect(x.length).toBe(y.length);
  for (let i = 0; i < x.length; i++) expect(x[i]!).toBeCloseTo(y[i]!, 10);
};

describe("one head", () => {
  it.each([split({ heads: 1 }), { is: "ensemble", members: 1, combine: "mean_logits", loss: "sum" }])(
    "of $is is the plain model [1]",
    (trails) => {
      expect(parametersOf(withTrails(trails), features)).toEqual(
        parametersOf(withTrails(null), features),
      );
      const [one, plain] = [run(withTrails(trails)), run(withTrails(null))];
      expect(one("logits")).toEqual(plain("logits"));
      expect(one("grad.blocks.2.ffn.up.weight")).toEqual(plain("grad.blocks.2.ffn.up.weight"));
    },
  ); // prettier-ignore
});

describe("the tree", () => {
  it.each([0, 1, 2, 3])("with %d blocks a head has the trunk once and each head's part [2]", (n) => {
    const parts = parametersOf(withTrails(null), features);
    const part = (test: (name: string) => boolean): number =>
      parts
        .filter((p) => test(p.name))
        .reduce((sum, p) => sum + p.shape.reduce((m, d) => m * d.size, 1), 0);
    const ofHead = part((name) => {
      const block = /^blocks\.(\d)/.exec(name);
      return block === null ? !name.startsWith("embedding") : Number(block[1]) >= 3 - n;
    });
    const whole = part(() => true);
    expect(count(withTrails(split({ blocks_in_head: n })))).toBe(whole - ofHead + 3 * ofHead);
  }); // prettier-ignore

  it("lets each head learn as if alone, and the trunk from all [9]", () => {
    const [sum, mean] = [run(withTrails(split())), run(withTrails(split({ loss: "mean" })))];
    // of two heads, the first two are the same parameters
    const two = run(withTrails(split({ heads: 2 })));
    const own = "grad.heads.1.blocks.2.attention.q.weight";
    close(sum(own), two(own));
    const shared = "grad.blocks.0.attention.q.weight";
    for (const name of [own, shared]) close(sum(name), mean(name).map((g) => 3 * g)); // prettier-ignore
    expect(sum("loss")).toEqual(mean("loss"));
    close(sum("objective"), sum("loss").map((x) => 3 * x)); // prettier-ignore
    // the trunk's gradient is the sum over the heads': of three less of two is the third's, which is not nothing
    const third = sum(shared).map((g, i) => g - two(shared)[i]!);
    expect(Math.max(...third.map(Math.abs))).toBeGreaterThan(1e-6);
  });

  it("shares a tied embedding, an ensemble ties each member's own", () => {
    const tied = (trails: Variant): readonly string[] =>
      parametersOf({ ...llamaSpec({ ...sizes, tied: true }), trails }, features).flatMap((p) =>
        p.name.includes("embedding") || p.name.includes("head.") ? [p.name] : [],
      );
    expect(tied(split())).toEqual(["embedding.weight"]);
    expect(
      tied({ is: "ensemble", members: 2, combine: "mean_logits", loss: "sum" }),
    ).toEqual(["members.0.embedding.weight", "members.1.embedding.weight"]);
  }); // prettier-ignore
});

describe("combining", () => {
  const b = createBuilder();
  const shape = [
    { name: "n", size: 2 },
    { name: "v", size: 3 },
  ];
  const heads = ["0", "1"].map((name) => b.emit("input", [], { name, dtype: "f32", shape }));
  const inputs = { "0": [1, 2, 3, 300, -300, 0], "1": [0.5, -1, 2, 299, 300, -5] };
  const softmax = (z: readonly number[]): readonly number[] => {
    const top = Math.max(...z);
    const e = z.map((x) => Math.exp(x - top));
    return e.map((x) => x / e.reduce((s, y) => s + y, 0));
  };
  it("means logits", () => {
    const node = combine(b, "mean_logits", heads);
    const mean = inputs["0"].map((x, i) => (x + inputs["1"][i]!) / 2);
    close(evaluateNodes([node], { inputs, state: {} }).get(node)!, mean);
  });
  it("means probabilities, of large logits too", () => {
    const node = combine(b, "mean_probabilities", heads);
    const found = evaluateNodes([node], { inputs, state: {} }).get(node)!;
    for (const row of [0, 1]) {
      const [p, q] = [inputs["0"], inputs["1"]].map((z) => softmax(z.slice(row * 3, row * 3 + 3)));
      close(found.slice(row * 3, row * 3 + 3).map(Math.exp), p!.map((x, i) => (x + q![i]!) / 2)); // prettier-ignore
    }
  });
  it.each(["mean_logits", "mean_probabilities"])("%s is no worse than its heads [10]", (how) => {
    const get = run(withTrails(split({ combine: how })));
    const nats = (logits: Float64Array): number =>
      Array.from(targets).reduce((sum, target, n) => {
        return sum - Math.log(softmax([...logits.slice(n * 11, n * 11 + 11)])[target]!);
      }, 0) / targets.length; // prettier-ignore
    expect(nats(get("logits"))).toBeLessThan(get("loss")[0]!);
  });
});

describe("in the language", () => {
  it("says where a split does not fit", () => {
    expect(complaints("model M extends Base { trails = split(blocks_in_head: 5) }")).toEqual([
      "SPC3801 error at 5: heads of 5 blocks do not fit a model of 4",
    ]);
  });
  it("lets rules of a recipe take one head, or blocks wherever they are", () => {
    const recipe = `recipe R for M {
  data = text("x.txt", sequence: 64)
  decay {
    heads[0].* => none
    blocks[2 .. 4].* => constant(0.1)
    * => constant(0.2)
  }
}`;
    const model = "model M extends Base { trails = split(heads: 2, blocks_in_head: 2) }\n";
    expect(complaints(model + recipe)).toEqual([]);
  });
});
