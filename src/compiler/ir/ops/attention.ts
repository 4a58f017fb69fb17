// Attention and its gradient. Three rows share operands and attributes, so that an engine with a fused kernel makes the
// result, its statistics and the three gradients by two nodes of several outputs; elsewhere each expands. The gradient
// computes the probabilities again from scores and statistics, as arXiv 2205.14135 does: with P = exp(S - lse) and
// δ = Σ dO · O over d, dS = P · (dO Vᵀ - δ). Of bf16 operands scores, statistics and dS are f32; P and dS are rounded where
// a product reads them.
// Legend: B batch, H heads, K key-value heads, G = H/K, T queries, S keys, d width of queries and keys, e of values.
import { count, sameSizes, showType, tensor, unnamed } from "../shape.ts";
import type { AttentionAttrs, Builder, Dim, Node, OpTable, TensorType } from "../types.ts";
import { attentionLoops, gradLoops, statsLoops } from "./attention-loops.ts";
import { elementCost, fault, isFloat, none, scalar, toType, type Fault } from "./row.ts";

const add = (b: Builder, x: Node, y: Node): Node => b.emit("add", [x, y], none);
const sub = (b: Builder, x: Node, y: Node): Node => b.emit("sub", [x, y], none);
const mul = (b: Builder, x: Node, y: Node): Node => b.emit("mul", [x, y], none);
const product = (b: Builder, x: Node, y: Node, transposeX: boolean, transposeY: boolean): Node =>
  b.emit("matMul", [x, y], { transposeX, transposeY });
/** The same, its sums kept in f32. */
const wideProduct = (b: Builder, x: Node, y: Node, transposeY: boolean): Node =>
  b.emit("matMul", [x, y], {
    transposeX: false,
    transposeY,
    ...(x.type.dtype === "f32" ? {} : { out: "f32" }),
  });
const reshape = (b: Builder, x: Node, shape: readonly Dim[]): Node =>
  b.emit("reshape", [x], { shape });
const one = unnamed(1);
const whole = (b: Builder, value: number): Node =>
  b.emit("full", [], { dtype: "i32", shape: [], value });

/** The operands of one attention, and its sizes. */
interface Site {
  readonly q: Node;
  readonly k: Node;
  readonly v: Node;
  readonly attrs: AttentionAttrs;
  readonly B: Dim;
  readonly H: Dim;
  readonly T: Dim;
  readonly S: Dim;
  readonly d: Dim;
  /** i32 [B, T] and i32 [B], where the attributes name them. */
  readonly positions: Node | undefined;
  readonly keyLengths: Node | undefined;
  readonly rest: readonly Node[];
}
const siteOf = (q: Node, k: Node, v: Node, rest: readonly Node[], attrs: AttentionAttrs): Site => {
  const [B, H, T, d] = q.type.shape as readonly [Dim, Dim, Dim, Dim];
  const named = (name: string): Node | undefined =>
    rest[attrs.operands?.findIndex((o) => o === name) ?? -1];
  const S: Dim = { name: "keys", size: k.type.shape[2]!.size };
  const positions = named("positions");
  const keyLengths = named("keyLengths");
  return { q, k, v, attrs, B, H, T, S, d, positions, keyLengths, rest };
};

/** [B, H, T, x] -> [B, K, G·T, x]: head h belongs to key-value head floor(h / G). */
const grouped = (b: Builder, { k, B, H, T }: Site, x: Node): Node => {
  const K = k.type.shape[1]!;
  return K.size === H.size
    ? x
    : reshape(b, x, [B, K, unnamed((H.size / K.size) * T.size), x.type.shape[3]!]);
};

/** The positions of queries and keys, i32, to be compared: [T, S] or broadcast to [B, 1, T, S]. */
const places = (
  b: Builder,
  { B, T, S, positions, keyLengths }: Site,
): { readonly own: () => Node; readonly keys: Node } => {
  const grid = positions === undefined && keyLengths === undefined ? [T, S] : [one, one, T, S];
  const at = (axis: number): Node =>
    b.emit("iota", [], { dtype: "i32", shape: grid, axis: grid.length - 2 + axis });
  // without positions of their own the queries are the last T of the S tokens
  const own = (): Node =>
    positions !== undefined
      ? reshape(b, positions, [B, one, T, one])
      : T.size === S.size
        ? at(0)
        : add(b, at(0), whole(b, S.size - T.size));
  return { own, keys: at(1) };
};
/** Which keys a query sees: bool [T, S] or [B, 1, T, S]; undefined where it sees all. */
const visible = (b: Builder, site: Site): Node | undefined => {
  const { attrs, B, keyLengths } = site;
  const { own, keys } = places(b, site);
  const tests: Node[] = [];
  if (attrs.causal) tests.push(b.emit("greaterEqual", [own(), keys], none));
  if (attrs.window !== undefined)
    tests.push(b.emit("less", [sub(b, own(), keys), whole(b, attrs.window)], none));
  if (keyLengths !== undefined)
    tests.push(b.emit("less", [keys, reshape(b, keyLengths, [B, one, one, one])], none));
  return tests.reduce<Node | undefined>(
    (all, test) => (all === undefined ? test : b.emit("and", [all, test], none)),
    undefined,
  );
};

