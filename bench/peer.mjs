// The peer: the same LLaMA training step written by hand in TensorFlow.js, `variableGrads` with global-norm clipping left out
// (to its favour) and `train.adam`, as one would write it without a compiler, on the backend that is set. Gather's gradient is a ScatterND, since the
// wasm backend has no UnsortedSegmentSum.
export const peerStep = async (tf, { D, L, H, F, V, B, T }) => {
  const d = D / H;
  const normal = (shape) => tf.variable(tf.randomNormal(shape, 0, 0.02));
  const ones = (shape) => tf.variable(tf.ones(shape));
  const embedding = normal([V, D]);
  const head = normal([D, V]);
  const last = ones([D]);
  const blocks = Array.from({ length: L }, () => ({
    q: normal([D, D]), k: normal([D, D]), v: normal([D, D]), o: normal([D, D]),
    gate: normal([D, F]), up: normal([D, F]), down: normal([F, D]), norm1: ones([D]), norm2: ones([D]),
  })); // prettier-ignore
  const frequencies = tf.pow(10000, tf.div(tf.range(0, d / 2), -(d / 2)));
  const angles = tf.outerProduct(tf.range(0, T), frequencies);
  const cos = tf.concat([tf.cos(angles), tf.cos(angles)], 1);
  const sin = tf.concat([tf.sin(angles), tf.sin(angles)], 1);
  const mask = tf.mul(tf.sub(tf.linalg.bandPart(tf.ones([T, T]), -1, 0), 1), 1e9);

  const norm = (x, w) =>
    tf.mul(tf.mul(x, tf.rsqrt(tf.add(tf.mean(tf.square(x), -1, true), 1e-6))), w);
  const linear = (x, w) =>
    tf.reshape(tf.matMul(tf.reshape(x, [-1, x.shape.at(-1)]), w), [B, T, w.shape[1]]);
  const heads = (x) => tf.transpose(tf.reshape(x, [B, T, H, d]), [0, 2, 1, 3]);
  const rope = (x) => {
    const low = tf.slice(x, [0, 0, 0, 0], [B, H, T, d / 2]);
    const high = tf.slice(x, [0, 0, 0, d / 2], [B, H, T, d / 2]);
    return tf.add(tf.mul(x, cos), tf.mul(tf.concat([tf.neg(high), low], 3), sin));
  };
  const embed = (ids) =>
    tf.customGrad((w) => ({
      value: tf.gather(w, ids),
      gradFunc: (dy) =>
        tf.scatterND(tf.reshape(ids, [B * T, 1]), tf.reshape(dy, [B * T, D]), [V, D]),
    }))(embedding);
  const loss = (ids, targets) => {
    let x = embed(ids);
    for (const b of blocks) {
      const y = norm(x, b.norm1);
      const [q, k, v] = [
        rope(heads(linear(y, b.q))),
        rope(heads(linear(y, b.k))),
        heads(linear(y, b.v)),
      ];
      const p = tf.softmax(tf.add(tf.mul(tf.matMul(q, k, false, true), 1 / Math.sqrt(d)), mask));
      const mixed = tf.reshape(tf.transpose(tf.matMul(p, v), [0, 2, 1, 3]), [B, T, D]);
      x = tf.add(x, linear(mixed, b.o));
      const z = norm(x, b.norm2);
      const gate = linear(z, b.gate);
      x = tf.add(x, linear(tf.mul(tf.mul(gate, tf.sigmoid(gate)), linear(z, b.up)), b.down));
    }
    const logits = tf.reshape(linear(norm(x, last), head), [B * T, V]);
    const picked = tf.sum(tf.mul(logits, tf.oneHot(tf.reshape(targets, [-1]), V)), 1);
    return tf.mean(tf.sub(tf.logSumExp(logits, 1), picked));
  };

  const adam = tf.train.adam(1e-3, 0.9, 0.95, 1e-8);
  return async (ids, targets) => {
    const x = tf.tensor2d(ids, [B, T], "int32");
    const y = tf.tensor2d(targets, [B, T], "int32");
    const { value, grads } = tf.variableGrads(() => loss(x, y));
    adam.applyGradients(grads);
    const [result] = await value.data();
    tf.dispose([value, grads, x, y]);
    return result;
  };
};
