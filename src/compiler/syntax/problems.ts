// What went wrong in reading: collected first and thinned to one error a line, because the second one on a line mostly restates
// the first.
import type { IToken } from "chevrotain";
import { automatic, suggestion } from "../diagnostics/fix.ts";
import type { Details, Diagnostic, Source, Span } from "../diagnostics/types.ts";
import { lineOf } from "../diagnostics/lines.ts";
import { Reporter } from "../diagnostics/report.ts";
import { syntaxDiagnostics, type SyntaxEntry } from "../diagnostics/catalogue.ts";
import type { Found, Given } from "../diagnostics/entry.ts";

export interface Place {
  readonly at: IToken;
  /** The place right behind the token, where something is missing. */
  readonly after?: boolean;
  /** The last token, where there are several. */
  readonly to?: IToken;
  /** What the fix puts around it. */
  readonly wrap?: readonly [before: string, after: string];
  /** What the fix writes for it. */
  readonly write?: string;
  /** What the fix puts there, where nothing stands. */
  readonly insert?: string;
}
type Told = Given<SyntaxEntry, [opener?: IToken]>;
/** `opener` is shown as second label. */
export type Worded = {
  readonly [Name in keyof Told]: readonly [name: Name, place: Place, ...given: Told[Name]];
}[keyof Told];
export type Report = (...told: Worded) => void;

type Added = Given<SyntaxEntry>;
type Problem = {
  readonly [Name in keyof Added]: readonly [name: Name, span: Span, ...given: Added[Name]];
}[keyof Added];

/** Characters that no rule knows hide what else is wrong on their line. */
const lexical = new Set(["stray-character", "block-comment", "unclosed-string"]);

/** Read as meant: several on a line are several mistakes, and hide nothing. */
const asMeant = new Set([
  ...["logic-sign", "remainder-sign", "percent-apart", "equals-in-test", "comparison-for-equals"],
  ...["hash-comment", "semicolon", "single-quotes", "bad-point", "index-form", "parameter-form"],
  ...["bare-count", "colon-for-equals", "equals-for-colon", "comma-after-entry"],
]);

export class Problems {
  private readonly found: Found[] = [];
  private readonly source: Source;
  constructor(source: Source) {
    this.source = source;
  }

  add(...[name, at, args = {}, details = {}]: Problem): void {
    this.found.push({ name, at, args, details });
  }

  span(start: number, end: number): Span {
    return { file: this.source.id, start, end };
  }

  text({ start, end }: Span): string {
    return this.source.text.slice(start, end);
  }

  readonly report: Report = (...[name, place, args = {}, opener]) => {
    const { at, after, to = at, wrap, write, insert } = place;
    const add = (details: Details): void => void this.found.push({ name, at: span, args, details });
    const end = (to.endOffset ?? to.startOffset) + 1;
    const span = after === true ? this.span(end, end) : this.span(at.startOffset, end);
    const notes =
      opener === undefined
        ? []
        : [
            {
              at: this.span(opener.startOffset, (opener.endOffset ?? opener.startOffset) + 1),
              text: `this \`${opener.image}\` is open`,
            },
          ];
    if (wrap !== undefined) {
      const [before, behind] = wrap;
      const edits = [
        { at: { ...span, end: span.start }, newText: before },
        { at: { ...span, start: end }, newText: behind },
      ];
      const title = `Write \`${before}${this.source.text.slice(span.start, end)}${behind}\``;
      add({ fixes: [{ title, edits, applicability: "automatic" }] });
      return;
    }
    if (write !== undefined) {
      const title = write === "" ? "Remove it" : `Write \`${write.trim()}\``;
      add(automatic(title, span, write));
      return;
    }
    const fix =
      after === true && insert !== undefined
        ? suggestion(`Insert \`${insert.trim()}\``, span, insert)
        : {};
    add({ notes, ...fix });
  };

  /** One error a line, in the order of the text. */
  diagnostics(): readonly Diagnostic[] {
    const reporter = new Reporter(syntaxDiagnostics);
    const taken = new Set<number>();
    const rank = ({ name }: Found): number => (lexical.has(name) ? 0 : 1);
    const ordered = [...this.found].sort((a, b) => rank(a) - rank(b) || a.at.start - b.at.start);
    for (const found of ordered) {
      const { name, at } = found;
      const line = lineOf(this.source, at.start);
      if (name !== "dangling-doc" && !asMeant.has(name)) {
        // Several runs of strange characters on a line are several mistakes; anything else is not.
        if (taken.has(line) && !lexical.has(name)) continue;
        taken.add(line);
      }
      reporter.report(found);
    }
    return [...reporter.diagnostics].sort((a, b) => a.at.start - b.at.start);
  }
}
