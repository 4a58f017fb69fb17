// What config.json says of every decoder with rotary positions, whatever its feed-forward layers are.
import type { DecoderSpec } from "../../semantics/spec.ts";
import type { Config } from "../config-reader.ts";
import { attentionKeys, decoderKeys, normKeys } from "./parts.ts";
import { ropeKeys } from "./rope.ts";

export const rotaryKeys = (model: DecoderSpec): Config => ({
  ...decoderKeys(model),
  ...normKeys(model),
  ...attentionKeys(model),
  ...ropeKeys(model),
});
