// config.json beside weights. A model claims to be one of a family only when a library that knows the family computes the same
// from these very files; any other declares the type "specc", so that no loader builds something else under the same weights.
import { claimConfig } from "../huggingface/index.ts";
import type { DecoderSpec, ImageSpec, ModelSpec } from "../semantics/spec.ts";

const speccConfig = ({
  name,
  doc: _doc,
  vocab_size,
  hidden_size,
  context,
  ...parts
}: DecoderSpec): Readonly<Record<string, unknown>> => ({
  architectures: [`Specc${name}`],
  model_type: "specc",
  vocab_size,
  hidden_size,
  max_position_embeddings: context,
  num_hidden_layers: parts.blocks.length,
  tie_word_embeddings: parts.head["tied"] === true,
  specc: parts,
});

/** No library's classes for images have this shape. */
const imageConfig = ({
  name,
  doc: _doc,
  ...parts
}: ImageSpec): Readonly<Record<string, unknown>> => ({
  architectures: [`Specc${name}`],
  model_type: "specc",
  num_labels: parts.head["classes"],
  specc: parts,
  dtype: "float32",
});

export const configOf = (model: ModelSpec): Readonly<Record<string, unknown>> => {
  if (model.kind === "image") return imageConfig(model);
  const claimed = claimConfig(model);
  if (claimed === undefined) return { ...speccConfig(model), dtype: "float32" };
  return { ...claimed, bos_token_id: null, eos_token_id: null, dtype: "float32", use_cache: true };
};
