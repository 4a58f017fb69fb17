// The text of a graph: stable, and it parses back. One line per node; a single-use operand prints inside its user in
// parentheses (not deeper than `inlineHeight`), and f32 scalars print as numbers.
//   graph gate(x: f32[b=2, d=3]) -> y: %2
//     %1 = state "gate" : f32[]
//     %2 = mul (silu %1) (stopGradient x) : f32[b=2, d=3]
//     update "gate" = 0.5
import { InternalError } from "../diagnostics/types.ts";
import { createBuilder, rowOf, takesOperands } from "./builder.ts";
import { ops } from "./ops/index.ts";
import { parseType } from "./samples.ts";
import { sameSizes, showType, unnamed } from "./shape.ts";
import type { Dim, Graph, Node, OpName, OpSigs, TensorType } from "./types.ts";
import { nodesOf, rootsOf } from "./walk.ts";

/** Deeper operands get a line of their own, so that lines stay readable. */
const inlineHeight = 2;

// --- printing

const isWord = (text: string): boolean =>
  /^[A-Za-z_][\w./-]*$/.test(text) && !/^(nan|inf)$/.test(text);
const word = (text: string): string => (isWord(text) ? text : JSON.stringify(text));
const number = (v: number): string =>
  Number.isNaN(v)
    ? "nan"
    : v === Infinity
      ? "inf"
      : v === -Infinity
        ? "-inf"
        : Object.is(v, -0)
          ? "-0"
          : String(v);
const dimText = (d: Dim): string => (d.name === "" ? String(d.size) : `${word(d.name)}=${d.size}`);

/** `shape` holds axes, other lists hold numbers or words; a lone axis stands in braces. */
const attrText = (value: unknown): string => {
  if (typeof value === "number") return number(value);
  if (typeof value === "boolean") return String(value);
  if (typeof value === "string") return word(value);
  if (Array.isArray(value))
    return `[${value.map((v: number | string | Dim) => (typeof v === "object" ? dimText(v) : attrText(v))).join(", ")}]`;
  return `{${dimText(value as Dim)}}`; // an attribute that is an object is an axis: `depth`, `size`
};
const typeText = (type: TensorType): string =>
  `${type.dtype}[${type.shape.map(dimText).join(", ")}]`;
const isNumber = (node: Node): node is Node<"full"> =>
  node.op === "full" && node.attrs.dtype === "f32" && node.attrs.shape.length === 0;

export interface PrintOptions {
  /** "llama.arch:9" of a node that was written somewhere: shown in a comment. */
  readonly where?: (node: Node) => string | undefined;
}
export const printGraph = (graph: Graph, options: PrintOptions = {}): string => {
  const nodes = nodesOf(graph);
  const uses = new Map<Node, number>();
  for (const used of [...nodes.flatMap((n) => [...n.inputs]), ...rootsOf(graph)])
    uses.set(used, (uses.get(used) ?? 0) + 1);
  const roots = new Set(rootsOf(graph));

  const shown = new Map<Node, string>();
  const heights = new Map<Node, number>();
  const lines: string[] = [];
  let next = 1;
  for (const node of nodes) {
    if (node.op === "input" || isNumber(node)) {
      shown.set(node, node.op === "input" ? word(node.attrs.name) : number(node.attrs.value));
      heights.set(node, 0);
      continue;
    }
    const body = bodyText(
      node,
      node.inputs.map((n) => shown.get(n)!),
    );
    const height = 1 + Math.max(0, ...node.inputs.map((n) => heights.get(n)!));
    if (uses.get(node) === 1 && !roots.has(node) && node.op !== "state" && height <= inlineHeight) {
      shown.set(node, node.inputs.length === 0 || body.includes(" ") ? `(${body})` : body);
      heights.set(node, height);
      continue;
    }
    const name = `%${next++}`;
    const place = options.where?.(node);
    const comment = place === undefined ? "" : ` ; ${place}`;
    lines.push(`  ${name} = ${body} : ${typeText(node.type)}${comment}`);
    shown.set(node, name);
    heights.set(node, 0);
  }
  for (const { state, node } of graph.updates)
    lines.push(`  update ${JSON.stringify(state)} = ${shown.get(node)!}`);
  const inputs = graph.inputs.map((n) => `${word(n.attrs.name)}: ${typeText(n.type)}`).join(", ");
  const outputs = graph.outputs.map((o) => `${word(o.name)}: ${shown.get(o.node)!}`).join(", ");
  return [
    `graph ${word(graph.name)}(${inputs})${outputs === "" ? "" : ` -> ${outputs}`}`,
    ...lines,
    "",
  ].join("\n");
};

