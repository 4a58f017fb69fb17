// The model as a picture: a column from its input to logits, which parts where the model parts into heads; alike layers drawn
// once with their count, residual paths as arcs around what they skip. Pure text in, text out; colours follow the viewer's
// light or dark scheme.
import type { ModelSpec } from "../semantics/spec.ts";
import { features } from "../features/index.ts";
import type { Accounts } from "./accounts.ts";
import { pictureOf, type Picture } from "./picture.ts";
import { PART, type Group, type Row } from "./rows.ts";

const WIDTH = 560;
const MARGIN = 34;
const HEIGHT = 46;
/** Of one more line of what a box tells, and how many there are at most. */
const LINE = 15;
const MOST_LINES = 3;
/** Of a letter of these lines. */
const LETTER = 5.5;
const GAP = 18;
const PADDING = 22;
/** Around the boxes of a block. */
const PANEL = { left: 60, right: 34 } as const;
/** Where boxes stand. */
interface Lane {
  readonly center: number;
  readonly width: number;
  /** Whether there is room beside the panels for what they say. */
  readonly wide: boolean;
}
const BRANCH = 208;
/** Of one branch to the next. */
const PITCH = BRANCH + PANEL.left + PANEL.right + GAP;
/** Branches drawn at most: of more, the first and the last. */
const MOST = 4;
/** Between a trunk and its branches. */
const PARTING = 64;

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
/** In lines that fit into a box, parted between parts; what is too much ends in dots. */
const linesOf = (detail: string, width: number): readonly string[] => {
  const fits = Math.floor(width / LETTER);
  const lines: string[] = [];
  for (const part of detail === "" ? [] : detail.split(PART)) {
    const longer = lines.length === 0 ? part : `${lines.at(-1)!}${PART}${part}`;
    if (lines.length === 0 || (longer.length > fits && lines.length < MOST_LINES)) lines.push(part);
    else lines[lines.length - 1] = longer;
  }
  return lines.map((line) => (line.length > fits ? `${line.slice(0, fits - 1)}…` : line));
};
/** Boxes of a row, by what they show. */
const boxesOf = (row: Row, { width }: Lane): { readonly width: number; readonly rows: Row[] } =>
  row.beside === undefined
    ? { width, rows: [row] }
    : { width: (width - GAP) / 2, rows: [row, row.beside] };
const heightOf = (row: Row, lane: Lane): number => {
  if (row.kind === "add") return 26;
  const { width, rows } = boxesOf(row, lane);
  const lines = Math.max(1, ...rows.map(({ detail }) => linesOf(detail, width).length));
  return HEIGHT + LINE * (lines - 1);
};

const drawRow = (row: Row, y: number, lane: Lane): string => {
  const { center } = lane;
  if (row.kind === "add") {
    const cy = y + 13;
    return `<circle class="box add" cx="${center}" cy="${cy}" r="12"/><path class="flow" d="M${center - 6} ${cy}h12M${center} ${cy - 6}v12"/>`;
  }
  const { width, rows } = boxesOf(row, lane);
  const height = heightOf(row, lane);
  const first = center - ((rows.length - 1) * (width + GAP)) / 2;
  return rows.map((box, i) => drawBox(box, first + i * (width + GAP), y, width, height)).join("");
};

const drawBox = (row: Row, x: number, y: number, width: number, height: number): string => {
  const lines = linesOf(row.detail, width);
  const middle = y + height / 2;
  const top = lines.length === 0 ? middle + 5 : middle - 3 - (LINE / 2) * (lines.length - 1);
  const told = lines.map(
    (line, i) => `<text class="detail" x="${x}" y="${top + 17 + LINE * i}">${escaped(line)}</text>`,
  );
  return `<rect class="box ${row.kind}" x="${x - width / 2}" y="${y}" width="${width}" height="${height}" rx="9"/><text class="title" x="${x}" y="${top}">${escaped(row.title)}</text>${told.join("")}`;
};

const arrow = (x: number, from: number, to: number): string =>
  `<path class="flow" marker-end="url(#tip)" d="M${x} ${from}V${to - 1}"/>`;
/** From a trunk to a branch, and from a branch to where they meet. */
const bend = (x: number, from: number, toX: number, to: number): string => {
  const middle = (from + to) / 2;
  return `<path class="flow" marker-end="url(#tip)" d="M${x} ${from}C${x} ${middle} ${toX} ${middle} ${toX} ${to - 1}"/>`;
};
/** Leaves the stream above the first skipped row and comes back into the addition from the left, past what acts on it. */
const arc = (lane: Lane, top: number, add: number, labels: readonly string[]): string => {
  const x = lane.center - lane.width / 2 - PANEL.left / 2;
  const first = (top + add) / 2 - (labels.length - 1) * 11;
  const pills = labels.map((label, i) => {
    const [width, y] = [14 + LETTER * label.length, first + 22 * i];
    return `<rect class="box gate" x="${x - width / 2}" y="${y - 9}" width="${width}" height="18" rx="9"/><text class="detail" x="${x}" y="${y + 4}">${escaped(label)}</text>`;
  });
  return `<path class="flow" marker-end="url(#tip)" d="M${lane.center} ${top}H${x + 10}q-10 0 -10 10V${add + 3}q0 10 10 10H${lane.center - 14}"/>${pills.join("")}`;
};

