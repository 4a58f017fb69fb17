// A picture before it stands anywhere: what it is called, its legend, and its drawing in SVG. A page of HTML and a sheet of SVG
// show the same ones. Colours may be CSS variables of the report's style, so that one drawing serves light and dark pages.
import { THEMES } from "./style.ts";

export interface LegendEntry {
  readonly name: string;
  readonly colour: string;
}
export interface Drawing {
  readonly height: number;
  /** Elements in a view of `widthOf` by `height`. */
  readonly drawing: string;
}
export interface Figure extends Drawing {
  readonly title: string;
  readonly note?: string | undefined;
  /** Shown where there is one. */
  readonly legend: readonly LegendEntry[];
  /** Its colours go from the first to the last, so that a long one need name no other. */
  readonly ordered?: boolean | undefined;
  /** As wide as two others. */
  readonly wide: boolean;
  /** A wide one as narrow as others, for small screens. */
  readonly narrow?: Drawing | undefined;
}

/** Width of a letter of 11 pixels, which nothing can measure before it is shown: that of a wide font. */
export const LETTER = 6.4;
/** Of a letter of a title on a sheet. */
const BOLD = 8;

const HALF = 450;
const WHOLE = 920;
export const widthOf = ({ wide = false }: { readonly wide?: boolean }): number =>
  wide ? WHOLE : HALF;

export const escapeHtml = (text: string): string =>
  text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");

/** Longer legends in order show a ramp of colours between the first and the last name. */
const MOST_NAMES = 8;
const isRamp = ({ legend, ordered }: Pick<Figure, "legend" | "ordered">): boolean =>
  ordered === true && legend.length > MOST_NAMES;
/** Marks of a ramp, first and last included. */
const MOST_MARKS = 20;
const rampOf = (legend: Figure["legend"]): Figure["legend"] =>
  legend.length <= MOST_MARKS
    ? legend
    : Array.from(
        { length: MOST_MARKS },
        (_, i) => legend[Math.round((i * (legend.length - 1)) / (MOST_MARKS - 1))]!,
      );

const legendHtml = ({ legend, ordered }: Figure): string => {
  if (legend.length === 0) return "";
  const mark = ({ colour }: LegendEntry): string => `<i style="background:${colour}"></i>`;
  if (!isRamp({ legend, ordered }))
    return `<p class="legend">${legend.map((entry) => `<span>${mark(entry)}${escapeHtml(entry.name)}</span>`).join("")}</p>`;
  const [first, last] = [legend[0]!.name, legend.at(-1)!.name];
  return `<p class="legend ramp"><span>${escapeHtml(first)} ${rampOf(legend).map(mark).join("")} ${escapeHtml(last)}</span></p>`;
};

const svgHtml = (title: string, width: number, { height, drawing }: Drawing, of = ""): string =>
  `<svg${of} viewBox="0 0 ${width} ${Math.round(height)}" role="img" aria-label="${escapeHtml(title)}">${drawing}</svg>`;

export const figureHtml = (figure: Figure): string => {
  const { title, note, wide, narrow } = figure;
  const caption = `<figcaption><b>${escapeHtml(title)}</b>${note === undefined ? "" : ` <small>${escapeHtml(note)}</small>`}</figcaption>`;
  const drawings =
    narrow === undefined
      ? svgHtml(title, widthOf(figure), figure)
      : svgHtml(title, WHOLE, figure, ' class="broad"') +
        svgHtml(title, HALF, narrow, ' class="narrow"');
  return `<figure${wide ? ' class="wide"' : ""}>${caption}${legendHtml(figure)}
${drawings}</figure>`;
};

/** That two narrow ones are as wide as a wide one. */
const GAP = WHOLE - 2 * HALF;
const HEAD = 44;
/** Of a line of a legend. */
const LINE = 15;

/** Its entries in lines that fit. */
const legendLines = ({ legend, ...figure }: Figure): readonly Figure["legend"][] => {
  const lines: LegendEntry[][] = [];
  let left = 0;
  for (const entry of legend) {
    const width = entry.name.length * LETTER + 27;
    if (lines.length === 0 || width > left) {
      lines.push([]);
      left = widthOf(figure) - 16;
    }
    lines.at(-1)!.push(entry);
    left -= width;
  }
  return lines;
};
const headOf = (figure: Figure): number =>
  HEAD + (isRamp(figure) ? 0 : LINE * Math.max(0, legendLines(figure).length - 1));

