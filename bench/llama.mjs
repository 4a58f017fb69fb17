// A LLaMA training step as a graph of specc: loss, gradients, clipping by global norm and AdamW, written with the builder so
// that the bench measures passes, lowering and engine without the language in front.
const dim = (size, name = "") => ({ name, size });
const dims = (...sizes) => sizes.map((size) => dim(size));

export const llamaGraph = ({ createBuilder, differentiate }, { D, L, H, F, V, B, T }) => {
  const b = createBuilder();
  const emit = (op, inputs, attrs = {}) => b.emit(op, inputs, attrs);
  const scalar = (value) => emit("full", [], { dtype: "f32", shape: [], value });
  const add = (x, y) => emit("add", [x, y]);
  const sub = (x, y) => emit("sub", [x, y]);
  const mul = (x, y) => emit("mul", [x, y]);
  const div = (x, y) => emit("div", [x, y]);
  const d = D / H;
  const state = [];
  const read = (name, shape, init) => {
    state.push({ name, shape, init });
    return emit("state", [], { name, shape: dims(...shape) });
  };
  const parameters = [];
  const parameter = (name, shape, init = shape.length > 1 ? "normal" : "ones") => {
    const node = read(name, shape, init);
    parameters.push({ name, shape, node });
    return node;
  };
  const ids = emit("input", [], { name: "input_ids", dtype: "i32", shape: dims(B, T) });
  const targets = emit("input", [], { name: "targets", dtype: "i32", shape: dims(B, T) });
  const scalars = ["learning_rate", "bias1", "bias2"].map((name) =>
    emit("input", [], { name, dtype: "f32", shape: [] }),
  );

  const table = (op) => {
    const position = emit("iota", [], { dtype: "f32", shape: dims(T, d), axis: 0 });
    const half = emit("iota", [], { dtype: "f32", shape: dims(T, d / 2), axis: 1 });
    const column = emit("concat", [half, half], { axis: 1 });
    const frequency = emit("exp", [mul(column, scalar((-2 * Math.log(10000)) / d))]);
    return emit(op, [mul(position, frequency)]);
  };
  const [cos, sin] = [table("cos"), table("sin")];
  const reshape = (x, ...sizes) => emit("reshape", [x], { shape: dims(...sizes) });
  const linear = (x, w) => emit("matMul", [x, w], { transposeX: false, transposeY: false });
  const heads = (x) => emit("transpose", [reshape(x, B, T, H, d)], { perm: [0, 2, 1, 3] });
  const norm = (x, gain) => emit("rmsNorm", [x, gain], { eps: 1e-6 });
  const rope = (x) => emit("rope", [x, cos, sin]);

  let x = emit("gather", [parameter("embed", [V, D]), ids]);
  for (let layer = 0; layer < L; layer++)
    x = b.at(`blocks.${layer}`, undefined, () => {
      const weight = (name, ...shape) => parameter(`blocks.${layer}.${name}`, shape);
      const afterAttention = b.at("attention", undefined, () => {
        const y = norm(x, weight("norm1", D));
        const [q, k, v] = [
          rope(heads(linear(y, weight("q", D, D)))),
          rope(heads(linear(y, weight("k", D, D)))),
          heads(linear(y, weight("v", D, D))),
        ];
        const mixed = emit("attention", [q, k, v], { scale: 1 / Math.sqrt(d), causal: true });
        const merged = reshape(emit("transpose", [mixed], { perm: [0, 2, 1, 3] }), B, T, D);
        return add(x, linear(merged, weight("o", D, D)));
      });
      return b.at("ffn", undefined, () => {
        const z = norm(afterAttention, weight("norm2", D));
        const gate = emit("silu", [linear(z, weight("gate", D, F))]);
        return add(
          afterAttention,
          linear(mul(gate, linear(z, weight("up", D, F))), weight("down", F, D)),
        );
      });
    });
  const logits = reshape(
    linear(norm(x, parameter("norm", [D])), parameter("head", [D, V])),
    B * T,
    V,
  );
  const losses = emit("crossEntropy", [logits, reshape(targets, B * T)], { ignore: -100 });
  const loss = emit("reduceMean", [losses], { axes: [0], keepDims: false });

  const gradients = differentiate(
    b,
    loss,
    parameters.map((p) => p.node),
  );
  const total = gradients
    .map((g) =>
      emit("reduceSum", [emit("square", [g])], {
        axes: g.type.shape.map((_, i) => i),
        keepDims: false,
      }),
    )
    .reduce(add);
  const gradNorm = emit("sqrt", [total]);
  const factor = emit("minimum", [scalar(1), div(scalar(1), add(gradNorm, scalar(1e-6)))]);
  const [rate, bias1, bias2] = scalars;
  const updates = parameters.flatMap(({ name, shape, node }, i) => {
    const g = mul(gradients[i], factor);
    const m = read(`${name}/exp_avg`, shape, "zeros");
    const v = read(`${name}/exp_avg_sq`, shape, "zeros");
    const nextM = add(mul(m, scalar(0.9)), mul(g, scalar(0.1)));
    const nextV = add(mul(v, scalar(0.95)), mul(emit("square", [g]), scalar(0.05)));
    const step = div(div(nextM, bias1), add(emit("sqrt", [div(nextV, bias2)]), scalar(1e-8)));
    const kept = shape.length > 1 ? mul(node, sub(scalar(1), mul(rate, scalar(0.01)))) : node;
    return [
      { state: name, node: sub(kept, mul(rate, step)) },
      { state: `${name}/exp_avg`, node: nextM },
      { state: `${name}/exp_avg_sq`, node: nextV },
    ];
  });
  const graph = {
    name: "train_step",
    inputs: [ids, targets, ...scalars],
    outputs: [
      { name: "loss", node: loss },
      { name: "grad_norm", node: gradNorm },
    ],
    updates,
  };
  return { graph, state };
};
