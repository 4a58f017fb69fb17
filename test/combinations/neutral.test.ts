// What constructors say of themselves (`Constructor.neutral`): with these settings and these parameters a model computes the same
// numbers as with another value in the place. In models in which each two constructors of all other keys meet.
import { describe, expect, it } from "vitest";
import { vocabulary } from "../../src/compiler/words.ts";
import type { StateEntry } from "../../src/bundle/manifest.ts";
import type { Values } from "../../src/compiler/ir/evaluate.ts";
import { coverOf } from "./cover.ts";
import { check, decoders, images, labelOf, type Part, type World } from "./models.ts";
import { initialOf, numbersOf, run, stateOf, type Numbers } from "./numbers.ts";

const claims = vocabulary.constructors.flatMap((ctor) =>
  (ctor.neutral ?? []).map((claim) => ({ ctor, ...claim })),
);
/** Each in the models that have a key for it. */
const cases = claims.flatMap((claim) =>
  [["decoders", decoders] as const, ["image models", images] as const].flatMap(([kind, world]) => {
    const axis = world.axes.find(({ plain }) => plain.some((p) => p.ctor === claim.ctor.name));
    return axis === undefined ? [] : [{ ...claim, kind, world, axis }];
  }),
);
it("each claim is made of some model", () => {
  expect(claims.filter((claim) => cases.every(({ ctor }) => ctor !== claim.ctor))).toEqual([]);
});

const numbers = ({ textOf }: World, parts: readonly Part[]): Numbers =>
  numbersOf(Object.values(check(textOf(parts)).spec!.models)[0]!, false);
const sizeOf = ({ shape }: StateEntry): number => shape.reduce((n, d) => n * d, 1);

/**
 * The values of one model's parameters for another's: by name, then in order where sizes agree (an expert's weights for a layer
 * that has no experts), and what is left as it starts.
 */
const carried = (
  to: readonly StateEntry[],
  from: readonly StateEntry[],
  state: Readonly<Record<string, Float64Array>>,
): Values => {
  const names = new Set(to.map(({ name }) => name));
  const free = from.filter(({ name }) => !names.has(name));
  return Object.fromEntries(
    to.map((p) => {
      const known = state[p.name];
      if (known?.length === sizeOf(p)) return [p.name, known];
      const at = free.findIndex((other) => sizeOf(other) === sizeOf(p));
      const [other] = at < 0 ? [] : free.splice(0, at + 1).slice(-1);
      return [p.name, other === undefined ? initialOf(p) : state[other.name]!];
    }),
  );
};

describe.each(cases)(
  "$with computes what $is does, in $kind",
  ({ ctor, with: setting, is, world, axis }) => {
    const { axes, errorsOf, refusedPairs } = world;
    const part = (text: string): Part => ({ key: axis.key, text, ctor: ctor.name });
    const { models } = coverOf(
      axes.filter((a) => a !== axis).map((a) => ({ ...a, settings: [] })),
      () => true,
      (parts) => (errorsOf(parts).length === 0 ? [] : refusedPairs(parts)),
    );
    const taken = models.filter((rest) =>
      [setting, is].every((text) => errorsOf([part(text), ...rest]).length === 0),
    );
    it("in some models", () => {
      expect(taken.length).toBeGreaterThan(models.length / 2);
    });
    it.each(taken.map((rest) => [labelOf(rest), rest] as const))("with %s", (_label, rest) => {
      const [one, other] = [setting, is].map((text) => numbers(world, [part(text), ...rest]));
      const state = stateOf(other!.parameters);
      const expected = run(other!, state);
      const found = run(one!, carried(one!.parameters, other!.parameters, state));
      for (const name of ["logits", "loss"])
        expected[name]!.forEach((x, i) => {
          expect(Math.abs(found[name]![i]! - x)).toBeLessThanOrEqual(
            1e-12 * Math.max(1, Math.abs(x)),
          );
        });
    });
  },
);
