// Each word, switch and content of every constructor with each constructor of all other keys, many pairs a model.
import { describe, expect, it } from "vitest";
import { coverOf } from "./cover.ts";
import { decoders, labelOf, type Axis } from "./models.ts";
import { verify } from "./verify.ts";

const { errorsOf, refusedPairs } = decoders;

/** A model parts at any boundary of its blocks, the first and the last included. */
const partings = ["split(heads: 2, blocks_in_head: 0)", "split(heads: 2, blocks_in_head: 2)"];
const axes = decoders.axes.map((axis): Axis => {
  if (axis.key !== "trails") return axis;
  const parts = partings.map((text) => ({ key: axis.key, text, ctor: "split" }));
  return { ...axis, settings: [...axis.settings, ...parts] };
});

const settings = axes.flatMap((axis) => axis.settings);
/** Others have no meaning for their constructor: alibi for latent attention. */
const sound = new Set(settings.filter((part) => errorsOf([part]).length === 0));
const { models, refused } = coverOf(
  axes.map((axis) => ({ ...axis, settings: axis.settings.filter((part) => sound.has(part)) })),
  // two settings need not meet: there are too many
  (a, b) => sound.has(a) !== sound.has(b),
  (parts) => (errorsOf(parts).length === 0 ? [] : refusedPairs(parts)),
);

it("most settings are sound, and most pairs", () => {
  expect(sound.size).toBeGreaterThan(0.9 * settings.length);
  expect(refused.length).toBeLessThan(sound.size);
});
describe("in one model", () => {
  it.each(models.map((parts) => [labelOf(parts), parts] as const))("%s", (_label, parts) => {
    verify(decoders, parts);
  });
});
