// The verification itself, in a process of its own: a library that does not fit the machine may end it. Gets a Task as its
// argument and answers over the channel with a Verdict.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type * as tfjs from "@tensorflow/tfjs-core";
import type { HostTensor } from "../../../bundle/tensor.ts";
import { loadTensorflow, openLibrary, type TfNode } from "./load.ts";
import { PROBE_SAVED_MODEL } from "./probe.ts";
import type { Task, Verdict } from "./verify.ts";

const expectValues = (what: string, found: ArrayLike<number>, wanted: readonly number[]): void => {
  const same = found.length === wanted.length && wanted.every((x, i) => x === found[i]);
  if (!same)
    throw new Error(`${what} gave ${Array.from(found).join(", ")} instead of ${wanted.join(", ")}`);
};

/** Eager ops of tfjs on the backend: [2,2] times [2,2]. */
const product = (tf: typeof tfjs): void => {
  const values = tf.tidy(() =>
    tf
      .matMul(tf.tensor2d([1, 2, 3, 4], [2, 2]), tf.tensor2d([5, 6, 7, 8], [2, 2]))
      .dataSync<"float32">(),
  );
  expectValues("a product", values, [19, 22, 43, 50]);
};

/** d/dx sum(x^3) = 3x^2. */
const gradient = (tf: typeof tfjs): void => {
  const values = tf.tidy(() => {
    const slope = tf.grad((x) => tf.sum(tf.mul(tf.mul(x, x), x)));
    return slope(tf.tensor1d([1, 2, -3])).dataSync<"float32">();
  });
  expectValues("a gradient", values, [3, 12, 27]);
};

/** State kept between calls, a function compiled by XLA, and values assigned without sharing memory. */
const savedModel = async (node: TfNode): Promise<void> => {
  const folder = await mkdtemp(join(tmpdir(), "specc-verify-"));
  try {
    await writeFile(join(folder, "saved_model.pb"), Buffer.from(PROBE_SAVED_MODEL, "base64"));
    const names = ["start", "step", "hold", "held"] as const;
    const [start, step, hold, held] = await Promise.all(
      names.map((name) => node.loadSavedModel(folder, name)),
    );
    const vector = (...values: readonly number[]): HostTensor => ({
      dtype: "f32",
      shape: [values.length],
      data: Float32Array.from(values),
    });
    start!.predict({});
    step!.predict({ x: vector(1, 2) });
    const { count, square } = step!.predict({ x: vector(3, -4) });
    expectValues("a SavedModel's state", count!.data, [2]);
    expectValues("a function compiled by XLA", square!.data, [9, 16]);
    const given = vector(...Array.from({ length: 64 }, () => 1));
    hold!.predict({ values: given });
    given.data.fill(2);
    const kept = held!.predict({})["values"]!.data;
    if (kept.some((x) => x !== 1)) throw new Error("an assigned variable changed with its source");
    for (const signature of [start, step, hold, held]) signature!.dispose();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

/** The driver comes with the card, not with a wheel; everything else that a library links to must be there. */
const needsDriver = (path: string): boolean => {
  try {
    openLibrary(path);
    return false;
  } catch (error) {
    if (error instanceof Error && error.message.startsWith("libcuda.so.1:")) return true;
    throw error;
  }
};

const verify = async ({ library, alsoOpen }: Task): Promise<Verdict> => {
  const node = await loadTensorflow(library);
  product(node.tf);
  gradient(node.tf);
  await savedModel(node);
  if (node.liveTensors() !== 0) throw new Error(`${node.liveTensors()} tensors were left behind`);
  const { cache } = createRequire(import.meta.url);
  return {
    kind: "works",
    tensorflow: node.version,
    onCard: node.onCard,
    scripts: Object.keys(cache),
    needDriver: alsoOpen.filter(needsDriver),
  };
};

const answer = (verdict: Verdict): void => {
  process.send?.(verdict, () => process.disconnect());
};
const given = process.argv[2];
if (given !== undefined)
  verify(JSON.parse(given) as Task).then(answer, (error: unknown) => {
    answer({ kind: "fails", fault: error instanceof Error ? error.message : String(error) });
  });
