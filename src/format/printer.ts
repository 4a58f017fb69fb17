// The one layout of `.arch`: an AST and its comments as a Prettier document.
import type { Doc } from "prettier";
import { builders } from "prettier/doc";
import * as ast from "../compiler/syntax/ast.ts";
import type { Span } from "../compiler/diagnostics/types.ts";
import { attachComments, type Attachments } from "./comments.ts";

const {
  group,
  hardline,
  ifBreak,
  indent,
  join,
  line,
  lineSuffix,
  literalline,
  softline,
  breakParent,
} = builders;

interface Context {
  readonly text: string;
  readonly attached: Attachments;
}

export function printFile(file: ast.FileAst): Doc {
  const cx: Context = { text: file.source.text, attached: attachComments(file) };
  const lines: Doc[] = [];
  const { edition } = file;
  if (edition !== undefined) {
    const start = cx.text.lastIndexOf("spec", edition.span.start);
    lines.push(...itemLines(cx, edition, ["spec ", printExpr(cx, edition)], { start }));
  }
  for (const decl of file.decls) lines.push(...itemLines(cx, decl, printDecl(cx, decl)));
  for (const comment of cx.attached.get(file)?.last ?? [])
    lines.push(spaced(cx, comment.span.start, comment.text));
  return lines.length === 0 ? "" : [stack(lines), hardline];
}

interface Line {
  readonly blank: boolean;
  readonly doc: Doc;
}
const blanks = new WeakMap<object, Line>();

/** A line that remembers whether a blank one stood before it. */
function spaced(cx: Context, start: number, content: Doc): Doc {
  const gap = /\s*$/.exec(cx.text.slice(0, start))?.[0] ?? "";
  const doc: Doc = [content];
  blanks.set(doc, { blank: (gap.match(/\n/g) ?? []).length > 1, doc });
  return doc;
}

const isBlank = (doc: Doc): boolean => typeof doc === "object" && (blanks.get(doc)?.blank ?? false);

/** Lines under each other; at most one blank line between, none before the first. */
const stack = (lines: readonly Doc[]): Doc =>
  lines.map((doc, i) => (i === 0 ? doc : [hardline, isBlank(doc) ? hardline : "", doc]));

const ignored = /^\/\/+\s*specc-format-ignore\b/;

/** An item's comments and the item, each on a line. */
function itemLines(
  cx: Context,
  item: { readonly span: Span },
  doc: Doc,
  { after = "", start = item.span.start }: { readonly after?: Doc; readonly start?: number } = {},
): Doc[] {
  const { leading = [], trailing = [] } = cx.attached.get(item) ?? {};
  const verbatim = ignored.test(leading.at(-1)?.text ?? "");
  const content = verbatim
    ? join(literalline, cx.text.slice(start, item.span.end).split("\n"))
    : doc;
  const behind = trailing
    .filter(({ span }) => !verbatim || span.start >= item.span.end)
    .map(({ text }, i) => [lineSuffix([i === 0 ? " " : hardline, text]), breakParent]);
  return [
    ...leading.map(({ span, text }) => spaced(cx, span.start, [text, breakParent])),
    spaced(cx, start, [content, after, behind]),
  ];
}

/** `open a, b close`: on one line if it fits, else one a line with a comma after the last. */
function bracketed<T extends { readonly span: Span }>(
  cx: Context,
  [open, close]: readonly [string, string],
  key: object,
  items: readonly T[],
  print: (item: T) => Doc,
): Doc {
  const last = cx.attached.get(key)?.last ?? [];
  if (items.length === 0 && last.length === 0) return open + close;
  const docs = items.map((item, i): Doc => {
    const comma: Doc = i < items.length - 1 ? "," : ifBreak(",");
    return join(hardline, itemLines(cx, item, print(item), { after: comma }));
  });
  const tail = last.map(({ text }): Doc => [text, breakParent]);
  return group([open, indent([softline, join(line, [...docs, ...tail])]), softline, close]);
}

/** What stands between a head and the bracket of its container: a blank, or comments that stay before it. */
function gap(cx: Context, key: object, blank: string): Doc {
  const { leading = [] } = cx.attached.get(key) ?? {};
  if (leading.length === 0) return blank;
  return [
    " ",
    join(
      hardline,
      leading.map(({ text }) => text),
    ),
    hardline,
  ];
}

function printDecl(cx: Context, decl: ast.Decl): Doc {
  const exported = decl.exported ? "export " : "";
  switch (decl.kind) {
    case "import": {
      const names = decl.names.map(({ name, as }) =>
        as === undefined ? name.text : `${name.text} as ${as.text}`,
      );
      const list =
        names.length === 0
          ? "{}"
          : group(["{", indent([line, join([",", line], names), ifBreak(",")]), line, "}"]);
      return [exported, "import ", list, " from ", source(cx, decl.from.span)];
    }
    case "let": {
      const type = decl.type === undefined ? "" : `: ${printType(decl.type)}`;
      return [exported, `let ${decl.name.text}${type} = `, printValue(cx, decl.value)];
    }
    case "definition":
      return [
        exported,
        `${decl.word.text} ${decl.name.text}`,
        gap(cx, decl.params, ""),
        decl.params.length === 0 && !cx.attached.has(decl.params)
          ? ""
          : bracketed(cx, ["(", ")"], decl.params, decl.params, (param) => printParam(cx, param)),
        decl.extends === undefined ? "" : [" extends ", printReference(cx, decl.extends)],
        decl.for === undefined ? "" : [" for ", printReference(cx, decl.for)],
        gap(cx, decl.body, " "),
        printBody(cx, decl.body),
      ];
    default:
      return decl satisfies never;
  }
}

