// Checkpoints of the authors' code (dandingsky/GPAS): LLaMA's config.json and tensors, one gate a block, and no sign of where
// the norms are, which that code takes from the environment. Here it stands in config.json, as `norm_type` and `post_num`.
import { FileFault } from "../../../bundle/file-fault.ts";
import { make, type Family, type Keys } from "../../huggingface/family.ts";
import type { ConfigReader } from "../../huggingface/config-reader.ts";
import {
  at,
  attentionKeys,
  decoderKeys,
  normKeys,
  readAttention,
  readDecoder,
  readNorm,
  readSwiglu,
  swigluKeys,
} from "../../huggingface/families/parts.ts";
import type { ModelSpec, Variant } from "../../semantics/spec.ts";

/** `NORM_TYPE` without its `_gpas`; the scaled ones start otherwise and compute the same. */
const placements: Readonly<Record<string, string>> = {
  pre: "pre",
  scale_pre: "pre",
  post: "post",
  sandwich: "sandwich",
  deeppost: "deepnorm",
  lns: "lns_init",
};
const MIXED: readonly string[] = ["post_pre", "scale_post_pre"];
const known = [...Object.keys(placements), ...MIXED];

const readPlacements = (config: ConfigReader, norm: Variant): ((layer: number) => Variant) => {
  if (!config.has("norm_type"))
    throw new FileFault(
      config.file,
      "norm_type is missing: the authors' code takes it from NORM_TYPE in the environment",
      `give it with --set norm_type=<${known.join("|")}>, followed by _gpas where there are gates`,
    );
  const type = config.text("norm_type").replace(/_gpas$/, "");
  if (MIXED.includes(type)) {
    const post = config.whole("post_num");
    return (layer) => make(layer < post ? "post" : "pre", { norm });
  }
  const placement = placements[type];
  if (placement === undefined)
    throw config.fault("norm_type", `${JSON.stringify(type)} is none of ${known.join(", ")}`);
  // their DeepNorm with gates starts like the other models
  const beta = config.text("norm_type") === "deeppost_gpas" ? null : undefined;
  return () => make(placement, { norm, ...(placement === "deepnorm" && { beta }) });
};

const typeOf = (placement: string): string =>
  Object.entries(placements).find(([, name]) => name === placement)?.[0] ?? placement;
const normType = (model: ModelSpec): Keys => {
  const names = model.blocks.map(({ norm }) => norm.is);
  const post = names.findIndex((name) => name !== "post");
  const gates = model.blocks.some(({ scaling }) => scaling?.is === "gpas") ? "_gpas" : "";
  const mixed = post > 0 && names.slice(post).every((name) => name === "pre");
  return mixed
    ? { norm_type: `post_pre${gates}`, post_num: post }
    : { norm_type: `${typeOf(names[0] ?? "pre")}${gates}` };
};

export const gpasCheckpoints: Family = {
  // LLaMA's own type would let any loader drop the gates.
  name: "gpas_llama",
  architecture: "LLaMAForCausalLM",
  source: "GPAS, arXiv 2506.22049, the authors' layout",
  reader:
    'transformers has no such model: the authors\' code loads it with model_type "llama" in config.json and NORM_TYPE in the environment',
  recognises: (config, tensors) =>
    config["model_type"] === "gpas_llama" ||
    (Array.isArray(config["architectures"]) &&
      config["architectures"].includes("LLaMAForCausalLM")) ||
    [...tensors].some((name) => name.endsWith(".gpas_block.gate")),
  read: (config) => {
    const norm = readNorm(config);
    const placementOf = readPlacements(config, norm);
    const scaling = config.text("norm_type").endsWith("_gpas") ? make("gpas") : undefined;
    const block = (layer: number): Keys => ({
      norm: placementOf(layer),
      attention: readAttention(config, { position: make("rope", { theta: 10_000 }) }),
      ffn: readSwiglu(config),
      scaling,
    });
    return readDecoder(config, {
      block,
      final_norm: norm,
      context: config.whole("max_position_embeddings", config.whole("max_sequence_length", 1024)),
      embedding: { init: make("normal", { std: Math.sqrt(0.4) }) },
    });
  },
  write: (model) => ({
    ...decoderKeys(model),
    ...normKeys(model),
    ...attentionKeys(model),
    ...swigluKeys(model),
    ...normType(model),
    rope_theta: at(model.blocks[0], "attention.position.theta"),
  }),
};
