// Every variant of every part, as a whole small model: the gradient along a random direction against central differences of
// the loss in float64, parameter paths against those that the checker gives selectors, and what does not reach backwards.
import { describe, expect, it } from "vitest";
import { passOf } from "../../../test/parity/models.ts";
import { variants, variantsByLength } from "../../../test/parity/variants.ts";
import { createBuilder } from "../ir/builder.ts";
import { vocabulary } from "../words.ts";
import { createStage } from "./kinds.ts";
import { createParameters } from "./parameters.ts";
import { features } from "../features/index.ts";
import { parametersOf } from "./parameters-of.ts";

const [B, T] = [2, 5];
const ids = Float64Array.from({ length: B * T }, (_, i) => (i * 3 + 1) % 7);
const targets = Float64Array.from({ length: B * T }, (_, i) => (i === 3 ? -100 : (i * 5 + 2) % 7));
/** Reproducible numbers in (-1, 1). */
const draw = (seed: number) => {
  let s = seed;
  return (): number => {
    s = (s * 1_103_515_245 + 12_345) % 2 ** 31;
    return s / 2 ** 30 - 1;
  };
};

describe.each(Object.entries({ ...variants, ...variantsByLength }))("%s", (_name, model) => {
  const { parameters, run } = passOf(model, B, T);
  const random = draw(7);
  const vectors = (scale: number): Record<string, Float64Array> =>
    Object.fromEntries(
      parameters.map((p) => {
        const count = p.shape.reduce((n, d) => n * d.size, 1);
        return [p.name, Float64Array.from({ length: count }, () => scale * random())];
      }),
    );
  const [state, direction] = [vectors(0.5), vectors(1)];
  const moved = (by: number): Record<string, Float64Array> =>
    Object.fromEntries(
      Object.entries(state).map(([name, x]) => [
        name,
        x.map((v, i) => v + by * direction[name]![i]!),
      ]),
    );
  const found = run({ ids, targets, state });

  it("has the gradient that differences of the loss show", () => {
    const step = 1e-5;
    const [ahead, behind] = [step, -step].map(
      (by) => run({ ids, targets, state: moved(by) })["loss"]![0]!,
    );
    const slope = (ahead! - behind!) / (2 * step);
    const along = parameters.reduce(
      (sum, p) =>
        sum + found[`grad.${p.name}`]!.reduce((s, g, i) => s + g * direction[p.name]![i]!, 0),
      0,
    );
    expect(Math.abs(along)).toBeGreaterThan(1e-3);
    expect(Math.abs(along - slope)).toBeLessThan(1e-6 * Math.max(1, Math.abs(slope)));
  });

  it("has the parameters that selectors see, whatever its sizes", () => {
    expect(parametersOf(model, features)).toEqual(parameters);
    expect(new Set(parameters.map((p) => p.diskName)).size).toBe(parameters.length);
  });

  it("looks at no later token", () => {
    const other = ids.map((id, i) => (i % T === T - 1 ? (id + 1) % 7 : id));
    const changed = run({ ids: other, targets, state })["logits"]!;
    const differs = found["logits"]!.map((x, i) => Math.abs(x - changed[i]!));
    const at = (t: number): number =>
      Math.max(...differs.filter((_x, i) => Math.floor(i / 7) % T === t));
    expect([0, 1, 2, 3].map(at)).toEqual([0, 0, 0, 0]);
    expect(at(4)).toBeGreaterThan(0);
  });
});

it.each(["attention", "ffn", "norm", "placement", "residual", "unit"] as const)(
  "every constructor of %s has a builder, or stands for others",
  (family) => {
    const sums = {
      attention: ["Attention"],
      ffn: ["Ffn"],
      norm: ["Norm", "ImageNorm"],
      placement: ["NormPlacement"],
      residual: ["Residual"],
      unit: ["Unit"],
    };
    const b = createBuilder();
    const { kinds } = createStage(b, createParameters(b), features);
    const named = vocabulary.constructors.filter(
      (c) => sums[family].includes(c.of) && c.perLayer === undefined,
    );
    expect(Object.keys(kinds[family]).sort()).toEqual(named.map((c) => c.name).sort());
  },
);