/** Around a block: how many of it there are, and which. */
const panel = ({ center, width, wide }: Lane, group: Group, top: number, end: number): string => {
  const [left, full] = [center - width / 2 - PANEL.left, width + PANEL.left + PANEL.right];
  const box = `<rect class="panel" x="${left}" y="${top}" width="${full}" height="${end - top}" rx="16"/>`;
  const count = group.count === undefined || group.count === 1 ? "" : `× ${group.count}`;
  const { label = "", turn = "", density = "" } = group;
  const layers = (x: number, y: number, text: string, anchor = "start"): string =>
    text === ""
      ? ""
      : `<text class="layers" text-anchor="${anchor}" x="${x}" y="${y}">${escaped(text)}</text>`;
  if (!wide) {
    // on both sides of the stream
    const words = [turn === "" ? label : `${label}: ${turn}`, count].join(" ").trim();
    const named = layers(left + 14, end - 8, words);
    return `${box}${named}${layers(left + full - 12, end - 8, density, "end")}`;
  }
  const [x, middle] = [center + width / 2 + 48, (top + end) / 2];
  const told = [label, turn, density].filter((line) => line !== "");
  const [drawn, first] =
    count === ""
      ? ["", middle + 4 - 8 * (told.length - 1)]
      : [`<text class="count" x="${x}" y="${middle}">${count}</text>`, middle + 18];
  return `${box}${drawn}${told.map((line, i) => layers(x, first + 16 * i, line)).join("")}`;
};

interface Drawn {
  readonly parts: readonly string[];
  /** Of the last box. */
  readonly bottom: number;
}
/** Groups below each other; the first box is at `y`, or its panel. */
const drawGroups = (groups: readonly Group[], lane: Lane, start: number): Drawn => {
  const panels: string[] = [];
  const parts: string[] = [];
  let y = start;
  let previous: number | undefined;
  for (const group of groups) {
    const top = y;
    if (group.count !== undefined) y += PADDING + 6;
    const tops: number[] = [];
    for (const row of group.rows) {
      if (previous !== undefined) parts.push(arrow(lane.center, previous, y));
      if (row.skips !== undefined) {
        const first = tops[tops.length - row.skips] ?? y;
        parts.push(arc(lane, first - GAP / 2, y, row.onShortcut ?? []));
      }
      parts.push(drawRow(row, y, lane));
      tops.push(y);
      previous = y + heightOf(row, lane);
      y = previous + GAP;
    }
    if (group.count === undefined) continue;
    const bottom = y - GAP + PADDING;
    panels.push(panel(lane, group, top, bottom));
    y = bottom + GAP;
  }
  return { parts: [...panels, ...parts], bottom: previous ?? start };
};
/** Down to the first box: below the edge of its panel, where it has one. */
const into = (groups: readonly Group[], y: number): number =>
  groups[0]?.count === undefined ? y : y + PADDING + 6;

/** Branches beside each other and what they become, below a trunk that ends at `from`. */
const drawBranches = (
  { branches, end }: Picture,
  wide: number,
  trunk: Lane,
  from: number,
): Drawn => {
  const few = branches.length <= MOST;
  const columns = few ? branches : [...branches.slice(0, MOST - 2), branches.at(-1)!];
  const lanes = columns.map((_, i): Lane => {
    // the last of many stands one place further, after the dots
    const place = i + (few || i < columns.length - 1 ? 0 : 1);
    const all = few ? columns.length : MOST;
    return { center: wide / 2 + (place - (all - 1) / 2) * PITCH, width: BRANCH, wide: false };
  });
  const top = from + PARTING;
  const below = top + 42;
  const drawn = columns.map(({ groups }, i) => drawGroups(groups, lanes[i]!, below));
  const last = Math.max(...drawn.map(({ bottom }) => bottom));
  const meeting = drawGroups(end, trunk, last + PARTING);
  const parts = columns.flatMap(({ name, about, groups }, i) => {
    const { center } = lanes[i]!;
    const { parts: own, bottom } = drawn[i]!;
    return [
      ...own,
      bend(trunk.center, from, center, top - 4),
      `<text class="title" x="${center}" y="${top + 10}">${escaped(name)}</text>`,
      `<text class="detail" x="${center}" y="${top + 27}">${escaped(about)}</text>`,
      arrow(center, top + 32, into(groups, below)),
      bend(center, bottom, trunk.center, last + PARTING),
    ];
  });
  const dots = few
    ? []
    : [
        `<text class="count" text-anchor="middle" x="${(lanes.at(-2)!.center + lanes.at(-1)!.center) / 2}" y="${(top + last) / 2}">… ${branches.length - MOST + 1} more …</text>`,
      ];
  return { parts: [...parts, ...dots, ...meeting.parts], bottom: meeting.bottom };
};

export const modelSvg = (model: ModelSpec, accounts: Accounts): string => {
  const picture = pictureOf(model, features, accounts);
  const parted = picture.branches.length;
  const width = Math.max(WIDTH, 2 * MARGIN + Math.min(parted, MOST) * PITCH);
  const lane: Lane = { center: parted === 0 ? 262 : width / 2, width: 300, wide: true };
  const about = accounts.about.map(
    (line, i) => `<text class="about" x="${MARGIN}" y="${64 + 17 * i}">${escaped(line)}</text>`,
  );
  const trunk = drawGroups(picture.trunk, lane, 75 + 17 * about.length);
  const rest = parted === 0 ? undefined : drawBranches(picture, width, lane, trunk.bottom);
  const height = (rest ?? trunk).bottom + GAP + 10;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escaped(model.name)}">
<style>${STYLE}</style>
<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" style="fill: var(--line)"/></marker></defs>
<rect width="${width}" height="${height}" style="fill: var(--page)"/>
<text class="name" x="${MARGIN}" y="42">${escaped(model.name)}</text>
${about.join("")}
${[...trunk.parts, ...(rest?.parts ?? [])].join("\n")}
</svg>
`;
};
