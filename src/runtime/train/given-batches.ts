// Batches that a program gives to a trainer, held against the recipe and cut into the passes of an update.
import { IGNORED } from "../../bundle/targets.ts";
import type { ImageModelInfo, Manifest } from "../../bundle/manifest.ts";
import type { HostTensor } from "../../bundle/tensor.ts";
import { isList } from "../arguments.ts";
import { decoderOf, imageModelOf, textOf } from "../../bundle/kinds.ts";
import type { Batch } from "../data/index.ts";
import { recipeOf } from "./begin.ts";

export interface ImageBatch {
  /** Each H · W · C numbers from 0 to 1. */
  readonly images: readonly ArrayLike<number>[];
  /** Classes; -100 does not count. */
  readonly targets: readonly number[];
}
export interface TokenBatch {
  readonly input_ids: readonly (readonly number[])[];
  /** Already shifted; -100 does not count. */
  readonly targets: readonly (readonly number[])[];
}

/** Rows of one length, which is returned, with ids that the model has. */
export const checkIds = (rows: readonly (readonly number[])[], vocabSize: number): number => {
  if (!isList(rows) || !rows.every(isList))
    throw new TypeError("token ids come in rows: lists of whole numbers");
  const length = rows[0]?.length ?? 0;
  for (const row of rows) {
    if (row.length !== length || length === 0)
      throw new RangeError("rows of token ids must have one length, at least 1");
    const bad = row.find((id) => !Number.isInteger(id) || id < 0 || id >= vocabSize);
    if (bad !== undefined)
      throw new RangeError(`token id ${bad} is outside the vocabulary of ${vocabSize}`);
  }
  return length;
};

/** Images of as many numbers as the model reads, each from 0 to 1. */
export const checkImages = (
  images: readonly ArrayLike<number>[],
  { height, width, channels }: Pick<ImageModelInfo, "height" | "width" | "channels">,
): void => {
  const isImage = (x: unknown): boolean => typeof x === "object" && x !== null && "length" in x;
  if (!isList(images) || !images.every(isImage))
    throw new TypeError("classify takes a list of images: [pixels]");
  const size = height * width * channels;
  const wrong = images.find((image) => image.length !== size);
  if (wrong !== undefined)
    throw new RangeError(
      `an image of ${wrong.length} numbers; the model reads ${height}×${width}×${channels} = ${size}`,
    );
  checkPixels(images);
};
const checkPixels = (images: readonly ArrayLike<number>[]): void => {
  images.forEach((image, n) => {
    for (let i = 0; i < image.length; i += 1)
      if (!(image[i]! >= 0 && image[i]! <= 1))
        throw new RangeError(`pixels are numbers from 0 to 1, and image ${n} has ${image[i]}`);
  });
};

/** Rows to the passes of an update. */
export const passesOf = (manifest: Manifest, batch: TokenBatch | ImageBatch): readonly Batch[] => {
  if (typeof batch !== "object" || batch === null)
    throw new TypeError("a batch is { input_ids, targets }, or { images, targets }");
  return "images" in batch ? imagePasses(manifest, batch) : tokenPasses(manifest, batch);
};

const imagePasses = (manifest: Manifest, { images, targets }: ImageBatch): readonly Batch[] => {
  const { batch, micro } = recipeOf(manifest);
  const { height, width, channels, classes } = imageModelOf(manifest);
  const size = height * width * channels;
  const fits = images.length === batch && images.every((image) => image.length === size);
  if (!fits || targets.length !== batch)
    throw new RangeError(
      `a batch of this recipe is ${batch} images of ${size} numbers, and as many classes`,
    );
  checkPixels(images);
  const bad = targets.find((t) => t !== IGNORED && !(Number.isInteger(t) && t >= 0 && t < classes));
  if (bad !== undefined) throw new RangeError(`class ${bad} is not below ${classes}`);
  return Array.from({ length: batch / micro }, (_, p) => {
    const data = new Float32Array(micro * size);
    images.slice(p * micro, (p + 1) * micro).forEach((image, i) => data.set(image, i * size));
    const some = Int32Array.from(targets.slice(p * micro, (p + 1) * micro));
    return {
      images: { dtype: "f32", shape: [micro, height, width, channels], data },
      targets: { dtype: "i32", shape: [micro], data: some },
    };
  });
};

const tokenPasses = (manifest: Manifest, { input_ids, targets }: TokenBatch): readonly Batch[] => {
  const { batch, micro, data } = recipeOf(manifest);
  const T = textOf(data).sequence;
  const fits = (rows: TokenBatch["targets"]): boolean =>
    isList(rows) && rows.length === batch && rows.every((row) => row?.length === T);
  if (!fits(input_ids) || !fits(targets))
    throw new RangeError(
      `a batch of this recipe is ${batch} rows of ${T} ids, and as many targets`,
    );
  const { vocabSize } = decoderOf(manifest);
  checkIds(input_ids, vocabSize);
  checkIds(
    targets.map((row) => row.map((id) => (id === IGNORED ? 0 : id))),
    vocabSize,
  );
  const tensor = (rows: TokenBatch["targets"]): HostTensor => ({
    dtype: "i32",
    shape: [micro, T],
    data: Int32Array.from(rows.flat()),
  });
  return Array.from({ length: batch / micro }, (_, p) => ({
    input_ids: tensor(input_ids.slice(p * micro, (p + 1) * micro)),
    targets: tensor(targets.slice(p * micro, (p + 1) * micro)),
  }));
};
