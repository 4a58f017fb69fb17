// What the program `forward` answers: logits of tokens, classes of images; as many at once as it was built for.
import type { Session } from "../bundle/engine.ts";
import { decoderOf, imageModelOf } from "../bundle/kinds.ts";
import type { Manifest } from "../bundle/manifest.ts";
import { IGNORED } from "../bundle/targets.ts";
import type { HostTensor } from "../bundle/tensor.ts";
import { idsShape, programOf } from "./programs.ts";
import { checkIds, checkImages } from "./train/given-batches.ts";

export interface Classification {
  readonly label: number;
  readonly probabilities: Float32Array;
}
/** Logits [B, T, V], as many rows at once as the program takes. */
export const forward = async (
  session: Session,
  manifest: Manifest,
  rows: readonly (readonly number[])[],
): Promise<HostTensor> => {
  const { context, vocabSize: width } = decoderOf(manifest);
  const length = checkIds(rows, width);
  const [batch, sequence] = idsShape(programOf(manifest, "forward"));
  if (length > sequence)
    throw new RangeError(
      `${length} tokens do not fit ${sequence === context ? `the context of ${context}` : `the program forward, built for ${sequence}`}`,
    );
  const data = new Float32Array(rows.length * length * width);
  const shape = [batch, sequence];
  for (let first = 0; first < rows.length; first += batch) {
    const ids = new Int32Array(batch * sequence);
    const some = rows.slice(first, first + batch);
    some.forEach((row, b) => ids.set(row, b * sequence));
    const out = await session.run("forward", {
      input_ids: { dtype: "i32", shape, data: ids },
      targets: { dtype: "i32", shape, data: new Int32Array(ids.length).fill(IGNORED) },
    });
    const logits = out["logits"]?.data ?? new Float32Array(0);
    some.forEach((_, b) => {
      const from = b * sequence * width;
      data.set(logits.subarray(from, from + length * width), (first + b) * length * width);
    });
  }
  return { dtype: "f32", shape: [rows.length, length, width], data };
};

/** As many images at once as the program takes. */
export const classify = async (
  session: Session,
  manifest: Manifest,
  images: readonly ArrayLike<number>[],
): Promise<readonly Classification[]> => {
  const model = imageModelOf(manifest);
  checkImages(images, model);
  const { height, width, channels, classes } = model;
  const size = height * width * channels;
  const rows = programOf(manifest, "forward").inputs[0]?.shape[0] ?? 1;
  const answers: Classification[] = [];
  for (let first = 0; first < images.length; first += rows) {
    const some = images.slice(first, first + rows);
    const data = new Float32Array(rows * size);
    some.forEach((image, row) => data.set(image, row * size));
    const out = await session.run("forward", {
      images: { dtype: "f32", shape: [rows, height, width, channels], data },
      targets: { dtype: "i32", shape: [rows], data: new Int32Array(rows).fill(IGNORED) },
    });
    some.forEach((_, row) => {
      const logits = out["logits"]!.data.subarray(row * classes, (row + 1) * classes);
      const top = Math.max(...logits);
      const powers = Float32Array.from(logits, (x) => Math.exp(x - top));
      const sum = powers.reduce((all, x) => all + x, 0);
      answers.push({ label: logits.indexOf(top), probabilities: powers.map((x) => x / sum) });
    });
  }
  return answers;
};
