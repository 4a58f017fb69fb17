// config.json of an exported model: the family's keys from the Spec, all others from the file that the model came with, and
// the older spelling of some keys on request.
import { configReader, isConfig, type Config } from "./config-reader.ts";
import { olderRope } from "./families/rope.ts";
import { isOf, readModel, type Fit } from "./index.ts";
import { differences } from "./same-model.ts";
import type { DecoderSpec } from "../semantics/spec.ts";

/** Whether a config says just this model, so that it can stay as it is. */
export const saysModel = (config: Config, { family }: Fit, model: DecoderSpec): boolean =>
  isOf(family, config) &&
  differences(model, readModel(family, configReader(config, "config.json"))).length === 0;

/** Keys that `rope_parameters` has taken the place of. */
const OLDER = ["rope_theta", "rope_scaling", "rope_local_base_freq", "torch_dtype"];

/** What version 4 of transformers reads; it ignores the newer keys. */
const olderKeys = ({ rope_parameters: rope, dtype }: Config): Config => ({
  torch_dtype: dtype,
  ...(isConfig(rope) && olderRope(rope)),
});

/** What of a model version 4 of transformers would not compute from its config, a sentence each. */
export const lostBefore5 = (
  { rope_parameters: _, ...config }: Config,
  { family }: Fit,
  model: DecoderSpec,
): readonly string[] => [
  ...differences(model, readModel(family, configReader(config, "config.json"))).map(
    ({ text }) => text,
  ),
  ...(family.lostBefore5?.(model) ?? []),
];

/** All of a config that goes on, or only what says nothing of the model. */
const keptOf = (base: Config, { family }: Fit, all: boolean): Config => {
  if (!isOf(family, base)) return {};
  const reader = configReader(base, "config.json");
  if (!all) family.read(reader);
  const unread = new Set(reader.unread());
  return Object.fromEntries(
    Object.entries(base).filter(([key]) => !OLDER.includes(key) && unread.has(key)),
  );
};

export const configFor = (
  fit: Fit,
  model: DecoderSpec,
  base: Config,
  own: Config,
  compat: "v4" | undefined,
): Config => {
  const merged = (all: boolean): Config => ({ ...keptOf(base, fit, all), ...fit.config, ...own });
  // A key that the family does not write for this model could say something of the one before.
  const config = saysModel(merged(true), fit, model) ? merged(true) : merged(false);
  const all = compat === "v4" ? { ...config, ...olderKeys(config) } : config;
  return Object.fromEntries(Object.entries(all).sort(([a], [b]) => (a < b ? -1 : 1)));
};
