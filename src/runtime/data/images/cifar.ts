// The binary files of CIFAR-10 and CIFAR-100: records of one label, or of a coarse and a fine one, then 32×32 red values, as many
// green ones, as many blue ones.
import { FileFault } from "../../../bundle/file-fault.ts";
import type { ImageSource } from "../../../bundle/manifest.ts";
import { joinPath, type Host } from "../../host.ts";
import { readBytes } from "./idx.ts";
import type { ImageSet, ImageSets } from "./image-set.ts";
import { CIFAR } from "./sources.ts";

const SIDE = 32;
const AREA = SIDE * SIDE;
const CHANNELS = 3;

interface Form {
  /** Bytes of labels before the pixels, and which of them counts. */
  readonly labels: number;
  readonly label: number;
  readonly classes: number;
}
type Cifar = Extract<ImageSource, { readonly kind: "cifar10" | "cifar100" }>;
const formOf = (source: Cifar): Form => {
  if (source.kind === "cifar10") return { labels: 1, label: 0, classes: 10 };
  const coarse = source.labels === "coarse";
  return { labels: 2, label: coarse ? 0 : 1, classes: coarse ? 20 : 100 };
};

/** Planes to pixels: [C, H, W] -> [H, W, C]. */
const parse = (files: readonly (readonly [string, Uint8Array])[], form: Form): ImageSet => {
  const record = form.labels + AREA * CHANNELS;
  for (const [file, bytes] of files)
    if (bytes.length === 0 || bytes.length % record !== 0)
      throw new FileFault(
        file,
        `${bytes.length} bytes are no whole number of records of ${record}: cut short, or another form of CIFAR`,
      );
  const count = files.reduce((n, [, bytes]) => n + bytes.length / record, 0);
  const pixels = new Uint8Array(count * AREA * CHANNELS);
  const labels = new Uint8Array(count);
  let image = 0;
  for (const [file, bytes] of files)
    for (let at = 0; at < bytes.length; at += record, image += 1) {
      const label = bytes[at + form.label]!;
      if (label >= form.classes)
        throw new FileFault(file, `class ${label} is not below ${form.classes}`);
      labels[image] = label;
      const [from, to] = [at + form.labels, image * AREA * CHANNELS];
      for (let c = 0; c < CHANNELS; c += 1)
        for (let p = 0; p < AREA; p += 1)
          pixels[to + p * CHANNELS + c] = bytes[from + c * AREA + p]!;
    }
  return { height: SIDE, width: SIDE, channels: CHANNELS, pixels, labels };
};

export const readCifar = async (folder: string, source: Cifar, host: Host): Promise<ImageSets> => {
  const form = formOf(source);
  const read = async (names: readonly string[]): Promise<ImageSet> => {
    const files: (readonly [string, Uint8Array])[] = [];
    for (const name of names) {
      const path = joinPath(folder, name);
      files.push([path, await readBytes(host, path)]);
    }
    return parse(files, form);
  };
  const { train, test } = CIFAR[source.kind];
  return { train: await read(train), test: await read(test) };
};