/** q kᵀ · scale, capped, before any mask: f32 [B, H, T, S]. */
const scores = (b: Builder, site: Site): Node => {
  const { q, k, attrs, B, H, T, S } = site;
  const raw = reshape(b, wideProduct(b, grouped(b, site, q), k, true), [B, H, T, S]);
  const scaled = mul(b, raw, scalar(b, attrs.scale));
  if (attrs.softcap === undefined) return scaled;
  const cap = scalar(b, attrs.softcap);
  return mul(b, b.emit("tanh", [b.emit("div", [scaled, cap], none)], none), cap);
};
/** With what distance takes from them, slope · (query - key). */
const sloped = (b: Builder, site: Site, s: Node): Node => {
  const { slopes } = site.attrs;
  if (slopes === undefined) return s;
  const { own, keys } = places(b, site);
  const distance = b.emit("cast", [sub(b, own(), keys)], { dtype: "f32" });
  const shape = [site.H, one, one];
  const rates = b.emit("constant", [], { dtype: "f32", shape, values: slopes });
  return sub(b, s, mul(b, distance, rates));
};
const masked = (b: Builder, site: Site): Node => {
  const seen = visible(b, site);
  const s = sloped(b, site, scores(b, site));
  return seen === undefined ? s : b.emit("select", [seen, s, scalar(b, -1e9)], none);
};
/** exp(S - lse): f32 [B, H, T, S]. A query that sees no key has zeros. */
const probabilities = (b: Builder, site: Site, stats: Node): Node => {
  const p = b.emit("exp", [sub(b, masked(b, site), column(b, stats))], none);
  const seen = site.keyLengths === undefined ? undefined : visible(b, site);
  return seen === undefined ? p : b.emit("select", [seen, p, scalar(b, 0)], none);
};
/** The same for a result: over a cache, which no gradient is taken of, without statistics that nobody else reads. */
const weights = (b: Builder, site: Site, node: Node<"attention">): Node =>
  site.positions !== undefined && site.keyLengths === undefined
    ? b.emit("softmax", [masked(b, site)], none)
    : probabilities(b, site, b.emit("attentionStats", node.inputs, node.attrs));
const column = (b: Builder, x: Node): Node => reshape(b, x, [...x.type.shape, one]);

/** The gradient at the scores before scaling, dS · scale: f32 [B, H, T, S]. */
const scoreGrad = (b: Builder, site: Site, p: Node, out: Node, dout: Node): Node => {
  const { v, attrs, B, H, T, S } = site;
  const dp = reshape(b, wideProduct(b, grouped(b, site, dout), v, true), [B, H, T, S]);
  const both = mul(b, toType(b, dout, "f32"), toType(b, out, "f32"));
  const delta = b.emit("reduceSum", [both], { axes: [3], keepDims: true });
  const ds = mul(b, mul(b, p, sub(b, dp, delta)), scalar(b, attrs.scale));
  if (attrs.softcap === undefined) return ds;
  const ratio = b.emit("div", [scores(b, site), scalar(b, attrs.softcap)], none);
  return mul(b, ds, sub(b, scalar(b, 1), b.emit("square", [ratio], none)));
};

