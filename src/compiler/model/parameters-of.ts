// Which parameters a model has, asked of the builders themselves: the smallest forward pass, of which only the names are kept.
import { createBuilder } from "../ir/builder.ts";
import type { ModelSpec } from "../semantics/spec.ts";
import { createStage } from "./kinds.ts";
import { dim } from "./ops.ts";
import { createParameters, type Parameter } from "./parameters.ts";
import type { Method } from "./sites.ts";
import { decoder } from "./transformer.ts";

/** In the order of the data. */
export const parametersOf = (
  model: ModelSpec,
  methods: readonly Method[],
): readonly Parameter[] => {
  const b = createBuilder();
  const params = createParameters(b);
  const shape = [dim("batch", 1), dim("seq", 1)];
  const ids = b.emit("input", [], { name: "input_ids", dtype: "i32", shape });
  decoder(createStage(b, params, methods), model, ids);
  return params.list();
};
