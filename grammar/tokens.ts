// The tokens of `.arch`. Words that are special only in their place (`let`, `for`, `in`, ...) are also names, by token
// category. Trouble (stray characters, `;`, block comments) is lexed into a group of its own, so that the parser never
// sees it and each kind can have its own message.
import { createToken, Lexer } from "chevrotain";
import type { TokenType } from "chevrotain";

const abstract = (name: string, label: string): TokenType =>
  createToken({ name, label, pattern: Lexer.NA });

/** Any unreserved word. */
export const Name = abstract("Name", "a name");
/** A word that may begin a definition (`model`, `recipe`, ...). */
export const Kind = abstract("Kind", "a declaration");
export const NumberToken = abstract("NumberToken", "a number");
export const StringToken = abstract("StringToken", "a string");
export const AddOp = abstract("AddOp", "`+` or `-`");
export const MulOp = abstract("MulOp", "`*` or `/`");
export const CompareOp = abstract("CompareOp", "a comparison");
export const Bool = abstract("Bool", "`true` or `false`");

// Given by syntax/layout.ts, never by the lexer.
/** A word after a number on the same line (gate 2). */
export const Unit = abstract("Unit", "a unit");
/** `*` that multiplies (gate 1). */
export const Times = createToken({
  name: "Times",
  label: "`*`",
  pattern: Lexer.NA,
  categories: [MulOp],
});
/** Stands where a value is due and none is written. */
export const Missing = abstract("Missing", "a value");

export const Word = createToken({
  name: "Word",
  label: "a name",
  pattern: /[A-Za-z_]\w*/,
  categories: [Name, Kind],
});

const word = (name: string, text: string, categories: TokenType[]): TokenType =>
  createToken({ name, label: `\`${text}\``, pattern: text, longer_alt: Word, categories });

export const If = word("If", "if", []);
export const Then = word("Then", "then", []);
export const Else = word("Else", "else", []);
export const And = word("And", "and", []);
export const Or = word("Or", "or", []);
export const Not = word("Not", "not", []);
export const True = word("True", "true", [Bool]);
export const False = word("False", "false", [Bool]);
export const Export = word("Export", "export", []);

export const Spec = word("Spec", "spec", [Name, Kind]);
export const Extends = word("Extends", "extends", [Name, Kind]);
export const For = word("For", "for", [Name, Kind]);
export const From = word("From", "from", [Name, Kind]);
export const As = word("As", "as", [Name, Kind]);
export const In = word("In", "in", [Name, Kind]);
// Not kinds: `let x` and `import {` are declarations of their own.
export const Let = word("Let", "let", [Name]);
export const Import = word("Import", "import", [Name]);

const sign = (name: string, text: string, categories: TokenType[] = []): TokenType =>
  createToken({ name, label: `\`${text}\``, pattern: text, categories });

export const Arrow = sign("Arrow", "=>");
export const EqualEqual = sign("EqualEqual", "==", [CompareOp]);
export const NotEqual = sign("NotEqual", "!=", [CompareOp]);
export const LessEqual = sign("LessEqual", "<=", [CompareOp]);
export const GreaterEqual = sign("GreaterEqual", ">=", [CompareOp]);
export const Less = sign("Less", "<", [CompareOp]);
export const Greater = sign("Greater", ">", [CompareOp]);
export const Equals = sign("Equals", "=");
export const Colon = sign("Colon", ":");
export const Comma = sign("Comma", ",");
export const DotDot = sign("DotDot", "..");
export const Dot = sign("Dot", ".");
export const DoubleStar = sign("DoubleStar", "**");
export const Star = sign("Star", "*");
export const Plus = sign("Plus", "+", [AddOp]);
export const Minus = sign("Minus", "-", [AddOp]);
export const Slash = sign("Slash", "/", [MulOp]);
// Read as meant, and reported: what other languages write for `and`, `or`, `not` and `mod`.
export const AndSign = sign("AndSign", "&&");
export const OrSign = sign("OrSign", "||");
export const NotSign = sign("NotSign", "!");
export const Percent = sign("Percent", "%", [MulOp]);
export const LParen = sign("LParen", "(");
export const RParen = sign("RParen", ")");
export const LSquare = sign("LSquare", "[");
export const RSquare = sign("RSquare", "]");
export const LCurly = sign("LCurly", "{");
export const RCurly = sign("RCurly", "}");

