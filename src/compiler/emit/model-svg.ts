// The model as a picture: one column from token ids to logits, alike layers drawn once with their count, residual paths as
// arcs around what they skip. Pure text in, text out; colours follow the viewer's light or dark scheme.
import type { ModelSpec } from "../semantics/spec.ts";
import { groupsOf } from "./model-rows.ts";
import type { Row } from "./rows.ts";

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
  .ffn { fill: #d9f2e1 } .gate { fill: #e8defa } .unit { fill: #d9f2e1 } .head { fill: #d8ebfb } .add { fill: #ffffff }
  @media (prefers-color-scheme: dark) {
    .io { fill: #2b3140 } .embed { fill: #1f3a52 } .norm { fill: #45421f } .attention { fill: #4d2d34 }
    .ffn { fill: #21442f } .gate { fill: #3c2e56 } .unit { fill: #21442f } .head { fill: #1f3a52 } .add { fill: #1c212c }
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
const heightOf = (row: Row): number => (row.kind === "add" ? 26 : BOX.height);

const drawRow = (row: Row, y: number): string => {
  if (row.kind === "add") {
    const cy = y + 13;
    return `<circle class="box add" cx="${CENTER}" cy="${cy}" r="12"/><path class="flow" d="M${CENTER - 6} ${cy}h12M${CENTER} ${cy - 6}v12"/>`;
  }
  if (row.beside !== undefined) {
    const width = (BOX.width - GAP) / 2;
    const off = (width + GAP) / 2;
    return drawBox(row, y, CENTER - off, width) + drawBox(row.beside, y, CENTER + off, width);
  }
  return drawBox(row, y, CENTER, BOX.width);
};

const drawBox = (row: Row, y: number, x: number, width: number): string => {
  const middle = y + BOX.height / 2;
  const fits = Math.floor(width / 6);
  const told = row.detail.length > fits ? `${row.detail.slice(0, fits - 1)}…` : row.detail;
  const title = `<text class="title" x="${x}" y="${row.detail === "" ? middle + 5 : middle - 3}">${escaped(row.title)}</text>`;
  const detail =
    row.detail === ""
      ? ""
      : `<text class="detail" x="${x}" y="${middle + 14}">${escaped(told)}</text>`;
  return `<rect class="box ${row.kind}" x="${x - width / 2}" y="${y}" width="${width}" height="${BOX.height}" rx="9"/>${title}${detail}`;
};

const arrow = (from: number, to: number): string =>
  `<path class="flow" marker-end="url(#tip)" d="M${CENTER} ${from}V${to - 1}"/>`;
/** Leaves the stream above the first skipped row and comes back into the addition from the left, past what acts on it. */
const arc = (top: number, add: number, labels: readonly string[]): string => {
  const x = CENTER - BOX.width / 2 - 20;
  const first = (top + add) / 2 - (labels.length - 1) * 11;
  const pills = labels.map((label, i) => {
    const [width, y] = [12 + 6.5 * label.length, first + 22 * i];
    return `<rect class="box gate" x="${x - 6 - width / 2}" y="${y - 9}" width="${width}" height="18" rx="9"/><text class="detail" x="${x - 6}" y="${y + 4}">${escaped(label)}</text>`;
  });
  return `<path class="flow" marker-end="url(#tip)" d="M${CENTER} ${top}H${x + 10}q-10 0 -10 10V${add + 3}q0 10 10 10H${CENTER - 14}"/>${pills.join("")}`;
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
        parts.push(arc(first - GAP / 2, y, row.onShortcut ?? []));
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
