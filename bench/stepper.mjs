// Updates of an opened model over one batch of random ids, as the training loop asks for them: in groups where the engine has them.

/** @returns `run(updates)` gives the last loss */
export const stepper = ({ session }, { batch, sequence, vocab }, { single = false } = {}) => {
  let seed = 1;
  const uniform = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
  const ids = Int32Array.from({ length: batch * sequence }, () => Math.floor(uniform() * vocab));
  const shape = [batch, sequence];
  const targets = ids.map((_, i) => (i % sequence === sequence - 1 ? -100 : ids[i + 1]));
  const scalar = (value) => ({ dtype: "f32", shape: [], data: Float32Array.of(value) });
  let step = 0;
  const inputs = () => {
    step += 1;
    return {
      input_ids: { dtype: "i32", shape, data: ids.slice() },
      targets: { dtype: "i32", shape, data: targets.slice() },
      learning_rate: scalar(1e-3),
      bias1: scalar(1 - 0.9 ** step),
      bias2: scalar(1 - 0.95 ** step),
    };
  };
  const atOnce = single ? 1 : (session.group?.size("train_step") ?? 1);
  const run = async (updates) => {
    let loss = NaN;
    for (let done = 0; done < updates;) {
      if (atOnce > 1 && updates - done >= atOnce) {
        const list = Array.from({ length: atOnce }, inputs);
        loss = (await session.group.run("train_step", list)).at(-1).loss.data[0];
        done += atOnce;
      } else {
        loss = (await session.run("train_step", inputs())).loss.data[0];
        done += 1;
      }
    }
    return loss;
  };
  return { run, atOnce };
};
