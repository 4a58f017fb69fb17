// `fixed(density, init)` as this feature reads it.
import { InternalError } from "../../diagnostics/types.ts";
import { number, text } from "../../model/config.ts";
import type { ParameterShape } from "../../semantics/schema.ts";
import type { Variant } from "../../semantics/spec.ts";
import { densities, distributions } from "./densities.ts";

export const fixedDensities = (
  spec: Variant,
  weights: readonly ParameterShape[],
): readonly number[] => {
  const how = distributions.find((name) => name === text(spec, "init"));
  if (how === undefined) throw new InternalError(`no distribution ${text(spec, "init")}`);
  return densities(how, number(spec, "density"), weights);
};
