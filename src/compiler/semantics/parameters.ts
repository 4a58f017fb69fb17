// The names of a model's parameters, as selectors see them: "blocks.0.attention.q.weight".
import type { VocabularyPart } from "./schema.ts";
import type { BlockSpec, ModelSpec, Value, Variant } from "./spec.ts";

type Extra = NonNullable<VocabularyPart["parameters"]>;

export const parameterPaths = (model: ModelSpec, extras: readonly Extra[] = []): string[] => {
  const paths = ["embedding.weight"];
  if (model.blocks.some((block) => variant(block.attention["position"])?.is === "learned"))
    paths.push("position.weight");
  model.blocks.forEach((block, i) => {
    const own = [...blockPaths(block), ...extras.flatMap((extra) => extra(block))];
    paths.push(...own.map((path) => `blocks.${i}.${path}`));
  });
  if (model.final_norm !== null) paths.push(...normPaths("final_norm", model.final_norm));
  if (model.head["tied"] !== true) paths.push("head.weight");
  return paths;
};

const variant = (value: Value | undefined): Variant | undefined =>
  typeof value === "object" && value !== null && "is" in value ? value : undefined;

const blockPaths = ({ norm, attention, ffn }: BlockSpec): readonly string[] => {
  const kind = variant(norm["norm"]);
  const norms = (name: string): readonly string[] =>
    kind === undefined ? [] : normPaths(name, kind);
  const gated = ffn.is === "swiglu" || ffn.is === "geglu";
  return [
    ...norms("attention_norm"),
    ...linear("attention", ["q", "k", "v", "o"], attention["bias"] === true),
    ...norms("ffn_norm"),
    ...linear("ffn", gated ? ["gate", "up", "down"] : ["up", "down"], ffn["bias"] === true),
  ];
};

const normPaths = (name: string, norm: Variant): readonly string[] =>
  norm.is === "layernorm" && norm["bias"] === true
    ? [`${name}.weight`, `${name}.bias`]
    : [`${name}.weight`];

const linear = (at: string, parts: readonly string[], bias: boolean): readonly string[] =>
  parts.flatMap((part) =>
    bias ? [`${at}.${part}.weight`, `${at}.${part}.bias`] : [`${at}.${part}.weight`],
  );

export const wordsOfPaths = (paths: readonly string[]): readonly string[] => [
  ...new Set(paths.flatMap((path) => path.split(".")).filter((word) => !/^\d+$/.test(word))),
];
