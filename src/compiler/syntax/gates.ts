// What the tokens of a line decide: where a declaration (gate 4), an entry (3), a unit (2) and a multiplication (1) begins. Looks
// ahead on the tokens alone; layout.ts acts on it.
import type { IToken, TokenType } from "chevrotain";
import { tokenMatcher } from "chevrotain";
import * as t from "../../../grammar/tokens.ts";

/** Words that begin a declaration at the start of a line even inside an open body. */
const kinds = new Set("model block recipe pipeline merge inference eval sweep".split(" "));
/** Whether the word is a kind of declaration, of this version or a later one. */
export const isKind = (token: IToken | undefined): boolean =>
  token !== undefined && kinds.has(token.image);
/** Units known even when another word follows on the line. */
const units = new Set(
  (
    "step steps token tokens sequence sequences sample samples epoch epochs trial trials parameter parameters " +
    "byte bytes kB MB GB TB KiB MiB GiB TiB ms s min h"
  ).split(" "),
);

export const is = (token: IToken | undefined, ...types: TokenType[]): boolean =>
  token !== undefined && types.some((type) => tokenMatcher(token, type));

export const retyped = (token: IToken, type: TokenType): IToken => ({
  ...token,
  tokenType: type,
  tokenTypeIdx: type.tokenTypeIdx ?? 0,
});

export const firstOnLine = (tokens: readonly IToken[], i: number): boolean =>
  i === 0 || (tokens[i - 1]?.endLine ?? 0) < (tokens[i]?.startLine ?? 0);

/** Gate 4. */
export function beginsDecl(tokens: readonly IToken[], i: number): boolean {
  const [a, b, c] = [tokens[i], tokens[i + 1], tokens[i + 2]];
  if (a === undefined || !firstOnLine(tokens, i)) return false;
  if (is(a, t.Export)) return true;
  if (is(a, t.Let)) return is(b, t.Name) && !is(b, t.In);
  if (is(a, t.Import)) return is(b, t.LCurly);
  return kinds.has(a.image) && is(b, t.Name) && !is(b, t.In) && !is(c, t.Equals);
}

/** At file level a line of two words, or of a known first word, begins a declaration too, if a misspelt one. */
export function beginsTopLevel(tokens: readonly IToken[], i: number): boolean {
  const [a, b] = [tokens[i], tokens[i + 1]];
  if (a === undefined || !firstOnLine(tokens, i) || !is(a, t.Kind)) return false;
  if (is(a, t.Extends, t.For, t.From, t.As, t.In, t.Spec)) return false;
  return kinds.has(a.image) || (is(b, t.Name) && !firstOnLine(tokens, i + 1)) || is(b, t.Equals);
}

/**
 * Tells whether a `}` belongs to the `{` at `i`, where `bodies` are open: on its line, or because its declaration has as many of
 * the one as of the other.
 */
export function closings(tokens: readonly IToken[]): (i: number, bodies: number) => boolean {
  const onLine = new Set<number>();
  /** Braces that stay open from a token to the end of its declaration. */
  const net = new Int32Array(tokens.length + 1);
  let line: number[] = [];
  for (let i = 0; i < tokens.length; i++) {
    if (firstOnLine(tokens, i)) line = [];
    if (is(tokens[i], t.LCurly)) line.push(i);
    else if (is(tokens[i], t.RCurly)) onLine.add(line.pop() ?? -1);
  }
  for (let i = tokens.length - 1; i >= 0; i--) {
    const change = is(tokens[i], t.LCurly) ? 1 : is(tokens[i], t.RCurly) ? -1 : 0;
    net[i] = change + (beginsDecl(tokens, i + 1) ? 0 : net[i + 1]!);
  }
  return (i, bodies) => onLine.has(i) || bodies + net[i]! <= 0;
}

/** A line of selector signs up to `=>`. */
function beginsRule(tokens: readonly IToken[], i: number): boolean {
  let depth = 0;
  for (let j = i; j < tokens.length; j++) {
    const token = tokens[j]!;
    if (j > i && firstOnLine(tokens, j)) return false;
    if (is(token, t.Arrow)) return depth === 0 && j > i;
    if (is(token, t.LParen, t.LSquare)) depth++;
    else if (is(token, t.RParen, t.RSquare)) depth--;
    else if (depth === 0 && is(token, t.NumberToken) && is(tokens[j - 1], t.Dot)) continue;
    else if (depth === 0 && !is(token, t.Name, t.Dot, t.Star, t.DoubleStar, t.Comma, t.And, t.Not))
      return false;
    if (depth < 0) return false;
  }
  return false;
}

