// What a picture of a model shows: its parts from token ids to logits, each block put together as its placement is built.
import { features } from "../features/index.ts";
import { isVariant, variant } from "../model/config.ts";
import { kindsOf } from "../model/kinds.ts";
import type { LayerName } from "../model/layers.ts";
import { kindOf, type Site, type SubLayer } from "../model/sites.ts";
import type { BlockSpec, ModelSpec, Value, Variant } from "../semantics/spec.ts";
import { vocabulary } from "../words.ts";

export interface Row {
  readonly kind: "io" | "embed" | "norm" | "attention" | "ffn" | "gate" | "add" | "head";
  readonly title: string;
  readonly detail: string;
  /** Another part that reads the same and is added by the same addition. */
  readonly beside?: Row;
  /** For an addition: how many rows above the skipped part begins, and what acts on the shortcut around it. */
  readonly skips?: number;
  readonly onShortcut?: readonly string[];
}
export interface Group {
  readonly rows: readonly Row[];
  /** "layers 1–4", where the group is a block. */
  readonly label?: string;
  readonly count?: number;
}

const { placement: placements } = kindsOf(features);

const word = (key: string): string => key.replaceAll("_", " ");
const grouped = (n: number): string => {
  if (Number.isInteger(n) && n >= 10_000)
    return n.toLocaleString("en-US").replaceAll(",", "\u202f");
  return n !== 0 && Math.abs(n) < 1e-3 ? n.toExponential() : String(n);
};

const piece = (key: string, value: Value | undefined): string => {
  if (value === null || value === undefined || value === false || key === "is" || key === "init")
    return "";
  if (typeof value === "number") return `${word(key)} ${grouped(value)}`;
  if (value === true) return word(key);
  if (typeof value === "string") return `${word(key)} ${value}`;
  return isVariant(value) ? value.is : "";
};
/** A word or switch that stands at its default says nothing. */
const isDefault = (of: string, key: string, value: Value | undefined): boolean => {
  const keys = vocabulary.constructors.find((c) => c.name === of)?.keys ?? [];
  const told = typeof value === "string" || typeof value === "boolean";
  return told && keys.find((k) => k.name === key)?.default === String(value);
};
const details = (v: Variant): string => {
  const pieces = Object.entries(v).map(([key, value]) =>
    isDefault(v.is, key, value) ? "" : piece(key, value),
  );
  const text = pieces.filter((p) => p !== "").join(" · ");
  return text.length > 50 ? `${text.slice(0, 49)}…` : text;
};
/** Both sub-layers, put together as the block's placement says. */
const blockRows = (block: BlockSpec): readonly Row[] => {
  const placement = kindOf(placements, block.norm);
  const { norms } = placement;
  const inner = variant(block.norm, "norm");
  const norm = (name: LayerName | undefined): readonly Row[] =>
    name === undefined || inner.is === "none"
      ? []
      : [{ kind: "norm", title: inner.is, detail: details(inner) }];
  const gates = (site: Site): readonly Row[] =>
    features.flatMap((method) => {
      const config = method.configOf?.(block);
      return config === undefined || method.siteOf?.(config, placement) !== site
        ? []
        : [{ kind: "gate", title: config.is, detail: details(config) }];
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
      ...(alpha === 1 ? [] : [`× ${alpha.toFixed(2)}`]),
    ];
    const sum: Row = { kind: "add", title: "+", detail: "", skips: branch.length, onShortcut };
    const after = norm(norms[first].after);
    return [...gates("residual.in"), ...branch, sum, ...gates("residual.out"), ...after];
  };
  return placement.parallel === true
    ? half("attention", "ffn")
    : [...half("attention"), ...half("ffn")];
};

const sameButLayer = (a: BlockSpec, b: BlockSpec): boolean =>
  JSON.stringify({ ...a, layer: 0 }) === JSON.stringify({ ...b, layer: 0 });

const blockGroups = (blocks: readonly BlockSpec[]): readonly Group[] => {
  const runs: BlockSpec[][] = [];
  for (const block of blocks) {
    const run = runs.at(-1);
    if (run !== undefined && sameButLayer(run[0]!, block)) run.push(block);
    else runs.push([block]);
  }
  return runs.map((run) => {
    const [first, last] = [run[0]!, run.at(-1)!];
    return {
      rows: blockRows(first),
      count: run.length,
      label: run.length === 1 ? `layer ${first.layer}` : `layers ${first.layer}–${last.layer}`,
    };
  });
};

export const groupsOf = (model: ModelSpec): readonly Group[] => {
  const { final_norm: norm } = model;
  const tied = model.head["tied"] === true;
  return [
    { rows: [{ kind: "io", title: "token ids", detail: `up to ${grouped(model.context)}` }] },
    {
      rows: [
        {
          kind: "embed",
          title: `${model.embedding.is} embedding`,
          detail: `${grouped(model.vocab_size)} × ${grouped(model.hidden_size)}`,
        },
      ],
    },
    ...blockGroups(model.blocks),
    ...(norm === null
      ? []
      : [{ rows: [{ kind: "norm" as const, title: norm.is, detail: details(norm) }] }]),
    {
      rows: [
        {
          kind: "head",
          title: `${model.head.is} head`,
          detail: tied
            ? "the embedding's weights"
            : `${grouped(model.hidden_size)} × ${grouped(model.vocab_size)}`,
        },
      ],
    },
    { rows: [{ kind: "io", title: "logits", detail: grouped(model.vocab_size) }] },
  ];
};
