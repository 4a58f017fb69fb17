// What a picture of a model shows: its parts from token ids to logits, each block put together as its placement is built.
import { grouped, measureText } from "../../bundle/numbers.ts";
import { features } from "../features/index.ts";
import { optionalNumber, optionalVariant, variant } from "../model/config.ts";
import { kindsOf } from "../model/kinds.ts";
import type { LayerName } from "../model/parameters.ts";
import { kindOf, type Site, type SubLayer } from "../model/sites.ts";
import type { BlockSpec, DecoderSpec, ModelSpec, Variant } from "../semantics/spec.ts";
import { imageParts } from "./image-rows.ts";
import { blockGroups, details, PART, type PartRows, type Row } from "./rows.ts";

const { placement: placements, ...layers } = kindsOf(features);

const normRow = (norm: Variant): Row => ({ kind: "norm", title: norm.is, detail: details(norm) });

/** Both sub-layers, put together as the block's placement says. */
const blockRows = (block: BlockSpec): readonly Row[] => {
  const placement = kindOf(placements, block.norm);
  const { norms } = placement;
  const inner = variant(block.norm, "norm");
  const norm = (name: LayerName | undefined): readonly Row[] =>
    name === undefined || inner.is === "none" ? [] : [normRow(inner)];
  const gates = (site: Site): readonly Row[] =>
    features.flatMap((method) => {
      const config = method.configOf?.(block);
      return config === undefined || method.siteOf?.(config, placement) !== site
        ? []
        : // what a gate computes is its default activation as often as not
          [{ kind: "gate", title: config.is, detail: details(config, true) }];
    });
  const body = (sub: SubLayer): Row => ({
    kind: sub,
    title: block[sub].is,
    detail: details(block[sub]),
  });
  const { residual } = block;
  const joined: readonly Row[] =
    residual.is === "plain"
      ? []
      : [{ kind: "gate", title: residual.is, detail: details(residual) }];
  const alpha = placement.shortcut?.(block.norm, block) ?? 1;
  const half = (...subs: readonly SubLayer[]): readonly Row[] => {
    const [first, second] = subs as readonly [SubLayer, SubLayer | undefined];
    const branch = [
      ...norm(norms[first].before),
      ...(norms[first].before === undefined ? [] : gates("norm.out")),
      second === undefined ? body(first) : { ...body(first), beside: body(second) },
      ...gates("branch.out"),
      ...norm(norms[first].inside),
      ...joined,
    ];
    const onShortcut = [
      ...gates("residual.skip").map(({ title }) => title),
      ...(alpha === 1 ? [] : [`× ${measureText(alpha)}`]),
    ];
    const plus: Row = { kind: "add", title: "+", detail: "" };
    const replaced = subs.some((s) => kindOf(layers[s], block[s]).replacesStream?.(block[s]));
    // what stands in place of the stream meets no shortcut
    const sum: readonly Row[] = !replaced
      ? [{ ...plus, skips: branch.length, onShortcut }]
      : subs.length > 1
        ? [plus]
        : [];
    const after = norm(norms[first].after);
    return [...gates("residual.in"), ...branch, ...sum, ...gates("residual.out"), ...after];
  };
  return placement.parallel === true
    ? half("attention", "ffn")
    : [...half("attention"), ...half("ffn")];
};

/** Of a decoder; `imageParts` of an image model. */
const decoderParts = (model: DecoderSpec): PartRows => {
  const { final_norm: norm } = model;
  const tied = model.head["tied"] === true;
  const embeddingNorm = optionalVariant(model.embedding, "norm");
  const detail = (size: string, of: Variant, key: string): string => {
    const value = optionalNumber(of, key);
    return value === null ? size : `${size}${PART}${key} ${measureText(value)}`;
  };
  return {
    input: { kind: "io", title: "token ids", detail: `up to ${grouped(model.context)}` },
    stem: [
      {
        kind: "embed",
        title: `${model.embedding.is} embedding`,
        detail: detail(
          `${grouped(model.vocab_size)} × ${grouped(model.hidden_size)}`,
          model.embedding,
          "scale",
        ),
        place: "embedding",
      },
      ...(embeddingNorm === null ? [] : [normRow(embeddingNorm)]),
    ],
    blocks: (from, to) => blockGroups(model.blocks.slice(from, to), blockRows),
    finalNorm: norm && normRow(norm),
    head: [
      {
        kind: "head",
        title: `${model.head.is} head`,
        detail: detail(
          tied
            ? "the embedding's weights"
            : `${grouped(model.hidden_size)} × ${grouped(model.vocab_size)}`,
          model.head,
          "softcap",
        ),
        place: "head",
      },
    ],
    output: { kind: "io", title: "logits", detail: grouped(model.vocab_size) },
  };
};

export const partRows = (model: ModelSpec): PartRows =>
  model.kind === "decoder" ? decoderParts(model) : imageParts(model);
