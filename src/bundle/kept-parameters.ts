// How much of a model its masks leave.
import type { Manifest } from "./manifest.ts";
import { sizeOf } from "./tensor.ts";

/** Numbers of parameters that no mask makes zero: of masks that are drawn, as many as are expected. */
export const keptParameters = ({ model, state }: Pick<Manifest, "model" | "state">): number => {
  const masked = state.reduce(
    (sum, { init, shape }) =>
      init.kind === "bernoulli" ? sum + sizeOf(shape) * (1 - init.density) : sum,
    0,
  );
  return Math.round(model.parameters - masked);
};
