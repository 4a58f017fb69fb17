// What line ends decide (gates.ts), settled on the tokens before parsing, so that the grammar needs no gate. Brackets and `if`s
// that are open where an entry or declaration begins are closed, and a `Missing` token stands where a value is due: what the
// parser gets is always balanced. What other languages write for our words becomes ours, and is reported.
import type { IToken, TokenType } from "chevrotain";
import * as t from "../../../grammar/tokens.ts";
import type { Report } from "./errors.ts";
import {
  bareCount,
  beginsDecl,
  beginsEntry,
  beginsTopLevel,
  endsAsArgument,
  endsValue,
  firstOnLine,
  goesOn,
  is,
  isArgument,
  lacksColon,
  retype,
  retyped,
} from "./gates.ts";

/** Counted on the tokens, so that no text can overflow the parser's stack. */
const maxBrackets = 32;
const maxIfs = 64;

interface Frame {
  readonly kind: "(" | "[" | "{" | "import" | "if";
  readonly token: IToken;
  /** Column of the first token of the opener's line. */
  readonly indent: number;
  /** For `if`: its `then` is read. */
  then?: boolean;
}

/** Not the parameters of a declaration: those have a type behind the name. */
const isCall = (stack: readonly Frame[]): boolean => stack.some(isBody);
const isBody = ({ kind }: Frame): boolean => kind === "{" || kind === "import";

export interface Layout {
  /** One run of tokens per declaration: parsed on their own, so that a mistake stays in its declaration. */
  readonly segments: readonly (readonly IToken[])[];
}

const operators = [
  ...[
    t.Equals,
    t.Arrow,
    t.AddOp,
    t.Times,
    t.Slash,
    t.Percent,
    t.CompareOp,
    t.And,
    t.Or,
    t.Not,
    t.DotDot,
  ],
  ...[t.If, t.Then, t.Else, t.Colon],
];
/** What other languages write for our words. */
const signs: readonly (readonly [TokenType, TokenType, string])[] = [
  [t.AndSign, t.And, "and"],
  [t.OrSign, t.Or, "or"],
  [t.NotSign, t.Not, "not "],
];
const assigning = [t.Equals, t.EqualEqual, t.Arrow, t.Colon, t.In];
/** A name behind these begins an entry. */
const ending = [t.Name, t.NumberToken, t.Unit, t.StringToken, t.Bool, t.RParen, t.RSquare];
const closers = [t.RParen, t.RSquare, t.RCurly];

export const endOf = (token: IToken): number => (token.endOffset ?? token.startOffset) + 1;

/** A token that the text does not hold: empty, right after `after`. */
export function virtual(type: TokenType, after: IToken | undefined): IToken {
  const end = after === undefined ? 0 : endOf(after);
  return {
    image: "",
    startOffset: end,
    endOffset: end - 1,
    startLine: after?.endLine ?? 1,
    endLine: after?.endLine ?? 1,
    startColumn: (after?.endColumn ?? 0) + 1,
    endColumn: after?.endColumn ?? 0,
    tokenTypeIdx: type.tokenTypeIdx ?? 0,
    tokenType: type,
  };
}

export const isVirtual = (token: IToken): boolean => endOf(token) === token.startOffset;

