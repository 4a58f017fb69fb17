// The text form of one diagnostic: title, the lines concerned with their markers, help and where to read more.
import { positionOf, type RenderOptions } from "./render.ts";
import type { Diagnostic, Source, Span } from "./types.ts";

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
  options: RenderOptions,
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
    options.hyperlinks === true
      ? `\u001B]8;;docs/diagnostics/${one.code}.md\u001B\\${one.code}\u001B]8;;\u001B\\`
      : one.code;
  const out = [`${paint(one.severity, `${one.severity}[${code}]`)} ${paint("bold", one.message)}`];

  for (const file of files) {
    const here = find(file);
    const lines = marksOf(one, here);
    const first =
      file === source.id
        ? positionOf(here, one.at.start)
        : positionOf(here, one.notes.find(({ at }) => at.file === file)?.at.start ?? 0);
    out.push(`${margin}${paint("frame", corner)} ${here.path}:${first.line}:${first.column}`);
    out.push(`${margin}${paint("frame", bar)}`);
    let previous: number | undefined;
    for (const [number, marks] of lines) {
      if (previous !== undefined && number === previous + 2) {
        const text = lineOf(here, number - 1);
        out.push(`${side(String(number - 1))}${text === "" ? "" : ` ${text}`}`);
      } else if (previous !== undefined && number > previous + 1)
        out.push(paint("frame", `${margin}${gap}`));
      previous = number;
      out.push(`${side(String(number))} ${lineOf(here, number)}`.trimEnd());
      for (const mark of [...marks].sort((a, b) => b.column - a.column)) {
        const sign = (mark.primary ? "^" : "-").repeat(mark.width);
        const text = mark.text === "" ? "" : ` ${mark.text}`;
        const painted = paint(mark.primary ? one.severity : "frame", sign + text);
        out.push(`${side("")} ${" ".repeat(mark.column)}${painted}`);
      }
    }
  }
  out.push(`${margin}${paint("frame", bar)}`);
  const tail = (kind: string, text: string): string =>
    `${margin}${paint("frame", "=")} ${paint("bold", `${kind}:`)} ${text.replaceAll("\n", `\n${margin}        `)}`;
  for (const help of one.help) out.push(tail("help", help));
  const titles = one.fixes.map(({ title }) => title).filter((title) => !one.help.includes(title));
  for (const title of titles) out.push(tail("fix", title.charAt(0).toLowerCase() + title.slice(1)));
  out.push(tail("note", `specc explain ${one.code}`));
  const text = `${out.join("\n")}\n`;
  return unicode ? text : asciiOf(text);
}

/** Our own signs only: what the user wrote stays as it is. */
const asciiOf = (text: string): string =>
  text.replaceAll("…", "...").replaceAll("×", "x").replaceAll("–", "-").replaceAll("≥", ">=");

const tab = "    ";
function lineOf(source: Source, number: number): string {
  const line = source.text.split(/\r\n|\r|\n/)[number - 1] ?? "";
  return line
    .replace(/^\uFEFF/, "")
    .replaceAll("\t", tab)
    .trimEnd();
}

/** Lines with their marks, ascending. A span over several lines is marked to the end of its first. */
function marksOf(one: Diagnostic, source: Source): readonly (readonly [number, readonly Mark[]])[] {
  const lines = new Map<number, Mark[]>();
  const add = (span: Span, primary: boolean, text: string): void => {
    if (span.file !== source.id) return;
    const start = positionOf(source, span.start);
    const end = positionOf(source, span.end);
    const raw = (source.text.split(/\r\n|\r|\n/)[start.line - 1] ?? "").replace(/^\uFEFF/, "");
    const points = Array.from(raw);
    const stop = end.line > start.line ? points.length + 1 : end.column;
    const width = (from: number, to: number): number =>
      points.slice(from, to).reduce((sum, point) => sum + (point === "\t" ? tab.length : 1), 0);
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
