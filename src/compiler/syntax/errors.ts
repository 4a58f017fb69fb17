// Turns what went wrong in reading into words. Problems are collected first and thinned to one error a line, because the
// second one on a line mostly restates the first.
import type { IRecognitionException, IToken } from "chevrotain";
import { tokenMatcher } from "chevrotain";
import * as t from "../../../grammar/tokens.ts";
import { automatic, suggestion } from "../diagnostics/fix.ts";
import type { Details, Diagnostic, Source, Span } from "../diagnostics/types.ts";
import { lineOf } from "../diagnostics/lines.ts";
import { Reporter } from "../diagnostics/report.ts";
import { syntaxDiagnostics, type SyntaxEntry } from "../diagnostics/catalogue.ts";
import type { Found, Given } from "../diagnostics/entry.ts";
import { is, isKind, starInWord } from "./gates.ts";

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

const reserved = [t.If, t.Then, t.Else, t.And, t.Or, t.Not, t.True, t.False, t.Export];
const valueRules = new Set(["value", "logic", "all", "test", "sum", "product", "unary", "primary"]);

/** What stands there, for "found …". */
function shown(token: IToken): string {
  if (token.tokenType.name === "EOF" || token.image === "") return "the end of the file";
  const image = token.image.length > 24 ? `${token.image.slice(0, 23)}…` : token.image;
  return `\`${image}\``;
}

/** What rules wait for, when nothing more exact is known. */
const wanted: Readonly<Record<string, string>> = {
  body: "a setting, a rule or `}`",
  segment: "a name, `*` or `**`",
  file: "a declaration such as `model M { … }`",
  decl: "a declaration such as `model M { … }`",
  args: "`,` or `)`",
  arg: "`,` or `)`",
  params: "a parameter or `)`",
  param: "`:` and a type",
  list: "`,` or `]`",
  item: "`,` or `]`",
  type: "a type",
  let: "a name and `=`",
  imported: "a name",
  definition: "a name and `{`",
  reference: "a name",
};

const dueInImport = (previous: IToken | undefined): string => {
  switch (previous?.image) {
    case "import":
      return "`{` and names";
    case "}":
      return '`from "file.arch"`';
    case "from":
      return "a file in quotes";
    default:
      return "a name, `,` or `}`";
  }
};

/** Where the parser stopped: token `at` of these, and whether that is before the `{` of a declaration. */
export interface Stop {
  readonly tokens: readonly IToken[];
  readonly at: number;
  readonly inHeader: boolean;
}

/** `model {`, `model extends Base {`, `model "M" {`: the kind, whose name is missing. */
const nameless = ({ tokens, at }: Stop): IToken | undefined => {
  const [before, previous, token] = [tokens[at - 2], tokens[at - 1], tokens[at]];
  if (is(previous, t.Kind) && isKind(previous) && !is(token, t.Name, ...reserved)) return previous;
  const word = is(previous, t.Extends, t.For) && is(token, t.Name);
  return word && is(before, t.Kind) && isKind(before) ? before : undefined;
};

/** Words the parser's first error. */
export function wordParseError(error: IRecognitionException, stop: Stop): Worded {
  const { tokens, at, inHeader } = stop;
  const [before, previous] = [tokens[at - 2], tokens[at - 1]];
  const { token } = error;
  const stack = error.context.ruleStack;
  const rule = stack.at(-1) ?? "file";
  const atEnd = token.tokenType.name === "EOF" || token.image === "";
  // Between entries nothing is missing: the token itself is what cannot stand there.
  const between = rule === "body" || rule === "file" || rule === "decl";
  const apart = atEnd || (!between && (previous?.endLine ?? 0) < (token.startLine ?? 0));
  const place: Place =
    previous !== undefined && apart
      ? { at: previous, after: true }
      : { at: atEnd ? (previous ?? token) : token };
  const startsValue =
    tokenMatcher(token, t.Name) ||
    tokenMatcher(token, t.NumberToken) ||
    tokenMatcher(token, t.StringToken) ||
    tokenMatcher(token, t.LSquare) ||
    tokenMatcher(token, t.Bool);
  const expected = (what: string): Worded => [
    "unexpected",
    place,
    { expected: what, found: shown(token) },
  ];

  if (previous?.image === "spec" && rule === "definition")
    return ["misplaced-edition", { at: previous }];
  if (rule === "definition" && tokenMatcher(token, t.Equals) && previous !== undefined)
    return [
      "unexpected",
      { at: previous },
      { expected: `a declaration such as \`let ${previous.image} = …\``, found: shown(previous) },
    ];
  const kind = nameless(stop);
  if (kind !== undefined) {
    const better = `${kind.image} Name`;
    return ["missing-name", { at: kind, after: true }, { word: kind.image, better }];
  }
  if (inHeader && rule === "body")
    return expected(before?.image === "extends" ? "`for` or `{`" : "`(`, `extends`, `for` or `{`");
  if (rule === "setting" && is(token, t.Arrow) && previous !== undefined && is(before, t.Name)) {
    const better = `${before!.image}[${previous.image}]`;
    return is(previous, t.NumberToken)
      ? ["index-form", { at: before!, to: previous, write: better }, { better }]
      : ["missing-comma", { at: before!, after: true, insert: "," }];
  }
  const star = inHeader ? undefined : starInWord(tokens, at);
  if (star !== undefined) return ["star-in-word", { at: star }, { star: star.image }];
  const operand = (one: IToken | undefined): boolean =>
    is(one, t.Name, t.NumberToken, t.Unit, t.RParen);
  if (is(token, t.DoubleStar) && operand(previous)) return ["power-sign", { at: token }];
  if (is(previous, t.DoubleStar) && operand(before)) return ["power-sign", { at: previous! }];
  if (rule === "setting" || rule === "header") {
    const equals = apart || startsValue || tokenMatcher(token, t.LParen);
    if (equals && previous !== undefined) {
      // `context 512`: what was read as a header is the value.
      const header =
        before !== undefined &&
        tokenMatcher(before, t.Name) &&
        before.endLine === previous.startLine &&
        (tokenMatcher(previous, t.NumberToken) ||
          (tokenMatcher(previous, t.Name) && !tokenMatcher(previous, t.In)));
      const name = header ? before : previous;
      return ["missing-equals", { at: name, after: true, insert: " =" }, { after: name.image }];
    }
    return expected("`=`, `in` or `{`");
  }
  if (rule === "rule") return ["missing-arrow", place, { found: shown(token) }];
  if (
    reserved.some((type) => tokenMatcher(token, type)) &&
    !valueRules.has(rule) &&
    rule !== "body"
  )
    return ["reserved-word", { at: token }, { word: token.image }];
  if (rule === "imports") return expected(dueInImport(previous));
  if (valueRules.has(rule)) return expected("a value");
  return expected(wanted[rule] ?? "something else");
}
