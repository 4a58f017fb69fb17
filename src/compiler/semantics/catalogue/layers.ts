// SPC32xx and SPC33xx: norms and attention, where the choices of one layer do not go together.
import { entry } from "../../diagnostics/entry.ts";

const blocks = (body: string): string => `model M extends Base {\n  blocks { ${body} }\n}`;
const attention = (options: string): string => blocks(`attention = mha(heads: 4, ${options})`);
const rope = (scaling: string): string => attention(`position: rope(scaling: ${scaling})`);

export const layerEntries = [
  entry(
    3301,
    "yarn-factors",
    "{problem}",
    "cos and sin have one factor: attention_factor, or the ratio that mscale and mscale_all_dim give together. A setting without effect would be taken for one that has.",
    rope("yarn(factor: 4, original: 64, mscale: 1)"),
    rope("yarn(factor: 4, original: 64, mscale: 1, mscale_all_dim: 0.5)"),
  ),
  entry(
    3302,
    "rope-divisors",
    "{name} has {count} divisors, but {width} channels that turn have {wanted} frequencies",
    "LongRoPE divides each rotary frequency by a number of its own, and each pair of channels has one frequency.",
    rope("longrope(short: [1, 1, 1], long: [1, 2, 4, 8], original: 64)"),
    rope("longrope(short: [1, 1, 1, 1], long: [1, 2, 4, 8], original: 64)"),
  ),
  entry(
    3303,
    "scaling-never-acts",
    "{name} changes sequences beyond {original} positions, the context has {context}",
    "This scaling leaves sequences up to `original` as they are, so here it does nothing.",
    rope("dynamic(factor: 4, original: 512)"),
    rope("dynamic(factor: 4, original: 64)"),
    "warning",
  ),
  entry(
    3304,
    "learned-positions-differ",
    "learned positions are one table, but the blocks do not agree on it",
    "The trained vectors are added once, to the embeddings, before the first block. Either every block has them, started alike, or none.",
    blocks("attention = mha(4, position: if l == 1 then learned() else rope())"),
    blocks("attention = mha(4, position: learned())"),
  ),
  entry(
    3305,
    "window-sees-all",
    "a window of {window} in a context of {context} hides nothing",
    "A query sees the last `window` keys. No sequence is longer than the context, so this window never cuts one off.",
    attention("window: 256"),
    attention("window: 128"),
    "warning",
  ),
  entry(
    3306,
    "rope-ramp",
    "{few} {from} is not below {many} {to}",
    "Pairs of channels that turn often within `original` keep their frequency, those that turn seldom have theirs divided, and a ramp leads from one to the other. It needs two different ends, the number of turns at which all is divided below the one at which all is kept.",
    rope("llama3(factor: 8, original: 64, low_freq: 4, high_freq: 1)"),
    rope("llama3(factor: 8, original: 64, low_freq: 1, high_freq: 4)"),
  ),
] as const;
