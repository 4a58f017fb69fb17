// The model as a picture: one column from token ids to logits, alike layers drawn once with their count, residual paths as
// arcs around what they skip. Pure text in, text out; colours follow the viewer's light or dark scheme.
import { isVariant } from "../model/config.ts";
import { vocabulary } from "../words.ts";
import type { BlockSpec, ModelSpec, Value, Variant } from "../semantics/spec.ts";

type Kind = "io" | "embed" | "norm" | "attention" | "ffn" | "gate" | "add" | "head";
interface Row {
  readonly kind: Kind;
  readonly title: string;
  readonly detail: string;
  /** For an addition: how many rows above the skipped part begins. */
  readonly skips?: number;
}
interface Group {
  readonly rows: readonly Row[];
  /** "layers 1–4", where the group is a block. */
  readonly label?: string;
  readonly count?: number;
}

const WIDTH = 560;
const CENTER = 262;
const BOX = { width: 300, height: 46 } as const;
const GAP = 18;
const PADDING = 22;

const STYLE = `
  svg { --ink: #1f2430; --soft: #667085; --line: #98a2b3; --page: #ffffff; --panel: #f6f7fb; --edge: #d5dae5; }
  @media (prefers-color-scheme: dark) {
    svg { --ink: #eef1f7; --soft: #a3adc2; --line: #6b7690; --page: #14171f; --panel: #1c212c; --edge: #343c4d; }
  }
  .io { fill: #eceff5 } .embed { fill: #d8ebfb } .norm { fill: #fbf3cf } .attention { fill: #fde0d9 }
  .ffn { fill: #d9f2e1 } .gate { fill: #e8defa } .head { fill: #d8ebfb } .add { fill: #ffffff }
  @media (prefers-color-scheme: dark) {
    .io { fill: #2b3140 } .embed { fill: #1f3a52 } .norm { fill: #45421f } .attention { fill: #4d2d34 }
    .ffn { fill: #21442f } .gate { fill: #3c2e56 } .head { fill: #1f3a52 } .add { fill: #1c212c }
  }
  text { font-family: Inter, "Segoe UI", Helvetica, Arial, sans-serif; fill: var(--ink); }
  .title { font-size: 14px; font-weight: 600; text-anchor: middle; }
  .detail { font-size: 11.5px; fill: var(--soft); text-anchor: middle; }
  .name { font-size: 20px; font-weight: 700; } .about { font-size: 12.5px; fill: var(--soft); }
  .count { font-size: 22px; font-weight: 700; } .layers { font-size: 11.5px; fill: var(--soft); }
  .box { stroke: var(--edge); stroke-width: 1; } .panel { fill: var(--panel); stroke: var(--edge); }
  .flow { fill: none; stroke: var(--line); stroke-width: 1.6; }
`;

const escaped = (text: string): string =>
  text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
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
const inner = (placement: Variant): Variant | null => {
  const norm = Object.values(placement).find(isVariant);
  return norm ?? null;
};

const subLayer = (block: BlockSpec, kind: "attention" | "ffn"): readonly Row[] => {
  const { norm: placement, scaling } = block;
  const norm = inner(placement);
  const normRows: readonly Row[] =
    norm === null ? [] : [{ kind: "norm", title: norm.is, detail: details(norm) }];
  const body: Row = { kind, title: block[kind].is, detail: details(block[kind]) };
  const gate: readonly Row[] =
    scaling === null ? [] : [{ kind: "gate", title: scaling.is, detail: details(scaling) }];
  const add = (skips: number): Row => ({ kind: "add", title: "+", detail: "", skips });
  // where the norm lies inside the branch, the scaling acts on the stream after the addition; else before it
  if (placement.is === "post") return [body, ...gate, add(1 + gate.length), ...normRows];
  return [...normRows, body, add(normRows.length + 1), ...gate];
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
      rows: [...subLayer(first, "attention"), ...subLayer(first, "ffn")],
      count: run.length,
      label: run.length === 1 ? `layer ${first.layer}` : `layers ${first.layer}–${last.layer}`,
    };
  });
};

const groupsOf = (model: ModelSpec): readonly Group[] => {
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

const heightOf = (row: Row): number => (row.kind === "add" ? 26 : BOX.height);

const drawRow = (row: Row, y: number): string => {
  if (row.kind === "add") {
    const cy = y + 13;
    return `<circle class="box add" cx="${CENTER}" cy="${cy}" r="12"/><path class="flow" d="M${CENTER - 6} ${cy}h12M${CENTER} ${cy - 6}v12"/>`;
  }
  const middle = y + BOX.height / 2;
  const title = `<text class="title" x="${CENTER}" y="${row.detail === "" ? middle + 5 : middle - 3}">${escaped(row.title)}</text>`;
  const detail =
    row.detail === ""
      ? ""
      : `<text class="detail" x="${CENTER}" y="${middle + 14}">${escaped(row.detail)}</text>`;
  return `<rect class="box ${row.kind}" x="${CENTER - BOX.width / 2}" y="${y}" width="${BOX.width}" height="${BOX.height}" rx="9"/>${title}${detail}`;
};

const arrow = (from: number, to: number): string =>
  `<path class="flow" marker-end="url(#tip)" d="M${CENTER} ${from}V${to - 1}"/>`;
/** Leaves the stream above the first skipped row and comes back into the addition from the left. */
const arc = (top: number, add: number): string => {
  const x = CENTER - BOX.width / 2 - 20;
  return `<path class="flow" marker-end="url(#tip)" d="M${CENTER} ${top}H${x + 10}q-10 0 -10 10V${add + 3}q0 10 10 10H${CENTER - 14}"/>`;
};

export const modelSvg = (model: ModelSpec, about: string): string => {
  const parts: string[] = [];
  let y = 92;
  let previous: number | undefined;
  for (const group of groupsOf(model)) {
    const top = y;
    if (group.count !== undefined) y += PADDING + 6;
    const tops: number[] = [];
    for (const row of group.rows) {
      if (previous !== undefined) parts.push(arrow(previous, y));
      if (row.skips !== undefined) {
        const first = tops[tops.length - row.skips] ?? y;
        parts.push(arc(first - GAP / 2, y));
      }
      parts.push(drawRow(row, y));
      tops.push(y);
      previous = y + heightOf(row);
      y = previous + GAP;
    }
    if (group.count !== undefined) {
      const bottom = y - GAP + PADDING;
      const x = CENTER + BOX.width / 2 + 48;
      const middle = (top + bottom) / 2;
      parts.unshift(
        `<rect class="panel" x="${CENTER - BOX.width / 2 - 44}" y="${top}" width="${BOX.width + 78}" height="${bottom - top}" rx="16"/>`,
      );
      parts.push(
        `<text class="count" x="${x}" y="${middle}">× ${group.count}</text><text class="layers" x="${x}" y="${middle + 18}">${escaped(group.label ?? "")}</text>`,
      );
      y = bottom + GAP;
    }
  }
  const height = y + 10;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escaped(model.name)}">
<style>${STYLE}</style>
<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" style="fill: var(--line)"/></marker></defs>
<rect width="${WIDTH}" height="${height}" style="fill: var(--page)"/>
<text class="name" x="34" y="42">${escaped(model.name)}</text>
<text class="about" x="34" y="64">${escaped(about)}</text>
${parts.join("\n")}
</svg>
`;
};
