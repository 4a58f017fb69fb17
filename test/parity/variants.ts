// Small models that together hold every variant of every part: what must hold for all models is tested on these.
import type { DecoderSpec } from "../../src/compiler/semantics/spec.ts";
import { modelFrom } from "./models.ts";

interface Parts {
  readonly model?: string;
  readonly norm?: string;
  readonly attention?: string;
  readonly ffn?: string;
  readonly block?: string;
}
const small = ({
  model = "",
  norm = "pre()",
  attention = "mha(4)",
  ffn = "swiglu(12)",
  block = "",
}: Parts): DecoderSpec =>
  modelFrom(`model Small {
    vocab_size = 7 hidden_size = 8 context = 64
    blocks 2 { norm = ${norm} attention = ${attention} ffn = ${ffn} ${block} }
    ${model}
  }`);

const parts: Readonly<Record<string, Parts>> = {
  llama: {},
  "post-norm": { norm: "post()" },
  "layernorm, final norm off": { norm: "pre(layernorm())", model: "final_norm = none" },
  "layernorm without bias": { norm: "pre(layernorm(bias: false))" },
  "gains that start from 1 + weight": { norm: "pre(rmsnorm(unit_offset: true))" },
  "no norm but the last": { norm: "pre(none)" },
  sandwich: { norm: "sandwich()" },
  peri: { norm: "peri(layernorm())" },
  deepnorm: { norm: "deepnorm()" },
  "mixed norms": { norm: "mix(post_blocks: 1)" },
  lns: { norm: "lns()" },
  "gains that start at 1/√l": { norm: "lns_init()" },
  "parallel sub-layers": { norm: "parallel()" },
  dyt: { norm: "pre(dyt())" },
  "dyt and unit offsets by depth": {
    norm: "lns_init(if l == 1 then dyt() else rmsnorm(unit_offset: true))",
  },
  layerscale: { block: "residual = layerscale(0.3)" },
  "scaled branches": { norm: "sandwich()", block: "residual = scaled(1 / sqrt(2 * L))" },
  gqa: { attention: "gqa(4, kv: 2)" },
  mqa: { attention: "mqa(4)" },
  "head_dim apart from hidden_size": { attention: "mha(4, head_dim: 4)" },
  "attention biases": { attention: "mha(4, bias: true)" },
  "biases of q, k and v alone": { attention: "mha(4, bias: true, out_bias: false)" },
  "queries and keys normalised": { attention: "mha(4, qk_norm: per_head())" },
  "queries and keys normalised over all heads": {
    attention: "gqa(4, kv: 2, qk_norm: joint(layernorm()))",
  },
  "a window, a cap, a scale": { attention: "mha(4, window: 2, softcap: 0.5, scale: 0.7)" },
  "windows by layer": { attention: "mha(4, window: if mod(l, 2) == 1 then 2 else none)" },
  sinks: { attention: "gqa(4, kv: 2, sinks: true, window: 3)" },
  alibi: { attention: "mha(4, position: alibi())" },
  "learned positions": { attention: "mha(4, position: learned())" },
  "no positions": { attention: "mha(4, position: none)" },
  "rope, linear": { attention: "mha(2, position: rope(scaling: linear(4)))" },
  "rope, llama3": { attention: "mha(2, position: rope(100, scaling: llama3(8, original: 16)))" },
  "rope, yarn": { attention: "mha(2, position: rope(100, scaling: yarn(4, original: 16)))" },
  "rope, short longrope": {
    attention: "mha(2, position: rope(scaling: longrope([1, 2], [3, 4], original: 8)))",
  },
  geglu: { ffn: "geglu(12)" },
  "gelu by tanh, biased": { ffn: "gelu(12, approximate: tanh, bias: true)" },
  relu2: { ffn: "relu2(12)" },
  mla: { attention: "mla(2, kv_rank: 6, nope: 3, rope: 2, v: 5)" },
  "mla with narrow queries, yarn and biases": {
    attention: `mla(2, kv_rank: 6, q_rank: 4, nope: 3, rope: 4, v: 3, bias: true,
      position: rope(100, scaling: yarn(4, original: 16, mscale: 0.7, mscale_all_dim: 0.5)))`,
  },
  moe: { ffn: "moe(5, top_k: 2, intermediate: 6)" },
  "moe by sigmoids in groups, shared experts": {
    ffn: `moe(6, top_k: 2, intermediate: 6, shared: 2, balance: bias(0.1),
      router: sigmoid(renormalise: true, scale: 2.5, groups: groups(3, keep: 2, rank: best_two)))`,
  },
  coe: { ffn: "coe(5, top_k: 2, intermediate: 6, iterations: 3)" },
  "coe after norms, added outside": {
    norm: "post()",
    ffn: "coe(5, top_k: 2, intermediate: 6, router: first(), residual: both, shared: 1)",
  },
  "tied head": { model: "head = lm(tied: true)" },
  "embeddings scaled and normalised, logits capped": {
    model: "embedding = token(scale: sqrt(8), norm: rmsnorm()) head = lm(softcap: 0.5)",
  },
  "a trunk and three heads": {
    model: `trails = split(heads: 3, blocks_in_head: 1, combine: mean_probabilities, loss: mean,
      final_norm: twice)`,
  },
  "an ensemble of tied models": {
    model: "head = lm(tied: true) trails = ensemble(members: 2, combine: mean_logits, loss: mean)",
  },
  "gpas without the stop, after deepnorm's shortcut": {
    norm: "deepnorm()",
    block: "scaling = gpas(stop_gradient: false, init: -0.5, share: sublayer)",
  },
  "gpas without the stop, parallel": {
    norm: "parallel()",
    block: "scaling = gpas(gate: gelu, stop_gradient: false, init: 0.4)",
  },
  "gpas without the stop": { block: "scaling = gpas(stop_gradient: false, init: 0.4)" },
};

const byLength: Readonly<Record<string, Parts>> = {
  "rope, dynamic": { attention: "mha(2, position: rope(scaling: dynamic(4, original: 3)))" },
  "rope, longrope": {
    attention: `mha(2, position: rope(scaling: longrope([1, 2], [3, 4], original: 3,
      attention_factor: 1.1)))`,
  },
};

const modelsOf = (from: Readonly<Record<string, Parts>>): Readonly<Record<string, DecoderSpec>> =>
  Object.fromEntries(Object.entries(from).map(([name, part]) => [name, small(part)]));
/** Of every part each variant, as a whole model of two layers over seven tokens. */
export const variants = modelsOf(parts);
/** Those whose earlier states depend on how long the sequence becomes: beyond three tokens, no cache can hold them. */
export const variantsByLength = modelsOf(byLength);