/** The star of the selector around `i` that is a part of a word, or has an index. */
export function starInWord(tokens: readonly IToken[], i: number): IToken | undefined {
  let start = Math.min(i, tokens.length - 1);
  while (start > 0 && !firstOnLine(tokens, start) && !is(tokens[start - 1], t.LCurly)) start--;
  let arrow = start;
  while (!is(tokens[arrow], t.Arrow)) {
    const over = arrow >= tokens.length || (arrow > start && firstOnLine(tokens, arrow));
    if (over || is(tokens[arrow], t.Equals)) return undefined;
    arrow++;
  }
  return tokens.slice(start, arrow).find((token, n) => {
    if (!is(token, t.Star, t.DoubleStar, t.Times)) return false;
    const [left, right] = [n === 0 ? undefined : tokens[start + n - 1], tokens[start + n + 1]];
    const index = is(left, t.LSquare) && is(right, t.RSquare) && !is(token, t.DoubleStar);
    const begins = left === undefined || is(left, t.Dot, t.Comma, t.And, t.Not, t.LParen);
    const ends = is(right, t.Dot, t.Comma, t.And, t.Arrow, t.RParen);
    return !index && !(begins && ends);
  });
}

/** Gate 3. */
export function beginsEntry(tokens: readonly IToken[], i: number): boolean {
  if (!firstOnLine(tokens, i)) return false;
  const [a, b] = [tokens[i], tokens[i + 1]];
  const sameLine = b !== undefined && !firstOnLine(tokens, i + 1);
  if (is(a, t.Name) && sameLine && is(b, t.Equals, t.LCurly, t.Arrow, t.Name, t.NumberToken))
    return true;
  return is(a, t.Name, t.Star, t.DoubleStar, t.Not) && beginsRule(tokens, i);
}

/** `heads = 8,` or `heads 8,` on a line of its own in an open call is an argument with the wrong sign or none, not an entry. */
export function isArgument(tokens: readonly IToken[], i: number): boolean {
  if (!is(tokens[i + 1], t.Equals, t.Name, t.NumberToken) || !is(tokens[i - 1], t.Comma, t.LParen))
    return false;
  return endsAsArgument(tokens, i);
}

/** The line of the token ends with a comma, or the next begins with `)`. */
export function endsAsArgument(tokens: readonly IToken[], i: number): boolean {
  let j = i + 1;
  while (j < tokens.length && !firstOnLine(tokens, j)) j++;
  return is(tokens[j - 1], t.Comma) || is(tokens[j], t.RParen);
}

/** A line that only an open call could hold: `heads: 8,` or its closing bracket. */
export const goesOn = (tokens: readonly IToken[], i: number): boolean =>
  firstOnLine(tokens, i) &&
  (is(tokens[i], t.RParen, t.RSquare) || (is(tokens[i], t.Name) && is(tokens[i + 1], t.Colon)));

/** `heads 8` as an argument: the name and its value without `:` between. Two names are so if they begin a line. */
export const lacksColon = (tokens: readonly IToken[], i: number): boolean =>
  is(tokens[i], t.Name) &&
  is(tokens[i - 1], t.Comma, t.LParen) &&
  !firstOnLine(tokens, i + 1) &&
  (is(tokens[i + 1], t.NumberToken, t.StringToken, t.Bool, t.LSquare) ||
    (is(tokens[i + 1], t.Name) && firstOnLine(tokens, i)));

/** Where the `{` is of `blocks n / 2 {`, whose count is calculated and lacks parentheses; `i` is the name's. */
export function bareCount(tokens: readonly IToken[], i: number): number | undefined {
  const starts = firstOnLine(tokens, i) || is(tokens[i - 1], t.LCurly);
  if (!starts || !is(tokens[i], t.Name) || !is(tokens[i + 1], t.Name, t.NumberToken))
    return undefined;
  if (!is(tokens[i + 2], t.AddOp, t.Star, t.Slash)) return undefined;
  for (let j = i + 3; j < tokens.length && !firstOnLine(tokens, j); j++) {
    if (is(tokens[j], t.LCurly)) return j;
    if (is(tokens[j], t.Equals, t.Arrow, t.In)) return undefined;
  }
  return undefined;
}

/** Nothing that could be an operand follows. */
export const endsValue = (tokens: readonly IToken[], i: number): boolean =>
  firstOnLine(tokens, i) ||
  !is(tokens[i], t.Name, t.NumberToken, t.LParen) ||
  is(tokens[i + 1], t.Equals, t.Colon, t.LCurly, t.Arrow);

export function retype(tokens: readonly IToken[], i: number): IToken {
  const token = tokens[i]!;
  const [before, next, after] = [tokens[i - 1], tokens[i + 1], tokens[i + 2]];
  if (is(token, t.Star)) {
    const selects =
      is(before, t.Dot, t.Not, t.LCurly) ||
      is(next, t.Arrow, t.Comma, t.Dot, t.And) ||
      (is(before, t.LSquare) && is(next, t.RSquare));
    return selects ? token : retyped(token, t.Times);
  }
  if (
    is(token, t.Name) &&
    !is(token, t.In, t.As) &&
    is(before, t.NumberToken) &&
    !firstOnLine(tokens, i) &&
    !is(next, t.Equals, t.Colon, t.Arrow, t.LParen) &&
    // `3 steps {`: the brace is what is wrong; `blocks 4 name {` is another matter
    !(is(next, t.LCurly) && !(units.has(token.image) && is(tokens[i - 2], t.Equals)))
  ) {
    const followed =
      next !== undefined && !firstOnLine(tokens, i + 1) && is(next, t.Name, t.NumberToken);
    if ((!followed || units.has(token.image)) && !is(after, t.Arrow)) return retyped(token, t.Unit);
  }
  return token;
}