const printType = (type: ast.TypeExpr): string =>
  type.kind === "list" ? `[${printType(type.of)}]` : type.name.text;

function printParam(cx: Context, param: ast.Param): Doc {
  const value = param.default;
  return [
    `${param.name.text}: ${printType(param.type)}`,
    value === undefined ? "" : [" = ", printValue(cx, value)],
  ];
}

const printReference = (cx: Context, { name, args }: ast.Reference): Doc => [
  name.text,
  args === undefined ? "" : printArgs(cx, args),
];

/** A body of one entry that was written on one line stays there if it fits. */
function printBody(cx: Context, body: ast.Body): Doc {
  const last = cx.attached.get(body)?.last ?? [];
  if (body.entries.length === 0 && last.length === 0) return "{}";
  const lines = [
    ...body.entries.flatMap((entry) => itemLines(cx, entry, printEntry(cx, entry))),
    ...last.map(({ span, text }) => spaced(cx, span.start, [text, breakParent])),
  ];
  const start = body.entries[0]?.span.start ?? body.span.end;
  const inline = body.entries.length === 1 && !cx.text.slice(body.span.start, start).includes("\n");
  const separator = inline ? line : hardline;
  return group(["{", indent([separator, stack(lines)]), separator, "}"]);
}

function printEntry(cx: Context, entry: ast.Setting | ast.Rule): Doc {
  if (entry.kind === "rule")
    return [printSelector(cx, entry.selector), " => ", printValue(cx, entry.value)];
  const header = entry.header === undefined ? "" : [" ", printHeader(cx, entry.header)];
  const start = [entry.name.text, header];
  if (entry.body !== undefined) return [start, gap(cx, entry.body, " "), printBody(cx, entry.body)];
  const sign = entry.form === "in" ? " in " : " = ";
  return [start, sign, entry.value === undefined ? "" : printValue(cx, entry.value)];
}

function printHeader(cx: Context, header: ast.Header): Doc {
  switch (header.kind) {
    case "number":
      return printExpr(cx, header.value);
    case "path":
      return header.path.map(({ text }) => text).join(".");
    case "value":
      return ["(", group(indent(printExpr(cx, header.value))), ")"];
    default:
      return header satisfies never;
  }
}

// Never broken: a line that begins like a rule is one.
function printSelector(cx: Context, selector: ast.Selector): Doc {
  const nested = (one: ast.Selector): Doc =>
    one.kind === "or" || one.kind === "and"
      ? ["(", printSelector(cx, one), ")"]
      : printSelector(cx, one);
  switch (selector.kind) {
    case "path":
      return join(
        ".",
        selector.segments.map((segment): Doc => {
          if (segment.kind === "any") return "*";
          if (segment.kind === "deep") return "**";
          const { index } = segment;
          return [
            segment.name.text,
            index === undefined ? "" : ["[", group(printExpr(cx, index)), "]"],
          ];
        }),
      );
    case "not": {
      const { operand } = selector;
      const inner = printSelector(cx, operand);
      return operand.kind === "path" ? ["not ", inner] : ["not (", inner, ")"];
    }
    case "and":
      return join(" and ", selector.operands.map(nested));
    case "or":
      return join(
        ", ",
        selector.operands.map((one) => printSelector(cx, one)),
      );
    default:
      return selector satisfies never;
  }
}

/** A whole value: what goes on in the next line is indented. */
const printValue = (cx: Context, value: ast.Expr): Doc =>
  value.kind === "binary" || value.kind === "range" || value.kind === "if" || value.kind === "unary"
    ? group(indent(printExpr(cx, value)))
    : printExpr(cx, value);

function printExpr(cx: Context, expr: ast.Expr): Doc {
  switch (expr.kind) {
    case "number": {
      if (expr.unit === undefined) return expr.text;
      const glue = expr.unit.text.startsWith("%") ? "" : " ";
      return expr.text + glue + expr.unit.text;
    }
    case "string":
    case "error":
      return source(cx, expr.span);
    case "bool":
      return String(expr.value);
    case "reference": {
      const path = expr.path.map(({ text }) => text).join(".");
      return expr.args === undefined ? path : [path, printArgs(cx, expr.args)];
    }
    case "list":
      return bracketed(cx, ["[", "]"], expr, expr.items, (item) => printValue(cx, item));
    case "group":
      return ["(", group(indent(printExpr(cx, expr.inner))), ")"];
    case "unary":
      return [expr.op === "-" ? "-" : "not ", printExpr(cx, expr.operand)];
    case "binary":
      return printChain(cx, expr);
    case "range":
      return group([printExpr(cx, expr.from), line, ".. ", printExpr(cx, expr.to)]);
    case "if":
      return [
        ["if ", group(printExpr(cx, expr.test))],
        [line, "then ", group(printExpr(cx, expr.then))],
        // A chain of conditions goes down, not to the right.
        [line, "else ", printExpr(cx, expr.else)],
      ];
    default:
      return expr satisfies never;
  }
}

const printChain = (cx: Context, chain: ast.BinaryExpr): Doc => {
  const nodes = ast.spineOf(chain);
  return [
    printExpr(cx, nodes[0]!.left),
    ...nodes.flatMap(({ op, right }): Doc[] => [line, op, " ", printExpr(cx, right)]),
  ];
};

const printArgs = (cx: Context, args: readonly ast.Arg[]): Doc =>
  bracketed(cx, ["(", ")"], args, args, ({ name, value }) => [
    name === undefined ? "" : `${name.text}: `,
    printValue(cx, value),
  ]);

const source = (cx: Context, span: Span): string => cx.text.slice(span.start, span.end);
