// What is open on the way through the tokens (bodies, brackets, `if`s), and what closes it: a token, an entry or declaration that
// begins, or the end. Whatever closes them, what was written out until then is balanced.
import type { IToken, TokenType } from "chevrotain";
import * as t from "../../../grammar/tokens.ts";
import type { Report } from "./problems.ts";
import { is } from "./gates.ts";
import { virtual } from "./virtual.ts";

export interface Frame {
  readonly kind: "(" | "[" | "{" | "import" | "if";
  readonly token: IToken;
  /** Column of the first token of the opener's line. */
  readonly indent: number;
  /** For `if`: its `then` is read. */
  then?: boolean;
  /** A brace too many, which is left out together with its `}`: what it holds is of the body around it. */
  readonly extra?: boolean;
}
export const isBody = ({ kind }: Frame): boolean => kind === "{" || kind === "import";

/** Behind these an operand is due. */
export const operators = [
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
const assigning = [t.Equals, t.EqualEqual, t.Arrow, t.Colon, t.In];
/** A name behind these begins an entry. */
const ending = [t.Name, t.NumberToken, t.Unit, t.StringToken, t.Bool, t.RParen, t.RSquare];
export const closers = [t.RParen, t.RSquare, t.RCurly];

export interface Open {
  /** One run of tokens per declaration. */
  readonly segments: IToken[][];
  readonly stack: Frame[];
  /** Offsets where a part of a value is left out. */
  readonly damage: number[];
  /** What was written last, or stands for it. */
  last: IToken | undefined;
  /** Column of the first token of the line. */
  indent: number;
  /** In the value at hand. */
  ifs: number;
  /** Brackets that the entry of this line closed: what goes on in the next line as if they were open is still theirs. */
  forced: number;
  /** While set, the rest of a value is given up: its tokens are skipped, and only their brackets counted. */
  skipping: { brackets: number; braces: number } | undefined;
  /** Whether the entry at hand has its sign: a comma behind its value is none between selectors. */
  readonly isValued: () => boolean;
  readonly top: () => Frame | undefined;
  readonly emit: (token: IToken) => void;
  readonly insert: (type: TokenType) => void;
  /** Reports and fills an operand that is due after `last`. */
  readonly fill: () => void;
  readonly closeIfs: () => void;
  /** All that is open in the body at hand. */
  readonly closeValues: () => void;
  /** Everything. */
  readonly closeBodies: (at: IToken | undefined) => void;
  /** False when the token closes nothing, and is left out. */
  readonly close: (token: IToken) => boolean;
  /** Ends the value that `token` makes too deep or too long: one complaint, whatever follows in it. */
  readonly giveUp: (token: IToken) => void;
}

export function openAt(report: Report): Open {
  const stack: Frame[] = [];
  const segments: IToken[][] = [[]];
  /** Closed bodies whose `}` is not indented like the line of their `{`. */
  let suspects: Frame[] = [];
  let valued = false;
  let filled: IToken | undefined;

  const top = (): Frame | undefined => stack.at(-1);
  const insert = (type: TokenType): void => {
    segments.at(-1)!.push(virtual(type, open.last));
  };
  const emit = (token: IToken): void => {
    if (top()?.kind === "{" && is(token, ...assigning)) valued = true;
    else if (is(token, t.LCurly, t.RCurly) || (is(open.last, ...ending) && is(token, t.Name)))
      valued = false;
    segments.at(-1)!.push(token);
    open.last = token;
  };
  const fill = (): void => {
    const { last } = open;
    if (last === undefined || !is(last, ...operators) || last === filled) return;
    filled = last;
    report("missing-value", { at: last, after: true }, { after: last.image });
    insert(t.Missing);
  };
  /** Inserts what an `if` lacks. */
  const completeIf = (frame: Frame): void => {
    if (frame.then !== true) {
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
      const at = { at: open.last ?? frame.token, after: true };
      report("incomplete-if", at, { lacks }, frame.token);
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
    open.forced++;
    const at = { at: open.last ?? frame.token, after: true, insert: close };
    report("missing-bracket", at, { close }, frame.token);
    insert(frame.kind === "(" ? t.RParen : t.RSquare);
  };
  const closeValues = (): void => {
    for (let frame = top(); frame !== undefined && !isBody(frame); frame = top()) {
      if (frame.kind === "if") closeIfs();
      else closeBracket();
    }
    fill();
    // what comes next is another entry, or the body of this one
    valued = false;
  };
  const closeBodies = (at: IToken | undefined): void => {
    closeValues();
    const bodies = stack.filter(isBody);
    const { last } = open;
    if (bodies.length > 0 && last !== undefined) {
      const opener = suspects[0] ?? bodies.at(-1)!;
      report(
        "missing-brace",
        at === undefined ? { at: last, after: true } : { at },
        { count: bodies.length === 1 ? "`}` is" : `${String(bodies.length)} \`}\` are` },
        opener.token,
      );
    }
    while (stack.length > 0) {
      closeValues();
      const frame = stack.pop();
      if (frame !== undefined && frame.extra !== true) insert(t.RCurly);
    }
    suspects = [];
  };
  const close = (token: IToken): boolean => {
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
      const { indent } = open;
      const ownLine = token.startColumn === indent;
      if (ownLine && frame.token.startLine !== token.startLine && indent !== frame.indent)
        suspects.push(frame);
      if (!stack.some((other) => other.kind === "{")) suspects = [];
      open.ifs = 0;
    }
    return frame?.extra !== true;
  };
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
    open.skipping = { brackets, braces: 0 };
    open.last = virtual(t.Missing, token);
  };

  const open: Open = {
    ...{ segments, stack, damage: [], last: undefined, indent: 0, ifs: 0 },
    ...{ forced: 0, skipping: undefined },
    ...{ isValued: () => valued, top, emit, insert, fill },
    ...{ closeIfs, closeValues, closeBodies, close, giveUp },
  };
  return open;
}
