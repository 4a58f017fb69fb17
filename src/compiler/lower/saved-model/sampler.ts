// From logits to a token as TensorFlow nodes: the rules of runtime/decode/sample.ts in float64, so that both draw the same token
// from the same logits. Ties go to the lower id, and what is kept is drawn from in the order of ids.
import type { Attr, TfType } from "../tf-nodes.ts";
import type { TfOp } from "../tf-ops.ts";
import type { NodeDef } from "./messages.ts";
import { nodeDef } from "./function.ts";
import { resultName } from "./results.ts";

/** References as a function's body has them: "node:output:0", or an argument. */
export type Ref = string;
export interface Body {
  readonly nodes: readonly NodeDef[];
  readonly node: (op: TfOp, inputs: readonly Ref[], attrs?: Readonly<Record<string, Attr>>) => Ref;
  readonly constant: (
    dtype: "f32" | "i32",
    values: readonly number[],
    shape?: readonly number[],
  ) => Ref;
}

export const createBody = (): Body => {
  const nodes: NodeDef[] = [];
  const node: Body["node"] = (op, inputs, attrs = {}) => {
    const name = `n${nodes.length}`;
    nodes.push(nodeDef({ name, op, inputs, attrs }));
    return resultName(name, op, 0);
  };
  return {
    nodes,
    node,
    constant: (dtype, values, shape = []) =>
      node("Const", [], { dtype: { type: dtype }, value: { tensor: { dtype, shape, values } } }),
  };
};

/** Nodes by what they compute; T is the type of what goes in. */
export const arithmetic = ({ node, constant }: Body) => {
  const typed =
    (op: TfOp) =>
    (T: TfType, ...inputs: readonly Ref[]): Ref =>
      node(op, inputs, { T: { type: T } });
  const reduce =
    (op: TfOp) =>
    (T: TfType, x: Ref, keep = false): Ref =>
      node(op, [x, constant("i32", [1], [1])], {
        ...(op === "All" ? {} : { T: { type: T } }),
        Tidx: { type: "i32" },
        keep_dims: { bool: keep },
      });
  const cast = (from: TfType, to: TfType, x: Ref): Ref =>
    node("Cast", [x], { SrcT: { type: from }, DstT: { type: to } });
  return {
    add: typed("AddV2"), sub: typed("Sub"), mul: typed("Mul"), div: typed("RealDiv"), exp: typed("Exp"),
    equal: typed("Equal"), less: typed("Less"), lessEqual: typed("LessEqual"), greater: typed("Greater"), isFinite: typed("IsFinite"),
    select: (T: TfType, condition: Ref, x: Ref, y: Ref): Ref => node("SelectV2", [condition, x, y], { T: { type: T } }),
    and: (x: Ref, y: Ref): Ref => node("LogicalAnd", [x, y]),
    or: (x: Ref, y: Ref): Ref => node("LogicalOr", [x, y]),
    sum: reduce("Sum"), largest: reduce("Max"), least: reduce("Min"), all: reduce("All"),
    cast,
    /** A number of f32 in f64. */
    number: (value: number): Ref => cast("f32", "f64", constant("f32", [value])),
    count: (value: number): Ref => constant("i32", [value]),
    upTo: (size: number): Ref => node("Range", [0, size, 1].map((x) => constant("i32", [x])), { Tidx: { type: "i32" } }),
    column: (T: TfType, x: Ref): Ref =>
      node("ExpandDims", [x, constant("i32", [1])], { T: { type: T }, Tdim: { type: "i32" } }),
    place: (T: TfType, of: Ref, at: Ref): Ref =>
      node("GatherV2", [of, at, constant("i32", [0])], {
        ...{ Tparams: { type: T }, Tindices: { type: "i32" }, Taxis: { type: "i32" } },
      }),
    runningSum: (x: Ref, exclusive: boolean): Ref =>
      node("Cumsum", [x, constant("i32", [1])], {
        ...{ T: { type: "f64" }, Tidx: { type: "i32" } },
        ...{ exclusive: { bool: exclusive }, reverse: { bool: false } },
      }),
    likeliest: (x: Ref): Ref =>
      node("ArgMax", [x, constant("i32", [1])], {
        ...{ T: { type: "f64" }, Tidx: { type: "i32" }, output_type: { type: "i32" } },
      }),
  };
}; // prettier-ignore

