// The text form of one diagnostic: title, the lines concerned with their markers, help and where to read more.
import { lineText, positionOf } from "./lines.ts";
import { anchorOf } from "./page.ts";
import type { Diagnostic, Fix, Source, Span } from "./types.ts";

export interface TextOptions {
  readonly color?: boolean;
  readonly unicode?: boolean;
  /** Address of the page of all diagnostics: codes become links to it, for terminals that know them. */
  readonly page?: string;
}

interface Mark {
  /** Column and width in code points, from 0. */
  readonly column: number;
  readonly width: number;
  readonly primary: boolean;
  readonly text: string;
}

const styles: Readonly<Record<string, readonly [string, string]>> = {
  error: ["\u001B[1;31m", "\u001B[0m"],
  warning: ["\u001B[1;33m", "\u001B[0m"],
  info: ["\u001B[1;34m", "\u001B[0m"],
  hint: ["\u001B[1;36m", "\u001B[0m"],
  frame: ["\u001B[34m", "\u001B[0m"],
  bold: ["\u001B[1m", "\u001B[0m"],
};

export function renderSnippet(
  one: Diagnostic,
  find: (file: number) => Source,
  options: TextOptions,
): string {
  const paint = (style: string, text: string): string => {
    const [on, off] = styles[style] ?? ["", ""];
    return options.color === true && text !== "" ? `${on}${text}${off}` : text;
  };
  const unicode = options.unicode !== false;
  const [corner, bar, gap] = unicode ? ["┌─", "│", "…"] : ["-->", "|", "..."];
  const source = find(one.at.file);
  const files = [...new Set([one.at.file, ...one.notes.map(({ at }) => at.file)])];
  const widest = Math.max(
    ...[one.at, ...one.notes.map(({ at }) => at)].map(
      (span) => String(positionOf(find(span.file), Math.max(span.start, span.end - 1)).line).length,
    ),
  );
  const margin = " ".repeat(widest);
  const side = (number: string): string => paint("frame", `${number.padStart(widest)}${bar}`);

  const code =
    options.page === undefined
      ? one.code
      : `\u001B]8;;${options.page}#${anchorOf(one.code)}\u001B\\${one.code}\u001B]8;;\u001B\\`;
  const out = [`${paint(one.severity, `${one.severity}[${code}]`)} ${paint("bold", one.message)}`];

  for (const file of files) {
    const here = find(file);
    const lines = marksOf(one, here);
    const first =
      file === source.id
        ? positionOf(here, one.at.start)
        : positionOf(here, one.notes.find(({ at }) => at.file === file)?.at.start ?? 0);
    out.push(`${margin}${paint("frame", corner)} ${here.path}:${first.line}:${first.column}`);
    if (here.text === "") continue;
    out.push(`${margin}${paint("frame", bar)}`);
    let previous: number | undefined;
    for (const [number, marks] of lines) {
      if (previous !== undefined && number === previous + 2) {
        const text = clip(pointsOf(here, number - 1), 0, gap).text;
        out.push(`${side(String(number - 1))}${text === "" ? "" : ` ${text}`}`);
      } else if (previous !== undefined && number > previous + 1)
        out.push(paint("frame", `${margin}${gap}`));
      previous = number;
      const first = marks.find((mark) => mark.primary) ?? marks[0]!;
      const shown = clip(pointsOf(here, number), first.column, gap);
      out.push(`${side(String(number))} ${shown.text}`.trimEnd());
      for (const mark of [...marks].sort((a, b) => b.column - a.column)) {
        const { column, width } = shown.place(mark);
        const sign = (mark.primary ? "^" : "-").repeat(width);
        const text = mark.text === "" ? "" : ` ${mark.text}`;
        const painted = paint(mark.primary ? one.severity : "frame", sign + text);
        out.push(`${side("")} ${" ".repeat(column)}${painted}`);
      }
    }
  }
  out.push(`${margin}${paint("frame", bar)}`);
  const tail = (kind: string, text: string): string =>
    `${margin}${paint("frame", "=")} ${paint("bold", `${kind}:`)} ${text.replaceAll("\n", `\n${margin}        `)}`;
  for (const help of one.help) out.push(tail("help", help));
  // A fix that a line of help spells out is not said again.
  const told = ({ edits }: Fix): boolean =>
    edits.every(({ newText }) => {
      const text = newText.trim();
      return text !== "" && one.help.some((help) => help.includes(text));
    });
  const titles = one.fixes.filter((fix) => !told(fix)).map(({ title }) => title);
  for (const title of titles) out.push(tail("fix", title.charAt(0).toLowerCase() + title.slice(1)));
  out.push(tail("note", `specc explain ${one.code}`));
  const text = `${out.join("\n")}\n`;
  return unicode ? text : asciiOf(text);
}

/** Our own signs only: what the user wrote stays as it is. */
const asciiOf = (text: string): string =>
  text
    .replaceAll("…", "...")
    .replaceAll("\uFFFD", "?")
    .replaceAll("×", "x")
    .replaceAll("–", "-")
    .replaceAll("≥", ">=");

const TAB = "    ";
/** A line as terminals show it: code points, tabs spread, nothing that moves the cursor or turns the text around. */
const pointsOf = (source: Source, number: number): readonly string[] =>
  Array.from(lineText(source, number).replaceAll("\t", TAB).trimEnd(), (point) =>
    /[\p{Cc}\p{Zl}\p{Zp}\u200E\u200F\u202A-\u202E\u2066-\u2069]/u.test(point) ? "\uFFFD" : point,
  );

/** A long line is shown around the column that matters. */
const WIDEST = 140;
const BEFORE = 60;
interface Clipped {
  readonly text: string;
  /** Where a mark of the whole line stands in what is shown. */
  readonly place: (mark: Mark) => { readonly column: number; readonly width: number };
}
function clip(points: readonly string[], column: number, ellipsis: string): Clipped {
  if (points.length <= WIDEST) return { text: points.join(""), place: (mark) => mark };
  const start = Math.max(0, Math.min(column - BEFORE, points.length - WIDEST));
  const end = start + WIDEST;
  const head = start > 0 ? ellipsis : "";
  const tail = end < points.length ? ellipsis : "";
  const inside = (at: number): number => Math.max(0, Math.min(at - start, WIDEST));
  return {
    text: head + points.slice(start, end).join("") + tail,
    place: ({ column: from, width }) => {
      const [left, right] = [inside(from), inside(from + width)];
      return { column: left + head.length, width: Math.max(1, right - left) };
    },
  };
}
/** Lines with their marks, ascending. A span over several lines is marked to the end of its first. */
function marksOf(one: Diagnostic, source: Source): readonly (readonly [number, readonly Mark[]])[] {
  const lines = new Map<number, Mark[]>();
  const add = (span: Span, primary: boolean, text: string): void => {
    if (span.file !== source.id) return;
    const start = positionOf(source, span.start);
    const end = positionOf(source, span.end);
    const points = Array.from(lineText(source, start.line));
    const stop = end.line > start.line ? points.length + 1 : end.column;
    const width = (from: number, to: number): number =>
      points.slice(from, to).reduce((sum, point) => sum + (point === "\t" ? TAB.length : 1), 0);
    const mark: Mark = {
      column: width(0, start.column - 1),
      width: Math.max(1, width(start.column - 1, stop - 1)),
      primary,
      text,
    };
    lines.set(start.line, [...(lines.get(start.line) ?? []), mark]);
  };
  add(one.at, true, one.label ?? "");
  for (const { at, text } of one.notes) add(at, false, text);
  return [...lines].sort(([a], [b]) => a - b);
}