const operandFault = (
  { shape: [B, , T] }: TensorType,
  rest: readonly TensorType[],
  attrs: AttentionAttrs,
): Fault | undefined => {
  const names = attrs.operands ?? [];
  if (names.length !== rest.length)
    return fault(
      `has ${rest.length} operands after q, k and v, its attributes name ${names.length}`,
    );
  for (const [i, name] of names.entries()) {
    const given = rest[i]!;
    const shape = name === "positions" ? [B!, T!] : [B!];
    if (given.dtype !== "i32" || !sameSizes(given.shape, shape))
      return fault(`${name} ${showType(given)}, expected ${showType(tensor("i32", shape))}`);
  }
  return undefined;
};
const inferOut = (
  q: TensorType,
  k: TensorType,
  v: TensorType,
  rest: readonly TensorType[],
  attrs: AttentionAttrs,
): TensorType | Fault => {
  const [qs, ks] = [q.shape, k.shape];
  const shown = `q ${showType(q)}, k ${showType(k)}, v ${showType(v)}`;
  const fits = (x: TensorType): boolean => x.dtype === q.dtype && x.shape.length === 4;
  if (!isFloat(q.dtype) || ![q, k, v].every(fits)) return fault(shown);
  if (
    qs[0]!.size !== ks[0]!.size ||
    qs[1]!.size % ks[1]!.size !== 0 ||
    qs[3]!.size !== ks[3]!.size ||
    !sameSizes(ks.slice(0, 3), v.shape.slice(0, 3))
  )
    return fault(shown);
  if (attrs.window !== undefined && !attrs.causal) return fault("a window needs causal attention");
  if (attrs.slopes !== undefined && attrs.slopes.length !== qs[1]!.size)
    return fault(`${attrs.slopes.length} slopes for ${showType(q)}`);
  const e = v.shape[3]!;
  return (
    operandFault(q, rest, attrs) ??
    (e.size === qs[3]!.size ? q : tensor(q.dtype, [...qs.slice(0, 3), e]))
  );
};

/** So many products of [T, d] by [d, S], and of [T, e] by [e, S], or of these sizes; two operations an element. */
const productCost =
  (keys: number, values: number) =>
  (node: Node<"attention" | "attentionStats" | "attentionGrad">) => {
    const [q, k, v] = node.inputs;
    const rows = count(q.type) / q.type.shape[3]!.size;
    const width = keys * k.type.shape[3]!.size + values * v.type.shape[3]!.size;
    return {
      flops: 2 * rows * width * k.type.shape[2]!.size,
      bytes: elementCost(0)(node).bytes,
    };
  };

type Sample = OpTable["attention"]["samples"][number];
const samples: readonly Sample[] = [
  {
    inputs: ["f32[b=2,h=2,t=3,d=4]", "f32[b=2,h=2,t=3,d=4]", "f32[b=2,h=2,t=3,d=4]"],
    attrs: { scale: 0.5, causal: true },
  },
  {
    inputs: ["f32[b=1,h=4,t=3,d=2]", "f32[b=1,k=2,t=3,d=2]", "f32[b=1,k=2,t=3,d=2]"],
    attrs: { scale: 0.7, causal: true },
  },
  {
    inputs: ["f32[b=1,h=2,t=3,d=2]", "f32[b=1,k=1,t=3,d=2]", "f32[b=1,k=1,t=3,d=2]"],
    attrs: { scale: 1, causal: false },
  },
  {
    inputs: ["f32[b=1,h=2,t=2,d=4]", "f32[b=1,k=1,s=3,d=4]", "f32[b=1,k=1,s=3,e=3]"],
    attrs: { scale: 0.5, causal: true },
  },
  {
    inputs: ["f32[b=1,h=2,t=2,d=2]", "f32[b=1,k=1,s=4,d=2]", "f32[b=1,k=1,s=4,d=2]"],
    attrs: { scale: 0.7, causal: true, window: 2, softcap: 1.5 },
  },
  {
    inputs: ["f32[b=1,h=2,t=3,d=2]", "f32[b=1,k=2,s=4,d=2]", "f32[b=1,k=2,s=4,d=2]"],
    attrs: { scale: 0.7, causal: true, slopes: [0.5, 0.25] },
  },
  {
    inputs: [
      "f32[b=2,h=2,t=2,d=2]",
      "f32[b=2,k=1,s=4,d=2]",
      "f32[b=2,k=1,s=4,d=2]",
      "i32[b=2,t=2]",
      "i32[b=2]",
    ],
    attrs: { scale: 0.7, causal: true, operands: ["positions", "keyLengths"] },
    values: ["any", "any", "any", "ids<4", "ids<4"],
  },
  {
    inputs: ["bf16[b=1,h=2,t=3,d=2]", "bf16[b=1,k=1,t=3,d=2]", "bf16[b=1,k=1,t=3,d=2]"],
    attrs: { scale: 0.7, causal: true },
  },
];
/** The gradient's operands: out [B, H, T, e], statistics [B, H, T] and dy [B, H, T, e] stand before the named ones. */
const gradSamples = samples.flatMap(({ inputs, attrs, values }) => {
  const [q = "", k = "", v = "", ...rest] = inputs;
  const stats = q.replace(/,d=\d+/, "").replace("bf16", "f32");
  const out = q.replace(/,d=\d+\]/, `,${/[de]=\d+\]/.exec(v)?.[0] ?? ""}`);
  const drawn = values ?? inputs.map(() => "any");
  return (["q", "k", "v"] as const).map((of) => ({
    inputs: [q, k, v, out, stats, out, ...rest],
    attrs: { ...attrs, of },
    values: [...drawn.slice(0, 3), "any", "positive", "any", ...drawn.slice(3)],
  }));
});

