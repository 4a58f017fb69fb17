// Expressions: a stored value's loop, with everything that is not stored inlined as lines and affine loads.
import { InternalError } from "../../diagnostics/types.ts";
import type { DType } from "../../../bundle/manifest.ts";
import type { Line, LoopSpec, Opcode } from "../../../bundle/kernels.ts";
import type { PlainNode as TfNode } from "../tf-nodes.ts";
import type { TfOp } from "../tf-ops.ts";
import {
  affineOf,
  broadcastFrom,
  collapse,
  coordinatesOf,
  identity,
  type Affine,
  type Coordinate,
} from "./affine.ts";
import type { Roles } from "./roles.ts";

/** Thrown when a value cannot be read in place: the planner stores it and plans again. */
export class MustStore extends Error {
  readonly node: TfNode;
  constructor(node: TfNode) {
    super(`"${node.name}" must be stored`);
    this.node = node;
  }
}

const FLOAT: Readonly<Partial<Record<TfOp, Opcode>>> = {
  AddV2: "add", Sub: "sub", Mul: "mul", RealDiv: "div", Maximum: "max", Minimum: "min", Neg: "neg", Exp: "exp", Log: "log",
  Sqrt: "sqrt", Abs: "abs", Sigmoid: "sigmoid", Tanh: "tanh", Erf: "erf", Equal: "eq", Less: "lt", LessEqual: "le", IsFinite: "finite",
  SelectV2: "select", LogicalAnd: "and", LogicalNot: "not",
}; // prettier-ignore
const INTEGER: Readonly<Partial<Record<TfOp, Opcode>>> = {
  AddV2: "iadd", Sub: "isub", Mul: "imul", Maximum: "imax", Minimum: "imin", Neg: "ineg", Abs: "iabs",
  Equal: "ieq", Less: "ilt", LessEqual: "ile", SelectV2: "iselect",
}; // prettier-ignore
const CASTS: Readonly<Record<DType, Readonly<Partial<Record<DType, Opcode>>>>> = {
  f32: { i32: "toInt", bool: "floatToMask" },
  i32: { f32: "toFloat", bool: "intToMask" },
  bool: { f32: "maskToFloat", i32: "maskToInt" },
};

/** A value of an expression before the loads are counted. */
type Term = { readonly load: number } | { readonly line: number };
type Draft =
  | { readonly op: "const" | "iconst"; readonly value: number }
  | { readonly op: Opcode; readonly args: readonly Term[] };

export interface LoopDraft {
  readonly spec: LoopSpec;
  readonly loads: readonly TfNode[];
}
export interface Target {
  readonly shape: readonly number[];
  readonly dtype: DType;
  /** Of the store, over the dims of the value. */
  readonly at: Affine;
  readonly reduce?: {
    readonly kind: "sum" | "max";
    readonly over: readonly boolean[];
    readonly scale: number;
  };
}