/** R rows, V ids. */
export interface Sampling {
  /** f32 [R, V] */
  readonly logits: Ref;
  /** bool [R, V]: ids that occurred. */
  readonly seen: Ref;
  /** f64 [R, 1], in [0, 1). */
  readonly unit: Ref;
  /** f64 scalars. */
  readonly temperature: Ref;
  readonly topP: Ref;
  readonly penalty: Ref;
  /** i32 scalars: the likeliest so many, and how many ids may be drawn at all. */
  readonly topK: Ref;
  readonly known: Ref;
  readonly V: number;
}

/** Logits in f64 after the repetition penalty, -inf for ids that may not be drawn. */
const penalised = (body: Body, s: Sampling): Ref => {
  const t = arithmetic(body);
  const raw = t.cast("f32", "f64", s.logits);
  const known = t.less("i32", t.upTo(s.V), s.known);
  const x = t.select("f64", known, raw, t.number(-Infinity));
  const less = t.select(
    "f64",
    t.greater("f64", x, t.number(0)),
    t.div("f64", x, s.penalty),
    t.mul("f64", x, s.penalty),
  );
  return t.select("f64", s.seen, less, x);
};

/** i32 [R]: the likeliest. */
export const greedy = (body: Body, s: Sampling): Ref =>
  arithmetic(body).likeliest(penalised(body, s));

/** i32 [R]: drawn with temperature > 0. */
export const drawn = (body: Body, s: Sampling): Ref => {
  const t = arithmetic(body);
  const { node } = body;
  const x = penalised(body, s);
  const top = t.largest("f64", x, true);
  const weight = (logits: Ref): Ref =>
    t.exp("f64", t.div("f64", t.sub("f64", logits, top), s.temperature));
  const zero = t.number(0);

  // from the likeliest on: the first topK, and of those the fewest that reach topP of their sum
  const values = node("TopKV2", [x, t.count(s.V)], {
    T: { type: "f64" },
    sorted: { bool: true },
  });
  const ids = values.replace(":values:", ":indices:");
  const amongTop = t.less("i32", t.upTo(s.V), s.topK);
  const ranked = t.select("f64", amongTop, weight(values), zero);
  const mass = t.mul("f64", t.sum("f64", ranked, true), s.topP);
  const needed = t.or(
    t.less("f64", t.runningSum(ranked, true), mass),
    t.lessEqual("f64", t.number(1), s.topP),
  );
  const kept = t.and(amongTop, needed);
  const total = t.sum("f64", t.select("f64", kept, ranked, zero), true);

  // the same ones in the order of ids: all above the last one kept, and its equals up to its id
  const last = t.least("f64", t.select("f64", kept, values, t.number(Infinity)), true);
  const isLast = t.and(kept, t.equal("f64", values, last));
  const lastId = t.largest("i32", t.select("i32", isLast, ids, t.count(-1)), true);
  const inPlace = t.or(
    t.greater("f64", x, last),
    t.and(t.equal("f64", x, last), t.lessEqual("i32", t.upTo(s.V), lastId)),
  );
  const sums = t.runningSum(t.select("f64", inPlace, weight(x), zero), false);
  const passed = t.lessEqual("f64", sums, t.mul("f64", s.unit, total));
  const id = t.sum("i32", t.cast("bool", "i32", passed));
  return t.select("i32", t.less("i32", id, t.count(s.V)), id, t.likeliest(x));
};