export function layOut(tokens: readonly IToken[], report: Report): Layout {
  const segments: IToken[][] = [[]];
  const stack: Frame[] = [];
  /** Closed bodies whose `}` is not indented like the line of their `{`. */
  let suspects: Frame[] = [];
  let last: IToken | undefined;
  /** Whether the entry at hand has its sign: a comma behind its value is none between selectors. */
  let valued = false;
  let indent = 0;
  let ifs = 0;
  /** The `{` before which the virtual parenthesis of a count closes. */
  let countEnds: number | undefined;
  /** Brackets that the entry of this line closed: what goes on in the next line as if they were open is still theirs. */
  let forced = 0;
  /** While set, the rest of a value is given up: its tokens are skipped, and only their brackets counted. */
  let skipping: { brackets: number; braces: number } | undefined;

  const top = (): Frame | undefined => stack.at(-1);
  const emit = (token: IToken): void => {
    if (top()?.kind === "{" && is(token, ...assigning)) valued = true;
    else if (is(token, t.LCurly, t.RCurly) || (is(last, ...ending) && is(token, t.Name)))
      valued = false;
    segments.at(-1)!.push(token);
    last = token;
  };
  const insert = (type: TokenType): void => {
    segments.at(-1)!.push(virtual(type, last));
  };
  /** Reports and fills an operand that is due after `last`. */
  const fill = (): void => {
    if (last === undefined || !is(last, ...operators) || last === filled) return;
    filled = last;
    report("missing-value", { at: last, after: true }, { after: last.image });
    insert(t.Missing);
  };
  let filled: IToken | undefined;
  /** Inserts what an `if` lacks. */
  const completeIf = (frame: Frame | undefined): void => {
    if (frame?.then !== true) {
      insert(t.Then);
      insert(t.Missing);
    }
    insert(t.Else);
    insert(t.Missing);
  };
  const closeIfs = (): void => {
    for (let frame = top(); frame?.kind === "if"; frame = top()) {
      fill();
      stack.pop();
      const lacks = frame.then === true ? "else" : "then";
      report("incomplete-if", { at: last ?? frame.token, after: true }, { lacks }, frame.token);
      completeIf(frame);
    }
  };
  /** Closes one open `(` or `[` that nothing closed. */
  const closeBracket = (): void => {
    closeIfs();
    fill();
    const frame = stack.pop();
    if (frame === undefined) return;
    const close = frame.kind === "(" ? ")" : "]";
    forced++;
    report(
      "missing-bracket",
      { at: last ?? frame.token, after: true, insert: close },
      { close },
      frame.token,
    );
    insert(frame.kind === "(" ? t.RParen : t.RSquare);
  };
  /** Ends the value that `token` makes too deep or too long: one complaint, whatever follows in it. */
  const giveUp = (token: IToken): void => {
    let brackets = 0;
    insert(t.Missing);
    for (let frame = top(); frame !== undefined && !isBody(frame); frame = top()) {
      stack.pop();
      if (frame.kind === "if") completeIf(frame);
      else {
        brackets++;
        insert(frame.kind === "(" ? t.RParen : t.RSquare);
      }
    }
    skipping = { brackets, braces: 0 };
    last = virtual(t.Missing, token);
  };
  /** Whether the token is still of what is given up: until its brackets are closed, or something else begins. */
  const skips = (i: number, inBody: boolean): boolean => {
    if (skipping === undefined) return false;
    const token = tokens[i]!;
    const flat = skipping.braces === 0;
    const begins = beginsDecl(tokens, i) || (flat && inBody && beginsEntry(tokens, i));
    const ends =
      flat && (is(token, t.RCurly) || (is(token, ...closers) && skipping.brackets === 0));
    if (begins || ends) {
      skipping = undefined;
      return false;
    }
    if (is(token, t.LParen, t.LSquare)) skipping.brackets++;
    else if (is(token, t.RParen, t.RSquare)) skipping.brackets--;
    else if (is(token, t.LCurly)) skipping.braces++;
    else if (is(token, t.RCurly)) skipping.braces--;
    if (is(token, ...closers) && skipping.brackets <= 0 && skipping.braces === 0)
      skipping = undefined;
    return true;
  };
  const closeValues = (): void => {
    for (let frame = top(); frame !== undefined && !isBody(frame); frame = top()) {
      if (frame.kind === "if") closeIfs();
      else closeBracket();
    }
    fill();
  };
  const closeBodies = (at: IToken | undefined): void => {
    closeValues();
    const open = stack.filter(isBody);
    if (open.length > 0 && last !== undefined) {
      const opener = suspects[0] ?? open.at(-1)!;
      report(
        "missing-brace",
        at === undefined ? { at: last, after: true } : { at },
        { count: open.length === 1 ? "`}` is" : `${String(open.length)} \`}\` are` },
        opener.token,
      );
    }
    while (stack.length > 0) {
      closeValues();
      if (stack.pop() !== undefined) insert(t.RCurly);
    }
    suspects = [];
  };

  for (let i = 0; i < tokens.length; i++) {
    let token = retype(tokens, i);
    const inBody = stack.some((frame) => frame.kind === "{");
    if (forced > 0 && inBody && goesOn(tokens, i)) skipping = { brackets: forced, braces: 0 };
    if (skips(i, inBody)) continue;
    if (firstOnLine(tokens, i)) indent = token.startColumn ?? 1;
    const due = is(last, ...operators, t.Comma);
    if (beginsDecl(tokens, i) || (stack.length === 0 && !due && beginsTopLevel(tokens, i))) {
      closeBodies(token);
      forced = 0;
      segments.push([]);
      ifs = 0;
    } else if (
      inBody &&
      top()?.kind !== "import" &&
      beginsEntry(tokens, i) &&
      !(top()?.kind === "(" && isArgument(tokens, i))
    ) {
      forced = 0;
      closeValues();
      // A name alone on its line: the entry has neither sign nor value.
      if (
        last !== undefined &&
        is(last, t.Name) &&
        tokens[i - 1] === last &&
        firstOnLine(tokens, i - 1) &&
        !is(tokens[i - 2], ...operators)
      ) {
        report("missing-equals", { at: last, after: true, insert: " =" }, { after: last.image });
        insert(t.Equals);
        insert(t.Missing);
      }
      ifs = 0;
    } else if (
      top()?.kind === "if" &&
      inBody &&
      is(token, t.Name) &&
      is(tokens[i + 1], t.Equals) &&
      (top()?.then === true || !is(last, t.If, t.And, t.Or, t.Not))
    ) {
      closeIfs();
    }
    // `ffn = moe` and arguments in the lines below it.
    const called = tokens[i - 1];
    if (
      top()?.kind !== "(" &&
      inBody &&
      called === last &&
      is(called, t.Name) &&
      is(tokens[i - 2], ...operators) &&
      is(token, t.Name) &&
      goesOn(tokens, i) &&
      endsAsArgument(tokens, i)
    ) {
      report("missing-open", { at: called!, after: true, insert: "(" }, { name: called!.image });
      stack.push({ kind: "(", token: called!, indent });
      insert(t.LParen);
    }
    const between = top() === undefined || top()?.kind === "{";
    if (is(token, t.Comma) && between && (valued || is(last, t.RCurly))) {
      fill();
      report("comma-after-entry", { at: token, write: "" });
      continue;
    }
    const sign = signs.find(([type]) => is(token, type));
    if (sign !== undefined) {
      const [, type, word] = sign;
      report("logic-sign", { at: token, write: word }, { sign: token.image, word: word.trim() });
      token = retyped(token, type);
    } else if (is(token, t.Percent) && is(last, t.NumberToken) && endsValue(tokens, i + 1)) {
      report("percent-apart", { at: last!, to: token, write: `${last!.image}%` });
      token = retyped(token, t.Unit);
    } else if (is(token, t.Equals) && top()?.kind === "if" && top()?.then !== true) {
      report("equals-in-test", { at: token, write: "==" });
      token = retyped(token, t.EqualEqual);
    }
    const end = inBody && i > 0 ? bareCount(tokens, i - 1) : undefined;
    if (end !== undefined) {
      report("bare-count", { at: token, to: tokens[end - 1]!, wrap: ["(", ")"] });
      insert(t.LParen);
      countEnds = end;
    }
    if (is(token, ...closers, t.Comma, t.LCurly)) {
      fill();
      closeIfs();
    }
    if (is(last, t.Comma, t.LParen, t.LSquare) && is(token, t.Comma) && top()?.kind !== "{") {
      report("missing-value", { at: token }, { after: last?.image ?? "" });
      insert(t.Missing);
    }
    if (is(token, t.LParen, t.LSquare, t.LCurly)) {
      if (is(token, t.LCurly)) closeValues();
      if (i === countEnds) insert(t.RParen);
      const image = token.image as "(" | "[" | "{";
      stack.push({ kind: is(last, t.Import) ? "import" : image, token, indent });
      if (image === "{") ifs = 0;
      emit(token);
      if (stack.filter(({ kind }) => kind !== "if").length <= maxBrackets) continue;
      report("too-deep", { at: token }, { limit: maxBrackets });
      if (image === "{") {
        stack.pop();
        insert(t.RCurly);
        skipping = { brackets: 0, braces: 1 };
      } else giveUp(token);
      continue;
    }
    if (is(token, ...closers)) {
      if (close(token)) emit(token);
      else last = token;
      continue;
    }
    // Only where a value is due: elsewhere it is a reserved word used as a name.
    if (is(token, t.If) && is(last, ...operators, t.Comma, t.LParen, t.LSquare, t.In)) {
      ifs++;
      if (ifs > maxIfs) {
        report("too-many-ifs", { at: token }, { limit: maxIfs });
        giveUp(token);
        continue;
      }
      stack.push({ kind: "if", token, indent });
    } else if (is(token, t.Then) && top()?.kind === "if") {
      fill();
      const frame = top();
      if (frame !== undefined) frame.then = true;
    } else if (is(token, t.Else) && top()?.kind === "if") {
      fill();
      const frame = stack.pop();
      if (frame?.then !== true && frame !== undefined) {
        report("incomplete-if", { at: token }, { lacks: "then" }, frame.token);
        insert(t.Then);
        insert(t.Missing);
      }
    }
    if (is(token, t.Equals, t.Arrow)) ifs = 0;
    emit(token);
    if (top()?.kind === "(" && isCall(stack) && lacksColon(tokens, i)) {
      report("missing-colon", { at: token, after: true, insert: ":" }, { name: token.image });
      insert(t.Colon);
    }
  }
  closeBodies(undefined);
  return { segments };

  /** False when the token closes nothing, and is left out. */
  function close(token: IToken): boolean {
    const kind = is(token, t.RParen) ? "(" : is(token, t.RSquare) ? "[" : "{";
    const wanted = (frame: Frame): boolean =>
      frame.kind === kind || (kind === "{" && frame.kind === "import");
    const body = stack.findLastIndex(isBody);
    const found = stack.findLastIndex(wanted);
    if (found < 0 || (kind !== "{" && found < body)) {
      report("stray-bracket", { at: token }, { close: token.image });
      return false;
    }
    while (stack.length > found + 1) closeBracket();
    const frame = stack.pop();
    if (frame?.kind === "{") {
      const ownLine = token.startColumn === indent;
      if (ownLine && frame.token.startLine !== token.startLine && indent !== frame.indent)
        suspects.push(frame);
      if (!stack.some((other) => other.kind === "{")) suspects = [];
      ifs = 0;
    }
    return true;
  }
}