const legendSvg = (figure: Figure, top: number): string => {
  const { legend } = figure;
  let [x, y] = [16, top];
  const text = (words: string): string => {
    const made = `<text x="${x}" y="${y}">${escapeHtml(words)}</text>`;
    x += words.length * LETTER + 10;
    return made;
  };
  const mark = (colour: string, width: number): string => {
    const made = `<rect x="${x}" y="${y - 7}" width="${width}" height="6" fill="${colour}"/>`;
    x += width;
    return made;
  };
  if (isRamp(figure)) {
    const first = text(legend[0]!.name);
    const marks = rampOf(legend).map(({ colour }) => mark(colour, 6));
    x += 8;
    return first + marks.join("") + text(legend.at(-1)!.name);
  }
  return legendLines(figure)
    .map((line, i) => {
      [x, y] = [16, top + LINE * i];
      return line.map(({ name, colour }) => mark(colour, 12) + ((x += 5), text(name))).join("");
    })
    .join("");
};

/** A wide one waits until the narrow one before it has its neighbour. */
const inPairs = (figures: readonly Figure[]): readonly Figure[] => {
  const ordered: Figure[] = [];
  const waiting: Figure[] = [];
  let isHalf = false;
  for (const figure of figures) {
    if (figure.wide && isHalf) {
      waiting.push(figure);
      continue;
    }
    ordered.push(figure);
    if (!figure.wide) isHalf = !isHalf;
    if (!isHalf) ordered.push(...waiting.splice(0));
  }
  return [...ordered, ...waiting];
};

/** One SVG that needs no other file, in the light theme and without variables, which not every program knows. */
export const figuresSvg = (title: string, figures: readonly Figure[]): string => {
  const pad = 24;
  let [x, y, rowHeight] = [0, 0, 0];
  const placed = inPairs(figures).map((figure) => {
    const [width, height] = [widthOf(figure), figure.height + headOf(figure) + 12];
    if (x > 0 && (figure.wide || x + width > WHOLE + GAP)) {
      y += rowHeight + GAP;
      [x, rowHeight] = [0, 0];
    }
    const at = { figure, x, y, width, height };
    x += width + GAP;
    rowHeight = Math.max(rowHeight, height);
    return at;
  });
  const top = pad + 40;
  const total = [WHOLE + 2 * pad, top + y + rowHeight + pad] as const;
  const cards = placed.map(({ figure, x: left, y: up, width, height }) => {
    const { title: name, drawing } = figure;
    // a page has a second line for it
    const fits = 40 + BOLD * name.length + LETTER * (figure.note?.length ?? 0) <= width;
    const note = fits ? figure.note : undefined;
    const words = `<text class="title" x="16" y="20">${escapeHtml(name)}${note === undefined ? "" : `<tspan class="note" dx="8">${escapeHtml(note)}</tspan>`}</text>`;
    return `<g transform="translate(${pad + left} ${top + up})"><rect class="card" width="${width}" height="${Math.round(height)}" rx="8"/>${words}${legendSvg(figure, 37)}<g transform="translate(0 ${headOf(figure)})">${drawing}</g></g>`;
  });
  const { page, card, ink, soft, line } = THEMES.light;
  const style = `text{font:11px system-ui,sans-serif;fill:${soft}}.title{font-size:13px;font-weight:600;fill:${ink}}.note{font-size:11px;font-weight:400;fill:${soft}}.head{font-size:20px;font-weight:600;fill:${ink}}.card{fill:${card};stroke:${line}}.grid{stroke:${line}}.axis,.tick{stroke:${soft};opacity:.6}`;
  const text = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${total[0]} ${Math.round(total[1])}" width="${total[0]}" height="${Math.round(total[1])}"><style>${style}</style><rect width="100%" height="100%" fill="${page}"/><text class="head" x="${pad}" y="${pad + 16}">${escapeHtml(title)}</text>${cards.join("\n")}</svg>\n`;
  return text.replaceAll(
    /var\(--(\w+)\)/g,
    (_, name: string) => (THEMES.light as Readonly<Record<string, string>>)[name] ?? soft,
  );
};
