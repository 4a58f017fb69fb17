// Which parameters a model has, asked of the builders themselves: the smallest forward pass, of which only the names are kept.
import { createBuilder } from "../ir/builder.ts";
import type { ModelSpec } from "../semantics/spec.ts";
import { createStage } from "./kinds.ts";
import { createParameters, type Parameter } from "./parameters.ts";
import { readModel } from "./reading.ts";
import type { Method } from "./sites.ts";

/** In the order of the data. */
export const parametersOf = (
  model: ModelSpec,
  methods: readonly Method[],
): readonly Parameter[] => {
  const b = createBuilder();
  const params = createParameters(b);
  readModel(createStage(b, params, methods), model, { batch: 1, sequence: 1 });
  return params.list();
};
