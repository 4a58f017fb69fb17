// Images as training examples: bytes of pixels with a class each, varied as the recipe says, given to the model as numbers
// from 0 to 1.
import { FileFault } from "../../../bundle/file-fault.ts";
import { IGNORED } from "../../../bundle/targets.ts";
import type { ImageData, ImageModelInfo, ImageSource } from "../../../bundle/manifest.ts";
import type { Host } from "../../host.ts";
import type { Picked, Samples } from "../samples.ts";
import { placesOf } from "./augment.ts";
import { readCifar } from "./cifar.ts";
import { readMnist } from "./idx.ts";
import type { ImageSet, ImageSets } from "./image-set.ts";
import { drawShapes } from "./shapes.ts";
import { folderOf } from "./sources.ts";

export type { ImageSet } from "./image-set.ts";

/** Images [rows, H, W, C] and classes [rows]. */
export const imageSamples = (set: ImageSet, augment: ImageData["augment"] = []): Samples => {
  const { height, width, channels, pixels, labels } = set;
  const area = height * width;
  const write = ({ index, variation }: Picked, to: Float32Array): void => {
    const from = index * area * channels;
    const places = placesOf(augment, { height, width }, index, variation);
    for (let p = 0; p < area; p += 1) {
      const place = places === undefined ? p : places[p]!;
      // outside of the image: black, as it is already
      if (place < 0) continue;
      for (let c = 0; c < channels; c += 1)
        to[p * channels + c] = pixels[from + place * channels + c]! / 255;
    }
  };
  return {
    count: labels.length,
    batch: (picked, rows) => {
      const size = area * channels;
      const images = new Float32Array(rows * size);
      const targets = new Int32Array(rows).fill(IGNORED);
      picked.forEach((one, row) => {
        write(one, images.subarray(row * size, (row + 1) * size));
        targets[row] = labels[one.index]!;
      });
      return {
        images: { dtype: "f32", shape: [rows, height, width, channels], data: images },
        targets: { dtype: "i32", shape: [rows], data: targets },
      };
    },
  };
};

const readSource = async (source: ImageSource, host: Host): Promise<ImageSets> => {
  if (source.kind === "shapes") return drawShapes(source);
  const folder = await folderOf(source, host);
  return source.kind === "mnist" ? readMnist(folder, host) : readCifar(folder, source, host);
};

/** Where a source's images come from, for messages. */
export const sourceName = (source: ImageSource): string =>
  source.kind === "shapes"
    ? "shapes"
    : [source.package, source.folder].filter((part) => part !== null).join("/");

export interface LoadedImages {
  readonly kind: "images";
  readonly files: readonly string[];
  readonly train: Samples;
  readonly validation: Samples | undefined;
}
export const loadImages = async (data: ImageData, host: Host): Promise<LoadedImages> => {
  const { train, test } = await readSource(data.source, host);
  return {
    kind: "images",
    files: [sourceName(data.source)],
    train: imageSamples(train, data.augment),
    validation: imageSamples(test),
  };
};

/** Images of the data go into the model as they are. */
export const checkFits = (data: LoadedImages, model: ImageModelInfo): void => {
  const shape = data.train
    .batch([{ index: 0 }], 1)
    ["images"]?.shape.slice(1)
    .join("×");
  const wanted = [model.height, model.width, model.channels].join("×");
  if (shape !== wanted)
    throw new FileFault(
      data.files.join(", "),
      `holds images of ${shape ?? "no size"}, and the model reads ${wanted}`,
    );
};