const bodyText = (node: Node, operands: readonly string[]): string => {
  // The shape of a state is the type that ends its line.
  if (node.op === "state") return `state ${JSON.stringify(node.attrs.name)}`;
  const attrs = new Map<string, unknown>(Object.entries(node.attrs));
  return [
    node.op,
    ...operands,
    ...attrNames(node.op)
      .filter((k) => attrs.get(k) !== undefined)
      .map((k) => `${k}=${attrText(attrs.get(k))}`),
  ].join(" ");
};
/** A row's samples have all of its attributes, in the order in which they are printed; its first one those it needs. */
const attrNames = (op: OpName): readonly string[] => [
  ...new Set(rowOf(op).samples.flatMap((s) => Object.keys(s.attrs))),
];
const neededAttrs = (op: OpName): readonly string[] => Object.keys(rowOf(op).samples[0]!.attrs);

// --- parsing

interface Token {
  readonly kind: "number" | "string" | "word" | "ref" | "mark";
  readonly text: string;
  readonly line: number;
}
const lexer =
  /(?<skip>[\s]+|;[^\n]*)|(?<number>-?(?:inf|\d+(?:\.\d+)?(?:e[+-]?\d+)?)(?![\w.])|nan(?![\w./-]))|(?<string>"(?:[^"\\]|\\.)*")|(?<ref>%\d+)|(?<word>[A-Za-z_][\w./-]*)|(?<mark>->|[()[\]{}:,=])/y;

const tokenise = (text: string): Token[] => {
  const tokens: Token[] = [];
  let line = 1;
  lexer.lastIndex = 0;
  while (lexer.lastIndex < text.length) {
    const at = lexer.lastIndex;
    const match = lexer.exec(text);
    if (match === null)
      throw new InternalError(`IR line ${line}: unexpected ${JSON.stringify(text[at])}`);
    for (const kind of ["number", "string", "word", "ref", "mark"] as const)
      if (match.groups?.[kind] !== undefined) tokens.push({ kind, text: match[0], line });
    line += match[0].split("\n").length - 1;
  }
  return tokens;
};

const toNumber = (text: string): number =>
  text === "nan" ? NaN : text === "inf" ? Infinity : text === "-inf" ? -Infinity : Number(text);