export const attentions: Pick<OpTable, "attention" | "attentionStats" | "attentionGrad"> = {
  attention: {
    doc: "softmax(q kᵀ · scale) v over the keys that a query sees, arXiv 1706.03762; q [B, H, T, d], k [B, K, S, d], v [B, K, S, e] -> [B, H, T, e], head h reads key-value head floor(h·K/H). `causal`: a query sees itself and what is before it, at most `window` keys; `softcap`: scores are cap · tanh(score / cap), arXiv 2408.00118; `slopes`: then head h loses slopes[h] · (position of the query - that of the key), arXiv 2108.12409",
    kind: "composite",
    ownPrecision: true,
    atLeast: 3,
    infer: ([q, k, v, ...rest], attrs) => inferOut(q, k, v, rest, attrs),
    expand: (b, node) => {
      const [q, k, v, ...rest] = node.inputs;
      const site = siteOf(q, k, v, rest, node.attrs);
      const p = grouped(b, site, toType(b, weights(b, site, node), v.type.dtype));
      return reshape(b, product(b, p, v, false, false), node.type.shape);
    },
    grad: (b, node, dy) => {
      const [q, k, v, ...rest] = node.inputs;
      const stats = b.emit("attentionStats", node.inputs, node.attrs);
      const to = (of: "q" | "k" | "v"): Node =>
        b.emit("attentionGrad", [q, k, v, node, stats, dy, ...rest], { ...node.attrs, of });
      return [to("q"), to("k"), to("v"), ...rest.map(() => null)];
    },
    evaluate: attentionLoops,
    cost: productCost(1, 1),
    samples,
  },
  attentionStats: {
    doc: "log Σ exp(score) over the keys that a query sees, -1e9 where it sees none, [B, H, T]; operands as attention has them",
    kind: "composite",
    ownPrecision: true,
    atLeast: 3,
    infer: ([q, k, v, ...rest], attrs) => {
      const out = inferOut(q, k, v, rest, attrs);
      return "fault" in out ? out : tensor("f32", out.shape.slice(0, 3));
    },
    expand: (b, node) => {
      const [q, k, v, ...rest] = node.inputs;
      return b.emit("logSumExp", [masked(b, siteOf(q, k, v, rest, node.attrs))], none);
    },
    grad: "expand",
    evaluate: statsLoops,
    cost: productCost(1, 0),
    // without padding: of a query that sees no key it is -1e9, and differences of such numbers have no digits
    samples: samples.filter((s) => s.attrs.operands === undefined),
  },
  attentionGrad: {
    doc: "the gradient of attention at its operand `of`, from operands, result, statistics and the gradient at the result: arXiv 2205.14135, algorithm 4",
    kind: "composite",
    ownPrecision: true,
    atLeast: 6,
    infer: ([q, k, v, out, stats, dy, ...rest], attrs) => {
      const made = inferOut(q, k, v, rest, attrs);
      if ("fault" in made) return made;
      const fits =
        [out, dy].every((x) => x.dtype === q.dtype && sameSizes(x.shape, made.shape)) &&
        sameSizes(stats.shape, q.shape.slice(0, 3));
      if (!fits)
        return fault(
          `result ${showType(out)}, statistics ${showType(stats)}, gradient ${showType(dy)} for ${showType(q)}`,
        );
      return { q, k, v }[attrs.of];
    },
    expand: (b, node) => {
      const [q, k, v, out, stats, dy, ...rest] = node.inputs;
      const site = siteOf(q, k, v, rest, node.attrs);
      // rounded as in the forward product, so that both read the same probabilities
      const p = toType(b, probabilities(b, site, stats), v.type.dtype);
      const { of } = node.attrs;
      if (of === "v") return product(b, grouped(b, site, p), grouped(b, site, dy), true, false);
      const wide = scoreGrad(b, site, toType(b, p, "f32"), out, dy);
      const ds = grouped(b, site, toType(b, wide, k.type.dtype));
      if (of === "k") return product(b, ds, grouped(b, site, q), true, false);
      return reshape(b, product(b, ds, k, false, false), node.type.shape);
    },
    grad: "expand",
    evaluate: gradLoops,
    // scores and dO Vᵀ are counted with dq
    cost: (node) =>
      (node.attrs.of === "q"
        ? productCost(2, 1)
        : node.attrs.of === "k"
          ? productCost(1, 0)
          : productCost(0, 1))(node),
    samples: gradSamples,
  },
};
