// Parses one declaration. After an error, the smallest broken piece is cut out of the tokens and the declaration is
// parsed again: first the one token, then its argument, the rest of the entry, the entry, at last the declaration.
// One entry is reported once, and nothing outside of it is lost.
import type { CstNode, IToken } from "chevrotain";
import { tokenMatcher } from "chevrotain";
import { parser } from "../../../grammar/parser.ts";
import * as t from "../../../grammar/tokens.ts";
import type { Report } from "./problems.ts";
import { wordParseError } from "./wording.ts";
import { firstOnLine } from "./gates.ts";
import { endOf, virtual } from "./virtual.ts";

/** Bounds the work on text that is no spec at all. */
const maxRounds = 24;

export interface Parsed {
  readonly cst: CstNode;
  /** Offsets where something was cut. */
  readonly damage: readonly number[];
}

interface Depths {
  readonly braces: readonly number[];
  readonly parens: readonly number[];
}

function depthsOf(tokens: readonly IToken[]): Depths {
  const braces: number[] = [];
  const parens: number[] = [];
  let [brace, paren] = [0, 0];
  for (const token of tokens) {
    if (tokenMatcher(token, t.RCurly)) brace--;
    if (tokenMatcher(token, t.RParen) || tokenMatcher(token, t.RSquare)) paren--;
    braces.push(brace);
    parens.push(paren);
    if (tokenMatcher(token, t.LCurly)) brace++;
    if (tokenMatcher(token, t.LParen) || tokenMatcher(token, t.LSquare)) paren++;
  }
  return { braces, parens };
}

const isBracket = (token: IToken): boolean =>
  [t.LParen, t.RParen, t.LSquare, t.RSquare, t.LCurly, t.RCurly].some((type) =>
    tokenMatcher(token, type),
  );

/** The entry that the error at `i` breaks: [start, end). */
function entryAt(
  tokens: readonly IToken[],
  depths: Depths,
  i: number,
  inBody: boolean,
): [number, number] {
  const { braces, parens } = depths;
  const previous = i - 1;
  const opens = previous >= 0 && tokenMatcher(tokens[previous]!, t.LCurly);
  const depth = opens ? (braces[previous] ?? 0) + 1 : (braces[previous] ?? 0);
  const begins = (j: number): boolean =>
    (braces[j] === depth &&
      parens[j] === 0 &&
      firstOnLine(tokens, j) &&
      !tokenMatcher(tokens[j]!, t.RParen) &&
      !tokenMatcher(tokens[j]!, t.RSquare)) ||
    (tokenMatcher(tokens[j - 1]!, t.LCurly) && braces[j - 1] === depth - 1);
  let start = inBody || opens ? i : previous;
  while (start > 0 && start !== i && !begins(start)) start--;
  let end = Math.max(i, start);
  while (end < tokens.length) {
    if ((braces[end] ?? 0) < depth) break;
    if (end > start && begins(end)) break;
    end++;
  }
  return [start, end];
}

function itemAt(tokens: readonly IToken[], { parens }: Depths, i: number): [number, number] {
  const depth = parens[i] ?? 0;
  let start = i;
  while (start > 0) {
    const before = tokens[start - 1]!;
    const level = parens[start - 1] ?? 0;
    if (level < depth || (level === depth && tokenMatcher(before, t.Comma))) break;
    start--;
  }
  let end = i;
  while (end < tokens.length) {
    const level = parens[end] ?? 0;
    if (level < depth || (level === depth && tokenMatcher(tokens[end]!, t.Comma))) break;
    end++;
  }
  return [start, end];
}

export function parseSegment(segment: readonly IToken[], report: Report): Parsed {
  let tokens = [...segment];
  const damage: number[] = [];
  const levels = new Map<number, number>();
  for (let round = 0; ; round++) {
    parser.input = tokens;
    const cst = parser.file();
    const error = parser.errors[0];
    if (error === undefined) return { cst, damage };
    const found = tokens.indexOf(error.token);
    const i = found < 0 ? tokens.length : found;
    const previous = tokens[i - 1];
    damage.push(previous === undefined ? 0 : endOf(previous));
    const depths = depthsOf(tokens);
    const inBody = error.context.ruleStack.at(-1) === "body";
    const [start, end] = entryAt(tokens, depths, i, inBody);
    const inHeader = (depths.braces[i] ?? 0) === 0 && (depths.braces[i - 1] ?? 0) === 0;
    const key = inHeader ? -1 : (tokens[start]?.startOffset ?? -1);
    let level = levels.get(key) ?? 0;
    // What cutting left without an end is no mistake of its own.
    const leftOver = damage.length > 1 && i === tokens.length;
    if (level === 0 && !leftOver) report(...wordParseError(error, { tokens, at: i, inHeader }));
    if (round >= maxRounds) {
      tokens = [];
      continue;
    }
    const at = tokens[i];
    const flat = (depths.parens[i] ?? 0) === 0;
    if (level === 0 && (at === undefined || isBracket(at) || i === start || i >= end)) level = 1;
    if (level === 1 && (flat || i >= tokens.length) && !inHeader) level = 2;
    if (level === 2 && (!flat || i >= end || i === start)) level = 3;
    levels.set(key, level + 1);
    const cut = (from: number, to: number, filler: readonly IToken[] = []): void => {
      tokens = [...tokens.slice(0, from), ...filler, ...tokens.slice(to)];
    };
    if (error.context.ruleStack.at(-1) === "param" && level < 8) {
      // A parameter without `:` or type keeps its place, or every use of it would be an error.
      const typed = at !== undefined && tokenMatcher(at, t.Name);
      cut(i, i, [virtual(t.Colon, previous), ...(typed ? [] : [virtual(t.Missing, previous)])]);
    } else if (level === 0) cut(i, i + 1);
    else if (inHeader) {
      const body = tokens.findIndex((token, j) => j > i && tokenMatcher(token, t.LCurly));
      if (level === 1 && flat && body > 0) cut(i, body);
      else tokens = [];
    } else if (level === 1) {
      const [from, to] = itemAt(tokens, depths, i);
      cut(from, to, [virtual(t.Missing, tokens[from - 1])]);
    } else if (level === 2) {
      const due =
        previous !== undefined &&
        [t.Equals, t.Arrow, t.Colon, t.In].some((type) => tokenMatcher(previous, type));
      cut(i, end, due ? [virtual(t.Missing, previous)] : []);
    } else if (level === 3 && end > start) cut(start, end);
    else tokens = [];
  }
}