/** The graph that `printGraph` shows as this text. A fault in the text throws InternalError with its line. */
export const parseGraph = (text: string): Graph => {
  const tokens = tokenise(text);
  let at = 0;
  const b = createBuilder();
  const inputs = new Map<string, Node<"input">>();
  const lines = new Map<string, Node>();

  const fail = (expected: string): never => {
    const token = tokens[at];
    throw new InternalError(
      `IR line ${token?.line ?? "at the end"}: expected ${expected}, got ${token?.text ?? "nothing"}`,
    );
  };
  const peek = (mark: string, ahead = 0): boolean =>
    tokens[at + ahead]?.text === mark && tokens[at + ahead]?.kind !== "string";
  const accept = (mark: string): boolean => (peek(mark) ? (at++, true) : false);
  const take = (mark: string): void => {
    if (!accept(mark)) fail(`"${mark}"`);
  };
  const ofKind = (kind: Token["kind"]): string =>
    tokens[at]?.kind === kind ? tokens[at++]!.text : fail(kind);
  const name = (): string =>
    tokens[at]?.kind === "string" ? (JSON.parse(ofKind("string")) as string) : ofKind("word");
  const list = <T>(open: string, item: () => T, close: string): T[] => {
    const items: T[] = [];
    take(open);
    if (accept(close)) return items;
    do items.push(item());
    while (accept(","));
    take(close);
    return items;
  };
  const dim = (): Dim => {
    if (tokens[at]?.kind === "number") return unnamed(Number(ofKind("number")));
    const label = name();
    take("=");
    return { name: label, size: Number(ofKind("number")) };
  };
  const type = (): TensorType => {
    const { dtype } = parseType(`${ofKind("word")}[]`);
    return { dtype, shape: list("[", dim, "]") };
  };
  const attr = (key: string): unknown => {
    if (peek("["))
      return key === "shape"
        ? list("[", dim, "]")
        : list(
            "[",
            () => (tokens[at]?.kind === "number" ? toNumber(ofKind("number")) : name()),
            "]",
          );
    if (peek("{")) return list("{", dim, "}")[0];
    if (tokens[at]?.kind === "number") return toNumber(ofKind("number"));
    if (tokens[at]?.kind === "string") return name();
    const value = ofKind("word");
    return value === "true" ? true : value === "false" ? false : value;
  };

  /** op operands attributes */
  const call = (): Node => {
    const op = ofKind("word");
    if (!isOp(op)) return (at--, fail("an op"));
    if (op === "state") return (at--, fail("another op: a state has a line of its own"));
    const operands: Node[] = [];
    const attrs: Record<string, unknown> = {};
    while (!peek(":") && !peek(")"))
      if (peek("=", 1)) {
        const key = ofKind("word");
        take("=");
        attrs[key] = attr(key);
      } else operands.push(operand());
    if (!takesOperands(op, operands.length))
      fail(`${rowOf(op).samples[0]!.inputs.length} operands of ${op}`);
    const given = Object.keys(attrs);
    const [needed, known] = [neededAttrs(op), attrNames(op)];
    if (!needed.every((k) => given.includes(k)) || !given.every((k) => known.includes(k)))
      fail(`the attributes [${known.join(", ")}] of ${op}`);
    // Arity and attribute names were checked; a wrong value is a fault of the op's shape rule.
    return b.emit<OpName>(op, operands, attrs as OpSigs[OpName]["attrs"]);
  };
  const operand = (): Node => {
    const token = tokens[at];
    if (token?.kind === "ref") return lines.get(ofKind("ref")) ?? (at--, fail("a line above"));
    if (token?.kind === "number")
      return b.emit("full", [], { dtype: "f32", shape: [], value: toNumber(ofKind("number")) });
    if (accept("(")) {
      const node = call();
      take(")");
      return node;
    }
    return inputs.get(name()) ?? (at--, fail("an input"));
  };

  take("graph");
  const graphName = name();
  const declared = list(
    "(",
    () => {
      const label = name();
      take(":");
      const node = b.emit("input", [], { name: label, ...type() });
      inputs.set(label, node);
      return node;
    },
    ")",
  );
  // Outputs may be lines below: they are read last.
  const outputsAt = accept("->") ? at : undefined;
  while (at < tokens.length && !(tokens[at]?.kind === "ref" && peek("=", 1)) && !isUpdate()) at++;
  const updates: { state: string; node: Node }[] = [];
  while (at < tokens.length)
    if (accept("update")) {
      const state = name();
      take("=");
      updates.push({ state, node: operand() });
    } else line();
  const outputs: { name: string; node: Node }[] = [];
  if (outputsAt !== undefined) {
    at = outputsAt;
    do {
      const label = name();
      take(":");
      outputs.push({ name: label, node: operand() });
    } while (accept(","));
  }
  return { name: graphName, inputs: declared, outputs, updates };

  /** `update "w" =`, and not an output that is called so. */
  function isUpdate(): boolean {
    return peek("update") && peek("=", 2);
  }
  /** %n = op ... : type */
  function line(): void {
    const label = ofKind("ref");
    take("=");
    const state = accept("state") ? name() : undefined;
    const node = state === undefined ? call() : undefined;
    take(":");
    const stated = type();
    const { dtype, shape } = stated;
    const typed = dtype === "bf16" || dtype === "bool" ? { dtype } : {};
    const made = node ?? b.emit("state", [], { name: state ?? "", shape, ...typed });
    if (made.type.dtype !== stated.dtype || !sameSizes(made.type.shape, stated.shape))
      throw new InternalError(`IR ${label}: says ${showType(stated)}, is ${showType(made.type)}`);
    lines.set(label, made);
  }
};

const isOp = (op: string): op is OpName => Object.hasOwn(ops, op);