/** A number with what is glued to it: `10%`, `2.5B`, `24GiB`, `500steps`. */
export const PlainNumber = createToken({
  name: "PlainNumber",
  label: "a number",
  pattern: /\d[\d_]*(?:\.\d[\d_]*)?(?:[eE][+-]?\d+)?(?:%|[A-Za-z_]\w*)?/,
  categories: [NumberToken],
});
/** `5.`: read as meant, and reported; not the index in `blocks.5.*`. */
export const TrailingPoint = createToken({
  name: "TrailingPoint",
  label: "a number",
  pattern: /(?<!\w\.)\d[\d_]*\.(?![.\w])%?/,
  start_chars_hint: ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
  categories: [NumberToken],
});
/** `.5`, not after a name, number or bracket, where the point selects a part. */
export const LeadingPoint = createToken({
  name: "LeadingPoint",
  label: "a number",
  pattern: /(?<![\w.)\]*])\.\d[\d_]*(?:[eE][+-]?\d+)?(?:%|[A-Za-z_]\w*)?/,
  start_chars_hint: ["."],
  categories: [NumberToken],
});

export const PlainString = createToken({
  name: "PlainString",
  label: "a string",
  pattern: /"(?:[^"\\\r\n]|\\[^\r\n])*"/,
  categories: [StringToken],
});
/** No closing quote: ends before what most likely follows the string. */
export const OpenString = createToken({
  name: "OpenString",
  label: "a string",
  pattern: /"[^"\r\n,)\]}]*/,
  categories: [StringToken],
});
export const SingleQuoted = createToken({
  name: "SingleQuoted",
  label: "a string",
  pattern: /'(?:[^'\r\n]*'|[^'\r\n,)\]}]*)/,
  categories: [StringToken],
});

export const Comment = createToken({
  name: "Comment",
  pattern: /\/\/[^\r\n]*/,
  group: "comments",
});
export const BlockComment = createToken({
  name: "BlockComment",
  pattern: /\/\*(?:[^*]|\*(?!\/))*(?:\*\/)?/,
  line_breaks: true,
  group: "trouble",
});
/** `# note`: a comment in other languages. */
export const Hash = createToken({ name: "Hash", pattern: /#[^\r\n]*/, group: "trouble" });
export const Semicolon = createToken({ name: "Semicolon", pattern: /;+/, group: "trouble" });
/** Any other character; neighbours are joined into one run by the reader. */
export const Stray = createToken({
  name: "Stray",
  // Written as ranges: the lexer cannot index complements by first character.
  pattern: /[\x00-\x08\x0E-\x1F!-/:-@[-`{-\uFFFF]/,
  group: "trouble",
});
const Space = createToken({
  name: "Space",
  pattern: /[\s\uFEFF]+/,
  line_breaks: true,
  group: Lexer.SKIPPED,
});

/** In the lexer's order: longer before shorter, special words before `Word`. */
export const lexed: TokenType[] = [
  Space,
  Comment,
  BlockComment,
  Hash,
  ...[If, Then, Else, And, Or, Not, True, False, Export],
  ...[Spec, Extends, For, From, As, Import, In, Let, Word],
  ...[TrailingPoint, PlainNumber, LeadingPoint],
  ...[PlainString, OpenString, SingleQuoted],
  ...[Arrow, EqualEqual, NotEqual, LessEqual, GreaterEqual, Less, Greater, Equals],
  ...[Colon, Comma, DotDot, Dot, DoubleStar, Star, Plus, Minus, Slash],
  ...[AndSign, OrSign, NotSign, Percent],
  ...[LParen, RParen, LSquare, RSquare, LCurly, RCurly],
  Semicolon,
  Stray,
];

export const vocabulary: TokenType[] = [
  ...lexed,
  ...[Name, Kind, NumberToken, StringToken, AddOp, MulOp, CompareOp, Bool, Unit, Times, Missing],
];

export const lexer = new Lexer(lexed, { ensureOptimizations: true, positionTracking: "full" });