/** The loop that computes `root` (or what it reduces, or a part of what it assembles) over the dims of its shape. */
export const loopFor = (
  roles: Roles,
  root: TfNode,
  inlineRoot: boolean,
  target: Target,
): LoopDraft => {
  const dims = root.shape;
  const loads: { node: TfNode; at: Affine }[] = [];
  const lines: Draft[] = [];
  const known = new Map<string, Term>();
  const once = (key: string, make: () => Term): Term => {
    const found = known.get(key) ?? make();
    known.set(key, found);
    return found;
  };
  const draft = (made: Draft): Term =>
    once(JSON.stringify("value" in made ? [made.op, String(made.value)] : made), () => ({
      line: lines.push(made) - 1,
    }));
  const line = (op: Opcode, ...args: readonly Term[]): Term => draft({ op, args });
  const number = (op: "const" | "iconst", value: number): Term => draft({ op, value });
  const load = (node: TfNode, at: Affine): Term =>
    once(`${node.name} ${at.offset} ${at.strides.join()}`, () => ({
      load: loads.push({ node, at }) - 1,
    }));

  const elementwise = (node: TfNode, [x, y, z]: readonly Term[]): Term => {
    const from = roles.operands(node).at(-1)!.dtype;
    switch (node.op) {
      case "Greater":
        return line(from === "i32" ? "ilt" : "lt", y!, x!);
      case "GreaterEqual":
        return line(from === "i32" ? "ile" : "le", y!, x!);
      case "Square":
        return line(from === "i32" ? "imul" : "mul", x!, x!);
      case "Rsqrt":
        return line("div", number("const", 1), line("sqrt", x!));
      case "Relu":
        return line("max", x!, number("const", 0));
      case "LeakyRelu": {
        const alpha = node.attrs["alpha"];
        const slope = number("const", alpha !== undefined && "float" in alpha ? alpha.float : 0.2);
        return line("select", line("lt", x!, number("const", 0)), line("mul", x!, slope), x!);
      }
      case "Cast": {
        const op = CASTS[from][node.dtype];
        return op === undefined ? x! : line(op, x!);
      }
    }
    if (from === "bool" && node.op === "Equal") return line("not", line("xor", x!, y!));
    if (from === "bool" && node.op === "SelectV2") return line("mselect", x!, y!, z!);
    const op = (from === "i32" ? INTEGER : FLOAT)[node.op];
    if (op === undefined)
      throw new InternalError(`the tfjs engine has no ${from} form of ${node.op} ("${node.name}")`);
    return line(op, ...[x, y, z].filter((term) => term !== undefined));
  };

  const coordinates = (node: TfNode, at: Affine): readonly Coordinate[] => {
    const found = coordinatesOf(at, dims, node.shape);
    if (found === undefined) throw new MustStore(node);
    return found;
  };
  const emit = (node: TfNode, at: Affine): Term => {
    const uniform = roles.uniform(node);
    if (uniform !== undefined && !(node.dtype === "bool"))
      return number(node.dtype === "f32" ? "const" : "iconst", uniform);
    if (uniform !== undefined) return line("intToMask", number("iconst", uniform));
    const inline = node === root && inlineRoot;
    if (roles.stored.has(node) && !inline) return load(node, at);
    const inputs = roles.operands(node);
    const [x] = inputs;
    switch (roles.role(node)) {
      case "alias":
        return emit(x!, at);
      case "layout": {
        const own = coordinates(node, at);
        if (node.op === "BroadcastTo") return emit(x!, broadcastFrom(own, x!.shape, dims.length));
        const numbers = node.op === "Transpose" ? permOf(roles, node) : roles.numbers(node, 1);
        const inner: Coordinate[] = [];
        if (node.op === "Transpose") for (const [d, k] of numbers.entries()) inner[k] = own[d]!;
        else own.forEach((c, d) => inner.push({ ...c, start: c.start + numbers[d]! }));
        return emit(x!, affineOf(inner, x!.shape, dims.length));
      }
      case "elementwise": {
        const terms = inputs.map((input) => {
          const same =
            input.shape.length === node.shape.length &&
            input.shape.every((n, d) => n === node.shape[d]);
          return emit(
            input,
            same ? at : broadcastFrom(coordinates(node, at), input.shape, dims.length),
          );
        });
        return elementwise(node, terms);
      }
      default:
        throw new InternalError(`"${node.name}" (${node.op}) cannot be part of a loop`);
    }
  };

  const result = emit(root, identity(dims));
  const ends =
    "load" in result
      ? lines.length === 0 && result.load === loads.length - 1
      : result.line === lines.length - 1;
  if (!ends) throw new InternalError(`the loop of "${root.name}" does not end with its result`);

  const place = (term: Term): number => ("load" in term ? term.load : loads.length + term.line);
  const written = (made: Draft): Line => {
    if ("value" in made) return [made.op, made.value];
    const [x, y, z] = made.args.map(place);
    if (x === undefined) throw new InternalError(`"${made.op}" without operands`);
    if (y === undefined) return [made.op, x];
    return z === undefined ? [made.op, x, y] : [made.op, x, y, z];
  };
  const nest = collapse({
    dims,
    accesses: [...loads.map((l) => l.at), target.at],
    over: target.reduce?.over ?? dims.map(() => false),
  });
  const access = (i: number, dtype: DType): LoopSpec["store"] => ({ dtype, ...nest.accesses[i]! });
  return {
    loads: loads.map((l) => l.node),
    spec: {
      shape: target.shape,
      dims: nest.dims,
      loads: loads.map((l, i) => access(i, l.node.dtype)),
      code: lines.map(written),
      store: access(loads.length, target.dtype),
      ...(target.reduce === undefined ? {} : { reduce: { ...target.reduce, over: nest.over } }),
    },
  };
};

const permOf = (roles: Roles, node: TfNode): readonly number[] => {
  const own = node.attrs["perm"];
  return own !== undefined && "ints" in own ? own.ints : roles.numbers(node, 1);
};
