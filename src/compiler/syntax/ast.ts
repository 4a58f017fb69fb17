// The tree as written: nothing resolved, every node with its span. Comments are kept beside it for the formatter.
import type { Source, Span } from "../diagnostics/types.ts";

export interface Comment {
  readonly span: Span;
  /** With its slashes. */
  readonly text: string;
  readonly doc: boolean;
}

export interface Name {
  readonly text: string;
  readonly span: Span;
}

interface At {
  readonly span: Span;
}

export interface NumberExpr extends At {
  readonly kind: "number";
  /** The value with k/M/B/T applied; `%` and units are left in `unit`. */
  readonly value: number;
  /** As written, unit excluded. */
  readonly text: string;
  /** "%", "steps", "GiB", ... as written. */
  readonly unit?: Name;
}
export interface StringExpr extends At {
  readonly kind: "string";
  readonly value: string;
}
export interface BoolExpr extends At {
  readonly kind: "bool";
  readonly value: boolean;
}
/** `name`, `a.b.c`, `name(args)`: a constructor, function, declaration, parameter or variant. */
export interface ReferenceExpr extends At {
  readonly kind: "reference";
  readonly path: readonly Name[];
  /** Absent when written without parentheses. */
  readonly args?: readonly Arg[];
}
export interface ListExpr extends At {
  readonly kind: "list";
  readonly items: readonly Expr[];
}
export interface GroupExpr extends At {
  readonly kind: "group";
  readonly inner: Expr;
}
export interface UnaryExpr extends At {
  readonly kind: "unary";
  readonly op: "-" | "not";
  readonly operand: Expr;
}
export type BinaryOp = "+" | "-" | "*" | "/" | "==" | "!=" | "<" | "<=" | ">" | ">=" | "and" | "or";
export interface BinaryExpr extends At {
  readonly kind: "binary";
  readonly op: BinaryOp;
  readonly left: Expr;
  readonly right: Expr;
}
/**
 * Chains lean to the left: `a + b + c` is `(a + b) + c`. Their nodes, innermost first; walks loop over them, so that no
 * length of text exhausts the stack.
 */
export function spineOf(expr: BinaryExpr): readonly BinaryExpr[] {
  const spine = [expr];
  let { left } = expr;
  while (left.kind === "binary") {
    spine.push(left);
    ({ left } = left);
  }
  return spine.reverse();
}
/** `a`, `b` and `c` of `a + b + c`. */
export function operandsOf(expr: BinaryExpr): readonly Expr[] {
  const spine = spineOf(expr);
  return [spine[0]!.left, ...spine.map(({ right }) => right)];
}
export interface RangeExpr extends At {
  readonly kind: "range";
  readonly from: Expr;
  readonly to: Expr;
}
export interface IfExpr extends At {
  readonly kind: "if";
  readonly test: Expr;
  readonly then: Expr;
  readonly else: Expr;
}
/** Stands where the text could not be read; the syntax error is reported already, so nothing more is said about it. */
export interface ErrorExpr extends At {
  readonly kind: "error";
}
export type Expr =
  | NumberExpr
  | StringExpr
  | BoolExpr
  | ReferenceExpr
  | ListExpr
  | GroupExpr
  | UnaryExpr
  | BinaryExpr
  | RangeExpr
  | IfExpr
  | ErrorExpr;

export interface Arg extends At {
  readonly name?: Name;
  readonly value: Expr;
}
/** Something of the arguments could not be read: what seems to be missing may stand there. */
export const isUnread = (args: readonly Arg[]): boolean =>
  args.some(({ name, value }) => name === undefined && value.kind === "error");

export type Segment = At &
  (
    | { readonly kind: "any" } // *
    | { readonly kind: "deep" } // **
    | { readonly kind: "name"; readonly name: Name; readonly index?: Expr }
  );
/** `a.b, c and not d`. */
export type Selector = At &
  (
    | { readonly kind: "path"; readonly segments: readonly Segment[] }
    | { readonly kind: "not"; readonly operand: Selector }
    | { readonly kind: "and"; readonly operands: readonly Selector[] }
    | { readonly kind: "or"; readonly operands: readonly Selector[] } // the comma
  );

export type Header =
  | { readonly kind: "number"; readonly value: NumberExpr; readonly span: Span }
  | { readonly kind: "path"; readonly path: readonly Name[]; readonly span: Span }
  | { readonly kind: "value"; readonly value: Expr; readonly span: Span }; // blocks (n + 1) { }

export interface Setting extends At {
  readonly kind: "setting";
  readonly doc?: string;
  readonly name: Name;
  readonly header?: Header;
  readonly form: "assign" | "in" | "block";
  /** For `assign` and `in`. */
  readonly value?: Expr;
  /** For `block`. */
  readonly body?: Body;
}
export interface Rule extends At {
  readonly kind: "rule";
  readonly doc?: string;
  readonly selector: Selector;
  readonly value: Expr;
}
export interface Body extends At {
  readonly entries: readonly (Setting | Rule)[];
  /** True when something in it could not be read: a missing key may stand there. */
  readonly broken: boolean;
}

export type TypeExpr = At &
  (
    | { readonly kind: "name"; readonly name: Name }
    | { readonly kind: "list"; readonly of: TypeExpr }
  );
export interface Param extends At {
  readonly doc?: string;
  readonly name: Name;
  readonly type: TypeExpr;
  readonly default?: Expr;
}
export interface Reference extends At {
  readonly name: Name;
  readonly args?: readonly Arg[];
}

interface Declared extends At {
  readonly doc?: string;
  readonly exported: boolean;
}
export interface ImportDecl extends Declared {
  readonly kind: "import";
  readonly names: readonly { readonly name: Name; readonly as?: Name }[];
  readonly from: StringExpr;
}
export interface LetDecl extends Declared {
  readonly kind: "let";
  readonly name: Name;
  readonly type?: TypeExpr;
  readonly value: Expr;
}
export interface Definition extends Declared {
  readonly kind: "definition";
  /** `model`, `recipe`, ...: any word; semantics knows which exist. */
  readonly word: Name;
  readonly name: Name;
  readonly params: readonly Param[];
  /** From `(` to `)`; absent when written without parentheses. */
  readonly paramsSpan?: Span;
  readonly extends?: Reference;
  readonly for?: Reference;
  readonly body: Body;
}
export type Decl = ImportDecl | LetDecl | Definition;

export interface FileAst {
  readonly source: Source;
  /** `spec 1`. */
  readonly edition?: NumberExpr;
  readonly decls: readonly Decl[];
  readonly comments: readonly Comment[];
  /** A declaration, or the head of one, could not be read: names that seem to be missing may stand there. */
  readonly lost: boolean;
  readonly span: Span;
}
