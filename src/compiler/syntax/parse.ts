// The public face of reading: text -> AST and diagnostics. Never throws and always ends, whatever the text.
import type { IToken } from "chevrotain";
import { lexer } from "../../../grammar/tokens.ts";
import { automatic } from "../diagnostics/fix.ts";
import type { Diagnostic, Source } from "../diagnostics/types.ts";
import type { Comment, Decl, FileAst, NumberExpr } from "./ast.ts";
import { collectDocs } from "./docs.ts";
import { Problems } from "./problems.ts";
import { layOut } from "./layout.ts";
import { endOf } from "./virtual.ts";
import { lowerFile } from "./lower.ts";
import { parseSegment } from "./repair.ts";

export interface ParseResult {
  readonly ast: FileAst;
  readonly diagnostics: readonly Diagnostic[];
}

export function parse(source: Source): ParseResult {
  const problems = new Problems(source);
  const { tokens, groups } = lexer.tokenize(source.text);
  const comments = (groups["comments"] ?? []).map((token): Comment => ({
    span: problems.span(token.startOffset, endOf(token)),
    text: token.image.trimEnd(),
    doc: /^\/\/\/(?!\/)/.test(token.image),
  }));
  const stray = reportTrouble(groups["trouble"] ?? [], problems);
  const docs = collectDocs(
    source.text,
    comments,
    tokens.map((token) => token.startOffset),
  );
  const { segments, damage: leftOut } = layOut(tokens, problems.report);

  let edition: NumberExpr | undefined;
  let lost = false;
  const decls: Decl[] = [];
  for (const segment of segments) {
    if (segment.length === 0) continue;
    const { cst, damage } = parseSegment(segment, problems.report);
    const lowered = lowerFile({ problems, docs, damage: [...stray, ...leftOut, ...damage] }, cst);
    lost ||= lowered.decls.length === 0 && lowered.edition === undefined;
    lost ||= lowered.decls.some((decl) => damage.some((at) => isHead(decl, at)));
    decls.push(...lowered.decls);
    edition ??= lowered.edition;
  }
  const diagnostics = problems.diagnostics();
  // In a broken file a comment may have lost what it documents to the error.
  if (diagnostics.length === 0)
    for (const { span } of docs.left()) problems.add("dangling-doc", span);
  return {
    ast: {
      source,
      ...(edition === undefined ? {} : { edition }),
      decls,
      comments,
      lost,
      span: problems.span(0, source.text.length),
    },
    diagnostics: problems.diagnostics(),
  };
}

const isHead = (decl: Decl, offset: number): boolean =>
  decl.span.start <= offset &&
  offset <= (decl.kind === "definition" ? decl.body.span.start : decl.span.end) &&
  decl.kind !== "let";

/** Reports what the lexer set aside; the offsets where the text around it cannot be trusted. */
function reportTrouble(trouble: readonly IToken[], problems: Problems): readonly number[] {
  const damage: number[] = [];
  for (let i = 0; i < trouble.length; i++) {
    const token = trouble[i]!;
    const start = token.startOffset;
    let end = endOf(token);
    const kind = token.tokenType.name;
    if (kind === "Semicolon") {
      const at = problems.span(start, end);
      problems.add("semicolon", at, {}, automatic("Remove `;`", at, ""));
      continue;
    }
    if (kind === "Hash") {
      const at = problems.span(start, start + 1);
      problems.add("hash-comment", at, {}, automatic("Write `//`", at, "//"));
      continue;
    }
    if (kind === "BlockComment") {
      problems.add("block-comment", problems.span(start, Math.min(end, start + 2)));
      continue;
    }
    let text = token.image;
    while (trouble[i + 1]?.tokenType.name === "Stray" && trouble[i + 1]?.startOffset === end) {
      i++;
      text += trouble[i]!.image;
      end = endOf(trouble[i]!);
    }
    damage.push(start);
    const shown = /^\P{C}+$/u.test(text)
      ? `\`${Array.from(text).slice(0, 20).join("")}\``
      : "this control character";
    problems.add("stray-character", problems.span(start, end), { text: shown });
  }
  return damage;
}
