// Lays diagnostics out: text for people, and the four machine forms. Columns count code points from 1; spans are UTF-16
// offsets inside and are converted only here.
import type { DiagnosticEntry } from "./entry.ts";
import { lineText, positionOf } from "./lines.ts";
import { PAGE, anchorOf } from "./page.ts";
import { renderSnippet, type TextOptions } from "./snippet.ts";
import type { Diagnostic, Source, Span } from "./types.ts";

export interface RenderOptions extends TextOptions {
  readonly format: "text" | "json" | "ndjson" | "sarif" | "github";
  readonly catalogue: readonly DiagnosticEntry[];
  readonly version: string;
}

export function render(
  diagnostics: readonly Diagnostic[],
  sources: readonly Source[],
  options: RenderOptions,
): string {
  const find = (file: number): Source =>
    sources.find(({ id }) => id === file) ?? { id: file, path: "<unknown>", text: "" };
  switch (options.format) {
    case "text":
      return textOf(diagnostics, find, options);
    case "json":
      return `${JSON.stringify(
        {
          formatVersion: "1.0",
          tool: { name: "specc", version: options.version },
          summary: summaryOf(diagnostics),
          diagnostics: diagnostics.map((one) => jsonOf(one, find)),
        },
        undefined,
        2,
      )}\n`;
    case "ndjson":
      return diagnostics.map((one) => `${JSON.stringify(jsonOf(one, find))}\n`).join("");
    case "sarif":
      return `${JSON.stringify(sarifOf(diagnostics, find, options), undefined, 2)}\n`;
    case "github":
      return diagnostics.map((one) => githubOf(one, find)).join("");
    default:
      return options.format satisfies never;
  }
}

type Find = (file: number) => Source;

/** More than these of one file are hardly read: errors come first. */
const MOST_PER_FILE = 20;

function textOf(diagnostics: readonly Diagnostic[], find: Find, options: RenderOptions): string {
  const parts: string[] = [];
  for (const file of new Set(diagnostics.map(({ at }) => at.file))) {
    const own = diagnostics.filter(({ at }) => at.file === file);
    const errors = own.filter(({ severity }) => severity === "error");
    const others = own.filter(({ severity }) => severity !== "error");
    const kept = new Set([...errors, ...others].slice(0, MOST_PER_FILE));
    for (const one of own) if (kept.has(one)) parts.push(renderSnippet(one, find, options));
    const more = own.length - kept.size;
    if (more > 0)
      parts.push(
        `${options.unicode === false ? "..." : "…"} and ${String(more)} more in ${find(file).path}\n`,
      );
  }
  return parts.join("\n");
}

function summaryOf(diagnostics: readonly Diagnostic[]): object {
  const count = (severity: string): number =>
    diagnostics.filter((one) => one.severity === severity).length;
  return { errors: count("error"), warnings: count("warning"), valid: count("error") === 0 };
}

function rangeOf(span: Span, find: Find): object {
  const source = find(span.file);
  const at = (offset: number): object => ({ ...positionOf(source, offset), offset });
  return { file: source.path, start: at(span.start), end: at(span.end) };
}

function jsonOf(one: Diagnostic, find: Find): object {
  return {
    code: one.code,
    name: one.name,
    severity: one.severity,
    message: one.message,
    range: rangeOf(one.at, find),
    ...(one.label === undefined ? {} : { label: one.label }),
    labels: one.notes.map(({ at, text }) => ({ range: rangeOf(at, find), message: text })),
    help: one.help,
    fixes: one.fixes.map(({ title, edits, applicability }) => ({
      title,
      edits: edits.map(({ at, newText }) => ({ range: rangeOf(at, find), newText })),
      applicability,
    })),
    url: `${PAGE}#${anchorOf(one.code)}`,
    tags: [],
  };
}

const level = (severity: Diagnostic["severity"]): "error" | "warning" | "note" =>
  severity === "error" || severity === "warning" ? severity : "note";

function sarifOf(diagnostics: readonly Diagnostic[], find: Find, options: RenderOptions): object {
  const region = (span: Span): object => {
    const source = find(span.file);
    const [start, end] = [positionOf(source, span.start), positionOf(source, span.end)];
    return {
      startLine: start.line,
      startColumn: start.column,
      endLine: end.line,
      endColumn: end.column,
    };
  };
  const artifact = (span: Span): object => ({
    uri: find(span.file).path.split("/").map(encodeURIComponent).join("/"),
    uriBaseId: "%SRCROOT%",
  });
  const place = (span: Span): object => ({
    artifactLocation: artifact(span),
    region: region(span),
  });
  const used = options.catalogue;
  return {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        columnKind: "unicodeCodePoints",
        tool: {
          driver: {
            name: "specc",
            version: options.version,
            rules: used.map((entry) => ({
              id: entry.code,
              name: entry.name,
              shortDescription: { text: entry.message },
              fullDescription: { text: entry.why },
              help: helpOf(entry),
              defaultConfiguration: { level: level(entry.severity) },
            })),
          },
        },
        results: diagnostics.map((one) => {
          const index = used.findIndex(({ code }) => code === one.code);
          return {
            ruleId: one.code,
            ...(index < 0 ? {} : { ruleIndex: index }),
            level: level(one.severity),
            message: { text: [one.message, ...one.help.map((help) => `help: ${help}`)].join("\n") },
            locations: [{ physicalLocation: place(one.at) }],
            relatedLocations: one.notes.map(({ at, text }) => ({
              physicalLocation: place(at),
              message: { text },
            })),
            fixes: one.fixes.map(({ title, edits }) => ({
              description: { text: title },
              artifactChanges: edits.map(({ at, newText }) => ({
                artifactLocation: artifact(at),
                replacements: [{ deletedRegion: region(at), insertedContent: { text: newText } }],
              })),
            })),
            partialFingerprints: { "specc/v1": fingerprint(one, find) },
          };
        }),
      },
    ],
  };
}

/** There is no public address to point at, so viewers get the page itself. */
const helpOf = ({ why, wrong, right }: DiagnosticEntry): object => ({
  text: `${why}\n\nWrong:\n${wrong}\n\nRight:\n${right}`,
  markdown: `${why}\n\nWrong:\n\n\`\`\`\n${wrong}\n\`\`\`\n\nRight:\n\n\`\`\`\n${right}\n\`\`\``,
});

/** Survives moved lines: the code, the file and the text of the line (FNV-1a). */
function fingerprint(one: Diagnostic, find: Find): string {
  const source = find(one.at.file);
  const line = lineText(source, positionOf(source, one.at.start).line);
  let hash = 0x811c9dc5;
  for (const char of [one.code, source.path, line.trim()].join("\n"))
    hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, "0");
}

function githubOf(one: Diagnostic, find: Find): string {
  const escape = (text: string): string =>
    text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
  const property = (text: string): string =>
    escape(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
  const source = find(one.at.file);
  const [start, end] = [positionOf(source, one.at.start), positionOf(source, one.at.end)];
  const kind = level(one.severity) === "note" ? "notice" : one.severity;
  const where =
    `file=${property(source.path)},line=${start.line},col=${start.column},` +
    `endLine=${end.line},endColumn=${end.column},title=${property(one.code)}`;
  const text = [one.message, ...one.help.map((help) => `help: ${help}`)].join("\n");
  return `::${kind} ${where}::${escape(text)}\n`;
}
