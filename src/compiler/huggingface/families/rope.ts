// Rotary positions in config.json: `rope_parameters` since version 5 of transformers, `rope_theta` and `rope_scaling` before;
// both are read, the newer is written.
import type { ModelSpec, Value } from "../../semantics/spec.ts";
import type { Config, ConfigReader } from "../config-reader.ts";
import { make } from "../family.ts";
import { at, firstBlock, variantAt } from "./parts.ts";

export const readRope = (config: ConfigReader, theta = 10_000): Value => {
  if (config.has("rope_parameters"))
    return ropeFrom(config.inner("rope_parameters"), theta, config);
  const base = config.real("rope_theta", theta);
  return config.has("rope_scaling")
    ? ropeFrom(config.inner("rope_scaling"), base, config)
    : make("rope", { theta: base });
};

/** One set of parameters; `theta` where they do not say. */
const ropeFrom = (rope: ConfigReader, theta: number, _config: ConfigReader): Value => {
  const type = rope.text("rope_type", rope.text("type", "default"));
  const base = rope.real("rope_theta", theta);
  if (type === "default") return make("rope", { theta: base });
  throw rope.fault("rope_type", `${JSON.stringify(type)} is not known`);
};

export const ropeKeys = (model: ModelSpec): Config => {
  const position = variantAt(firstBlock(model), "attention.position");
  return position?.is === "rope"
    ? { rope_parameters: { rope_type: "default", rope_theta: at(position, "theta") } }
    : {};
};
