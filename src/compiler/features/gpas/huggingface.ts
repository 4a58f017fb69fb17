// Checkpoints of the authors' code (dandingsky/GPAS): LLaMA's config.json and tensors, one gate a block, and no sign of where
// the norms are, which that code takes from the environment. Here it stands in config.json, as `norm_type` and `post_num`.
import { FileFault } from "../../../bundle/file-fault.ts";
import { make, type Family, type Keys } from "../../huggingface/family.ts";
import type { Config, ConfigReader } from "../../huggingface/config-reader.ts";
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
import type { DecoderSpec, Variant } from "../../semantics/spec.ts";

/** `NORM_TYPE` without its `_gpas`, and what it is called here; the scaled ones start otherwise and compute the same. */
const placements: Readonly<Record<string, string>> = {
  pre: "pre",
  scale_pre: "pre",
  lns: "lns_init",
  sandwich: "sandwich",
  post: "post",
  deeppost: "deepnorm",
  post_pre: "mix",
  scale_post_pre: "mix",
};
const known = Object.keys(placements);

const readPlacement = (config: ConfigReader, norm: Variant): Variant => {
  if (!config.has("norm_type"))
    throw new FileFault(
      config.file,
      "norm_type is missing: the authors' code takes it from NORM_TYPE in the environment",
      `give it with --set norm_type=<${known.join("|")}>, followed by _gpas where there are gates`,
    );
  const type = config.text("norm_type").replace(/_gpas$/, "");
  const placement = placements[type];
  if (placement === undefined)
    throw config.fault("norm_type", `${JSON.stringify(type)} is none of ${known.join(", ")}`);
  return make(placement, {
    norm,
    post_blocks: placement === "mix" ? config.whole("post_num") : undefined,
    // their DeepNorm with gates starts like the other models
    beta: config.text("norm_type") === "deeppost_gpas" ? null : undefined,
  });
};

/** Layers of a mixed model are each one or the other: the Spec knows no more. */
const normType = (model: DecoderSpec): Config => {
  const names = model.blocks.map(({ norm }) => norm.is);
  const post = names.findIndex((name) => name !== "post");
  const gates = model.blocks.some(({ scaling }) => scaling?.is === "gpas") ? "_gpas" : "";
  const mixed = post > 0 && names.slice(post).every((name) => name === "pre");
  if (mixed) return { norm_type: `post_pre${gates}`, post_num: post };
  const type = known.find((name) => placements[name] === names[0]);
  return { norm_type: `${type ?? names[0] ?? ""}${gates}` };
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
    const placement = readPlacement(config, norm);
    const scaling = config.text("norm_type").endsWith("_gpas") ? make("gpas") : undefined;
    const block = (): Keys => ({
      norm: placement,
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
