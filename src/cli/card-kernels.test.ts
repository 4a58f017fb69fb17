// The models that `specc doctor` tries: each has a place for its kernel, and for no other.
import { expect, it } from "vitest";
import { CARD_KERNELS } from "../bundle/manifest.ts";
import { compile } from "../compiler/index.ts";
import { manifestOf } from "../compiler/emit/bundle.ts";
import { triedTarget } from "./card-kernels.ts";

it.each(CARD_KERNELS)("a model for %s", (kernel) => {
  const compilation = compile(triedTarget(kernel), {
    forms: ["tensorflow"],
    programs: ["forward"],
  });
  expect(manifestOf(compilation, "0", new Map()).cardKernels).toEqual([kernel]);
});
