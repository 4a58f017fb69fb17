// What line ends decide (gates.ts), settled on the tokens before parsing, so that the grammar needs no gate. Brackets and `if`s
// that are open where an entry or declaration begins are closed, and a `Missing` token stands where a value is due: what the
// parser gets is always balanced. What other languages write for our words becomes ours, and is reported.
import type { IToken, TokenType } from "chevrotain";
import * as t from "../../../grammar/tokens.ts";
import type { Report } from "./problems.ts";
import {
  bareCount,
  beginsDecl,
  beginsEntry,
  beginsTopLevel,
  closings,
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
import { closers, isBody, openAt, operators, type Frame, type Open } from "./open.ts";
import { endOf, virtual } from "./virtual.ts";

/** Counted on the tokens, so that no text can overflow the parser's stack. */
const maxBrackets = 32;
const maxIfs = 64;

/** Not the parameters of a declaration: those have a type behind the name. */
const isCall = (stack: readonly Frame[]): boolean => stack.some(isBody);

export interface Layout {
  /** One run of tokens per declaration: parsed on their own, so that a mistake stays in its declaration. */
  readonly segments: readonly (readonly IToken[])[];
  /** Offsets where a part of a value was left out. */
  readonly damage: readonly number[];
}

/** What other languages write for our words. */
const signs: readonly (readonly [TokenType, TokenType, string])[] = [
  [t.AndSign, t.And, "and"],
  [t.OrSign, t.Or, "or"],
  [t.NotSign, t.Not, "not "],
];

/** Where the walk is. */
interface Here {
  readonly tokens: readonly IToken[];
  readonly i: number;
  readonly inBody: boolean;
  readonly open: Open;
  /** Of a `{`: whether it has its `}`. */
  readonly isClosed: ReturnType<typeof closings>;
  readonly report: Report;
}

/** Whether the token is still of what is given up: until its brackets are closed, or something else begins. */
function skips({ tokens, i, inBody, open }: Here): boolean {
  const { skipping } = open;
  if (skipping === undefined) return false;
  const token = tokens[i]!;
  const flat = skipping.braces === 0;
  const begins = beginsDecl(tokens, i) || (flat && inBody && beginsEntry(tokens, i));
  const ends = flat && (is(token, t.RCurly) || (is(token, ...closers) && skipping.brackets === 0));
  if (begins || ends) {
    open.skipping = undefined;
    return false;
  }
  if (is(token, t.LParen, t.LSquare)) skipping.brackets++;
  else if (is(token, t.RParen, t.RSquare)) skipping.brackets--;
  else if (is(token, t.LCurly)) skipping.braces++;
  else if (is(token, t.RCurly)) skipping.braces--;
  if (is(token, ...closers) && skipping.brackets <= 0 && skipping.braces === 0)
    open.skipping = undefined;
  return true;
}

/** A declaration or an entry that begins ends what is open in the one before. */
function begin({ tokens, i, inBody, open, report }: Here, token: IToken): void {
  const { last, stack } = open;
  const top = open.top();
  const due = is(last, ...operators, t.Comma);
  if (beginsDecl(tokens, i) || (stack.length === 0 && !due && beginsTopLevel(tokens, i))) {
    open.closeBodies(token);
    open.forced = 0;
    open.segments.push([]);
    open.ifs = 0;
  } else if (
    inBody &&
    top?.kind !== "import" &&
    beginsEntry(tokens, i) &&
    !(top?.kind === "(" && isArgument(tokens, i))
  ) {
    open.forced = 0;
    open.closeValues();
    // A name alone on its line: the entry has neither sign nor value.
    if (
      last !== undefined &&
      is(last, t.Name) &&
      tokens[i - 1] === last &&
      firstOnLine(tokens, i - 1) &&
      !is(tokens[i - 2], ...operators)
    ) {
      report("missing-equals", { at: last, after: true, insert: " =" }, { after: last.image });
      open.insert(t.Equals);
      open.insert(t.Missing);
    }
    open.ifs = 0;
  } else if (
    top?.kind === "if" &&
    inBody &&
    is(token, t.Name) &&
    is(tokens[i + 1], t.Equals) &&
    (top.then === true || !is(last, t.If, t.And, t.Or, t.Not))
  ) {
    open.closeIfs();
  }
}

/** `ffn = moe` and arguments in the lines below it. */
function openCall({ tokens, i, inBody, open, report }: Here, token: IToken): void {
  const called = tokens[i - 1];
  if (
    open.top()?.kind === "(" ||
    !inBody ||
    called === undefined ||
    called !== open.last ||
    !is(called, t.Name) ||
    !is(tokens[i - 2], ...operators) ||
    !is(token, t.Name) ||
    !goesOn(tokens, i) ||
    !endsAsArgument(tokens, i)
  )
    return;
  report("missing-open", { at: called, after: true, insert: "(" }, { name: called.image });
  open.stack.push({ kind: "(", token: called, indent: open.indent });
  open.insert(t.LParen);
}

/** The token, or ours for what another language writes. */
function asOurs({ tokens, i, open, report }: Here, token: IToken): IToken {
  const { last } = open;
  const top = open.top();
  const sign = signs.find(([type]) => is(token, type));
  if (sign !== undefined) {
    const [, type, word] = sign;
    report("logic-sign", { at: token, write: word }, { sign: token.image, word: word.trim() });
    return retyped(token, type);
  }
  if (is(token, t.Percent) && is(last, t.NumberToken) && endsValue(tokens, i + 1)) {
    report("percent-apart", { at: last!, to: token, write: `${last!.image}%` });
    return retyped(token, t.Unit);
  }
  if (is(token, t.Equals) && top?.kind === "if" && top.then !== true) {
    report("equals-in-test", { at: token, write: "==" });
    return retyped(token, t.EqualEqual);
  }
  return token;
}

/** Values that are due before a token that ends or separates them. */
function settle({ open, report }: Here, token: IToken): void {
  if (is(token, ...closers, t.Comma, t.LCurly)) {
    open.fill();
    open.closeIfs();
  }
  if (
    is(open.last, t.Comma, t.LParen, t.LSquare) &&
    is(token, t.Comma) &&
    open.top()?.kind !== "{"
  ) {
    report("missing-value", { at: token }, { after: open.last?.image ?? "" });
    open.insert(t.Missing);
  }
}

/** @param endsCount whether the virtual parenthesis of a count closes before it */
function openBracket({ open, report }: Here, token: IToken, endsCount: boolean): void {
  const { stack } = open;
  if (is(token, t.LCurly)) open.closeValues();
  if (endsCount) open.insert(t.RParen);
  const image = token.image as "(" | "[" | "{";
  stack.push({ kind: is(open.last, t.Import) ? "import" : image, token, indent: open.indent });
  if (image === "{") open.ifs = 0;
  open.emit(token);
  if (stack.filter(({ kind }) => kind !== "if").length <= maxBrackets) return;
  report("too-deep", { at: token }, { limit: maxBrackets });
  if (image === "{") {
    stack.pop();
    open.insert(t.RCurly);
    open.skipping = { brackets: 0, braces: 1 };
  } else open.giveUp(token);
}

/**
 * A `{` where no body can begin. A group of its own is given up, with the value that it stands in; where the declaration has a
 * `{` too many, that is left out alone.
 */
function strayBrace(here: Here, token: IToken): boolean {
  const { tokens, i, inBody, open, isClosed, report } = here;
  if (!inBody || !is(token, t.LCurly)) return false;
  const { last, stack } = open;
  const between = is(last, t.LCurly, t.RCurly);
  if (!between && !open.isValued()) return false;
  const bodies = stack.filter(isBody).length;
  const grouped = isClosed(i, bodies);
  if (between) {
    report("stray-brace", grouped ? { at: token } : { at: token, write: "" });
    if (grouped && bodies < maxBrackets)
      stack.push({ kind: "{", token, indent: open.indent, extra: true });
    else if (grouped) open.skipping = { brackets: 0, braces: 1 };
    return true;
  }
  const called = is(last, t.Name) && last === tokens[i - 1] ? last : undefined;
  if (called !== undefined) {
    report("braced-arguments", { at: token }, { name: called.image });
    open.insert(t.LParen);
    open.insert(t.Missing);
    open.insert(t.RParen);
  } else if (grouped) {
    report("braced-value", { at: token });
    if (is(last, ...operators)) open.insert(t.Missing);
    else open.damage.push(endOf(last ?? token));
  } else {
    report("stray-brace", { at: token, write: "" });
    return true;
  }
  if (grouped || !firstOnLine(tokens, i + 1))
    open.skipping = { brackets: 0, braces: grouped ? 1 : 0 };
  open.last = virtual(t.RParen, token);
  return true;
}

/** `blocks[0] { … }`: a selector with a body, which is given up as if it were a rule's value. */
function indexedBody(here: Here, token: IToken): boolean {
  const { tokens, i, inBody, open, isClosed, report } = here;
  const close = tokens[i - 1];
  if (!inBody || !is(token, t.LCurly) || !is(close, t.RSquare) || open.isValued()) return false;
  const name = tokens[tokens.slice(0, i).findLastIndex((one) => is(one, t.LSquare)) - 1];
  if (close === undefined || !is(name, t.Name)) return false;
  report("indexed-body", { at: name!, to: close }, { name: name!.image });
  open.insert(t.Arrow);
  open.insert(t.Missing);
  const grouped = isClosed(i, open.stack.filter(isBody).length);
  open.skipping = { brackets: 0, braces: grouped ? 1 : 0 };
  return true;
}

/** `if`, `then` and `else`, where they are no names. False when the token is given up with its value. */
function conditional({ open, report }: Here, token: IToken): boolean {
  const frame = open.top();
  // Only where a value is due: elsewhere it is a reserved word used as a name.
  if (is(token, t.If) && is(open.last, ...operators, t.Comma, t.LParen, t.LSquare, t.In)) {
    open.ifs++;
    if (open.ifs > maxIfs) {
      report("too-many-ifs", { at: token }, { limit: maxIfs });
      open.giveUp(token);
      return false;
    }
    open.stack.push({ kind: "if", token, indent: open.indent });
  } else if (is(token, t.Then) && frame?.kind === "if") {
    open.fill();
    frame.then = true;
  } else if (is(token, t.Else) && frame?.kind === "if") {
    open.fill();
    open.stack.pop();
    if (frame.then !== true) {
      report("incomplete-if", { at: token }, { lacks: "then" }, frame.token);
      open.insert(t.Then);
      open.insert(t.Missing);
    }
  }
  return true;
}

export function layOut(tokens: readonly IToken[], report: Report): Layout {
  const open = openAt(report);
  const isClosed = closings(tokens);
  /** The `{` before which the virtual parenthesis of a count closes. */
  let countEnds: number | undefined;

  for (let i = 0; i < tokens.length; i++) {
    const inBody = open.stack.some((frame) => frame.kind === "{");
    const here: Here = { tokens, i, inBody, open, isClosed, report };
    const written = retype(tokens, i);
    if (open.forced > 0 && inBody && goesOn(tokens, i))
      open.skipping = { brackets: open.forced, braces: 0 };
    if (skips(here)) continue;
    if (firstOnLine(tokens, i)) open.indent = written.startColumn ?? 1;
    begin(here, written);
    openCall(here, written);
    const top = open.top();
    const between = top === undefined || top.kind === "{";
    if (is(written, t.Comma) && between && (open.isValued() || is(open.last, t.RCurly))) {
      open.fill();
      report("comma-after-entry", { at: written, write: "" });
      continue;
    }
    const token = asOurs(here, written);
    const end = inBody && i > 0 ? bareCount(tokens, i - 1) : undefined;
    if (end !== undefined) {
      report("bare-count", { at: token, to: tokens[end - 1]!, wrap: ["(", ")"] });
      open.insert(t.LParen);
      countEnds = end;
    }
    if (indexedBody(here, token) || strayBrace(here, token)) continue;
    settle(here, token);
    if (is(token, t.LParen, t.LSquare, t.LCurly)) {
      openBracket(here, token, i === countEnds);
      continue;
    }
    if (is(token, ...closers)) {
      if (open.close(token)) open.emit(token);
      else open.last = token;
      continue;
    }
    if (!conditional(here, token)) continue;
    if (is(token, t.Equals, t.Arrow)) open.ifs = 0;
    open.emit(token);
    if (open.top()?.kind === "(" && isCall(open.stack) && lacksColon(tokens, i)) {
      report("missing-colon", { at: token, after: true, insert: ":" }, { name: token.image });
      open.insert(t.Colon);
    }
  }
  open.closeBodies(undefined);
  return { segments: open.segments, damage: open.damage };
}
