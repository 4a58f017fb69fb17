// The words of latent attention: `mla(...)` and its complaints.
import { numberOf, variantOf } from "../../semantics/spec-values.ts";
import type { Complaint, DiagnosticEntry } from "../../diagnostics/entry.ts";
import type { VocabularyPart } from "../../semantics/schema.ts";
import type { Variant } from "../../semantics/spec.ts";
import { counting, key, sum, yesNo } from "../../semantics/vocabulary/kit.ts";

const source = "arXiv 2405.04434";

const check = (value: Variant): readonly Complaint<Entry>[] => {
  const complaints: Complaint<Entry>[] = [];
  const rope = numberOf(value["rope"]);
  if (rope !== undefined && rope % 2 !== 0)
    complaints.push({
      name: "mla-odd-rope",
      args: { rope },
      at: "rope",
      details: { help: [`use rope: ${rope + 1}${rope > 1 ? ` or ${rope - 1}` : ""}`] },
    });
  const position = variantOf(value["position"]);
  if (position !== undefined && position.is !== "rope")
    complaints.push({
      name: "mla-position",
      args: { position: position.is },
      at: "position",
      details: { help: ["use position: rope(...)"] },
    });
  const [rank, heads] = [numberOf(value["kv_rank"]), numberOf(value["heads"])];
  const [nope, v] = [numberOf(value["nope"]), numberOf(value["v"])];
  if (rank === undefined || heads === undefined || nope === undefined || v === undefined)
    return complaints;
  const whole = heads * (nope + v);
  if (rank >= whole)
    complaints.push({
      name: "mla-wide-latent",
      args: { rank, whole },
      at: "kv_rank",
      details: { help: [`use a kv_rank well below ${whole}, or mha(...)`] },
    });
  return complaints;
};

const attention = (args: string): string =>
  `model M extends Base {\n  blocks { attention = mla(${args}) }\n}`;
const diagnostics = [
  {
    code: "SPC3601",
    name: "mla-odd-rope",
    severity: "error",
    message: "the rotary part of a head is {rope} channels wide, an odd number",
    why: "Rotary positions turn channels in pairs.",
    wrong: attention("heads: 4, kv_rank: 16, nope: 8, rope: 3, v: 8"),
    right: attention("heads: 4, kv_rank: 16, nope: 8, rope: 4, v: 8"),
  },
  {
    code: "SPC3602",
    name: "mla-position",
    severity: "error",
    message: "mla turns a part of its queries and keys by rope, not by {position}",
    why: "Latent attention keeps positions out of the latent and gives them a part of queries and keys of its own, `rope` channels wide, which rotary positions turn. Other ways to tell positions have no place in it.",
    wrong: attention("heads: 4, kv_rank: 16, nope: 8, rope: 4, v: 8, position: none()"),
    right: attention("heads: 4, kv_rank: 16, nope: 8, rope: 4, v: 8, position: rope()"),
  },
  {
    code: "SPC3603",
    name: "mla-wide-latent",
    severity: "warning",
    message:
      "a latent of {rank} channels is no narrower than the {whole} of the keys and values it stands for",
    why: "The latent is what generation keeps instead of keys and values; when it is as wide as they are it saves nothing and costs a product more.",
    wrong: attention("heads: 4, kv_rank: 64, nope: 8, rope: 4, v: 8"),
    right: attention("heads: 4, kv_rank: 16, nope: 8, rope: 4, v: 8"),
  },
] as const satisfies readonly DiagnosticEntry[];
type Entry = (typeof diagnostics)[number];

export const vocabulary: VocabularyPart<Entry> = {
  constructors: [
    {
      name: "mla",
      of: "Attention",
      doc: "latent attention: keys and values of all heads from one narrow vector a token, positions in a part of their own",
      source,
      keys: [
        key("heads", counting, "query heads", { example: "4" }),
        key("kv_rank", counting, "width of the latent that keys and values come from", {
          example: "16",
          source: `${source}, eq. 9-11`,
        }),
        key(
          "q_rank",
          counting,
          "width of the latent that queries come from; none takes them from the state itself",
          { default: "none", example: "8", optional: true, source: `${source}, eq. 12-13` },
        ),
        key("nope", counting, "channels of a head's queries and keys that know no position", {
          example: "8",
        }),
        key(
          "rope",
          counting,
          "channels of a head's queries and keys that are turned; the key's are one for all heads",
          { example: "4", source: `${source}, eq. 14-19` },
        ),
        key("v", counting, "channels of a head's values", { example: "8" }),
        key("position", sum("Position"), "how the turned part is turned", { default: "rope()" }),
        key("norm", sum("Norm"), "the norm of each latent", {
          default: "rmsnorm(eps: 1e-6)",
          source: "DeepSeek's modeling code: kv_a_layernorm, q_a_layernorm",
        }),
        key("bias", yesNo, "adds a bias where latents are made, and to o", {
          default: "false",
          source: "attention_bias of Hugging Face configs",
        }),
      ],
      check,
    },
  ],
  diagnostics,
  otherNames: {
    kv_rank: ["kv_lora_rank"],
    q_rank: ["q_lora_rank"],
    nope: ["qk_nope_head_dim", "qk_nope"],
    rope: ["qk_rope_head_dim", "qk_rope"],
    v: ["v_head_dim"],
  },
};
