// Images: the files of MNIST and CIFAR as written here byte for byte, drawn shapes, and how training images are varied.
import { describe, expect, test } from "vitest";
import type { ImageData, ImageSource } from "../../../bundle/manifest.ts";
import { memoryHost, type MemoryHost } from "../../toy.test.helper.ts";
import { trainingOrder } from "../batches.ts";
import type { Samples } from "../samples.ts";
import { placesOf } from "./augment.ts";
import { drawShapes, SHAPES } from "./shapes.ts";
import { checkFits, imageSamples, loadImages, type ImageSet } from "./index.ts";

const hostWith = (files: Readonly<Record<string, Uint8Array | readonly number[]>>): MemoryHost => {
  const host = memoryHost();
  for (const [name, bytes] of Object.entries(files))
    host.files.set(`project/${name}`, Uint8Array.from(bytes));
  return host;
};
const load = (source: ImageSource, host: MemoryHost) =>
  loadImages({ kind: "images", source, augment: [] }, host);
const classes = (samples: Samples | undefined): number[] =>
  Array.from({ length: samples?.count ?? 0 }, (_, index) => samples!.batch([{ index }], 1)).map(
    (batch) => batch.targets.data[0]!,
  );
/** Bytes 0 … 255 of one image, as the model gets it. */
const pixels = (samples: Samples, index: number): number[] =>
  Array.from(samples.batch([{ index }], 1)["images"]!.data, (x) => Math.round(x * 255));

const AREA = 32 * 32;
/** A record whose pixel p has red p mod 251, green `green`, blue 255 - p mod 251. */
const record = (labels: readonly number[], green: number): number[] => [
  ...labels,
  ...Array.from({ length: AREA }, (_, p) => p % 251),
  ...Array.from({ length: AREA }, () => green),
  ...Array.from({ length: AREA }, (_, p) => 255 - (p % 251)),
];

describe("CIFAR-10", () => {
  const source: ImageSource = { kind: "cifar10", folder: "data", package: null };
  const files = (): Record<string, number[]> => ({
    ...Object.fromEntries(
      [1, 2, 3, 4, 5].map((n) => [
        `data/data_batch_${n}.bin`,
        [...record([n], 10 * n), ...record([9 - n], 10 * n + 1)],
      ]),
    ),
    "data/test_batch.bin": record([7], 99),
  });
  test("five files to train on, in order, and one held out; planes become pixels", async () => {
    const { train, validation, files: names } = await load(source, hostWith(files()));
    expect(names).toEqual(["data"]);
    expect(classes(train)).toEqual([1, 8, 2, 7, 3, 6, 4, 5, 5, 4]);
    expect(classes(validation)).toEqual([7]);
    const shown = train.batch([{ index: 3 }], 1)["images"]!;
    expect(shown.shape).toEqual([1, 32, 32, 3]);
    const image = pixels(train, 3);
    expect(image.slice(0, 6)).toEqual([0, 21, 255, 1, 21, 254]);
    expect(image.slice(-3)).toEqual([1023 % 251, 21, 255 - (1023 % 251)]);
    expect(shown.data[1]).toBe(Math.fround(21 / 255));
  });
  test("rows without a sample count for nothing", async () => {
    const { train } = await load(source, hostWith(files()));
    const { images, targets } = train.batch([{ index: 0 }, { index: 1 }], 3);
    expect([...targets.data]).toEqual([1, 8, -100]);
    expect(images!.data.subarray(2 * AREA * 3).every((x) => x === 0)).toBe(true);
  });
  test.each([
    ["cut short", (all) => (all["data/data_batch_4.bin"] = record([1], 0).slice(0, -1)), "data/data_batch_4.bin: 3072 bytes are no whole number of records of 3073"],
    ["empty", (all) => (all["data/test_batch.bin"] = []), "data/test_batch.bin: 0 bytes are no whole"],
    ["a class too many", (all) => (all["data/data_batch_2.bin"] = record([10], 0)), "data/data_batch_2.bin: class 10 is not below 10"],
    ["no file", (all) => delete all["data/data_batch_5.bin"], "data/data_batch_5.bin: no such file"],
  ] as readonly (readonly [string, (all: Record<string, number[]>) => unknown, string])[])(
    "%s is told with its file",
    async (_name, change, message) => {
      const all = files();
      change(all);
      await expect(load(source, hostWith(all))).rejects.toThrow(message);
    },
  ); // prettier-ignore
});

describe("CIFAR-100", () => {
  const files = {
    "data/train.bin": [...record([19, 99], 1), ...record([3, 0], 2)],
    "data/test.bin": record([0, 42], 3),
  };
  test.each([
    ["fine", [99, 0], [42]],
    ["coarse", [19, 3], [0]],
  ] as const)("%s labels", async (labels, train, held) => {
    const source: ImageSource = { kind: "cifar100", folder: "data", package: null, labels };
    const found = await load(source, hostWith(files));
    expect(classes(found.train)).toEqual(train);
    expect(classes(found.validation)).toEqual(held);
    expect(pixels(found.train, 1).slice(0, 3)).toEqual([0, 2, 255]);
  });
  test("the files of CIFAR-10 are not taken for it", async () => {
    const source: ImageSource = { kind: "cifar100", folder: "data", package: null, labels: "fine" };
    const host = hostWith({ ...files, "data/train.bin": record([1], 0) });
    await expect(load(source, host)).rejects.toThrow("another form of CIFAR");
  });
});

describe("MNIST", () => {
  const big = (n: number): number[] => [n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255];
  const idx = (shape: readonly number[], data: readonly number[]): number[] => [
    ...[0, 0, 8, shape.length],
    ...shape.flatMap(big),
    ...data,
  ];
  const source: ImageSource = { kind: "mnist", folder: "data", package: null };
  const files = (): Record<string, number[]> => ({
    "data/train-images-idx3-ubyte": idx([2, 2, 3], [0, 51, 102, 153, 204, 255, 6, 5, 4, 3, 2, 1]),
    "data/train-labels-idx1-ubyte": idx([2], [5, 0]),
    "data/t10k-images-idx3-ubyte": idx([1, 2, 3], [9, 8, 7, 6, 5, 4]),
    "data/t10k-labels-idx1-ubyte": idx([1], [9]),
  });
  test("four files", async () => {
    const { train, validation } = await load(source, hostWith(files()));
    expect(train.batch([{ index: 0 }], 1)["images"]).toEqual({
      ...{ dtype: "f32", shape: [1, 2, 3, 1] },
      data: Float32Array.of(0, 0.2, 0.4, 0.6, 0.8, 1),
    });
    expect(pixels(train, 1)).toEqual([6, 5, 4, 3, 2, 1]);
    expect([classes(train), classes(validation)]).toEqual([[5, 0], [9]]);
    expect(pixels(validation!, 0)).toEqual([9, 8, 7, 6, 5, 4]);
  });
  test("from an installed package", async () => {
    const host = memoryHost();
    for (const [name, bytes] of Object.entries(files()))
      host.files.set(`modules/digits/${name}`, Uint8Array.from(bytes));
    const found = await load({ ...source, package: "digits" }, host);
    expect([found.train.count, found.files]).toEqual([2, ["digits/data"]]);
    await expect(load({ ...source, package: "letters" }, host)).rejects.toThrow(
      "letters: the package that holds the data is not installed",
    );
  });
  test.each([
    ["train-labels-idx1-ubyte", [1, 2], "not an IDX file: 2 bytes, and its header takes 8"],
    ["train-images-idx3-ubyte", idx([2], [5, 0]), "not an IDX file: 10 bytes, and its header takes 16"],
    ["train-images-idx3-ubyte", idx([2, 2], [1, 2, 3, 4, 5]), "not an IDX file of bytes with 3 axes: it begins with 0x802"],
    ["train-images-idx3-ubyte", idx([2, 2, 3], [0]), "[2, 2, 3] takes 28 bytes, and the file has 17"],
    ["train-labels-idx1-ubyte", idx([1], [5]), "1 labels for 2 images"],
    ["t10k-labels-idx1-ubyte", idx([1], [10]), "class 10 is not below 10"],
  ] as const)("%s that is wrong: %j", async (name, bytes, message) => {
    const host = hostWith({ ...files(), [`data/${name}`]: bytes });
    await expect(load(source, host)).rejects.toThrow(`data/${name}: ${message}`);
  }); // prettier-ignore
});

describe("shapes", () => {
  const source = { kind: "shapes", train: 60, test: 20, size: 16, seed: 3 } as const;
  test("an image depends on the seed, its part and its number alone", () => {
    const [few, many] = [drawShapes(source), drawShapes({ ...source, train: 90 })];
    expect(few.train.labels).toEqual(many.train.labels.subarray(0, 60));
    expect(few.train.pixels).toEqual(many.train.pixels.subarray(0, few.train.pixels.length));
    expect(few.test).toEqual(many.test);
    expect(few.test.pixels).not.toEqual(few.train.pixels.subarray(0, few.test.pixels.length));
    expect(drawShapes({ ...source, seed: 4 }).train.labels).not.toEqual(few.train.labels);
  });
  test("of all kinds, and to be seen", () => {
    const { train } = drawShapes(source);
    expect(new Set(train.labels).size).toBe(Object.keys(SHAPES).length);
    // ink and ground differ by far more than the noise
    for (let i = 0; i < 60; i += 1) {
      const image = train.pixels.subarray(i * 768, (i + 1) * 768);
      const spread = [0, 1, 2].map((c) => {
        const one = image.filter((_, k) => k % 3 === c);
        return Math.max(...one) - Math.min(...one);
      });
      expect(Math.max(...spread)).toBeGreaterThan(60);
    }
  });
});

describe("augmentation", () => {
  const size = { height: 3, width: 4 };
  const natural = Array.from({ length: 12 }, (_, p) => p);
  const of = (augment: ImageData["augment"], index: number, epoch = 0, seed = 1): number[] => [
    ...placesOf(augment, size, index, { seed, epoch })!,
  ];
  const many = Array.from({ length: 400 }, (_, i) => i);

  test("flip mirrors rows, of about every other image", () => {
    const mirrored = [3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8];
    const found = many.map((i) => of([{ kind: "flip" }], i));
    const flipped = found.filter((places) => places[0] !== 0);
    for (const places of found) expect([natural, mirrored]).toContainEqual(places);
    expect(flipped.length).toBeGreaterThan(160);
    expect(flipped.length).toBeLessThan(240);
  });
  test("crop moves the window by at most the padding either way, all places alike", () => {
    const found = many.map((i) => of([{ kind: "crop", padding: 1 }], i).join());
    /** What the window shows when its corner stands at (row, column) of the image. */
    const window = (row: number, column: number): string =>
      natural
        .map((p) => {
          const [y, x] = [Math.floor(p / 4) + row, (p % 4) + column];
          return y < 0 || y > 2 || x < 0 || x > 3 ? -1 : y * 4 + x;
        })
        .join();
    const counts = [-1, 0, 1].flatMap((row) =>
      [-1, 0, 1].map((column) => found.filter((f) => f === window(row, column)).length),
    );
    expect(counts.reduce((a, b) => a + b)).toBe(400);
    expect(Math.min(...counts)).toBeGreaterThan(22); // 44 expected of each
  });
  test("outside of the image it is black", () => {
    const set: ImageSet = {
      ...{ height: 1, width: 2, channels: 1 },
      ...{ pixels: Uint8Array.of(255, 51), labels: Uint8Array.of(0) },
    };
    const samples = imageSamples(set, [{ kind: "crop", padding: 2 }]);
    const seen = new Set(
      many.map((epoch) =>
        samples.batch([{ index: 0, variation: { seed: 0, epoch } }], 1)["images"]!.data.join(),
      ),
    );
    const shown = (...values: number[]): string => Float32Array.from(values).join();
    expect([...seen].sort()).toEqual(
      [shown(0, 0), shown(0, 1), shown(1, 0.2), shown(0.2, 0)].sort(),
    );
  });
  test("steps are done in the order they are given", () => {
    const both: ImageData["augment"] = [{ kind: "crop", padding: 1 }, { kind: "flip" }];
    for (const i of many.slice(0, 50)) {
      const crop = of([both[0]!], i);
      const rows = [0, 4, 8].map((at) => crop.slice(at, at + 4));
      expect([crop, rows.flatMap((r) => r.reverse())]).toContainEqual(of(both, i));
    }
  });
  test("depends on seed, epoch and image; what is held out stays as it is", () => {
    const augment: ImageData["augment"] = [{ kind: "crop", padding: 4 }, { kind: "flip" }];
    const all = (epoch: number, seed: number): string =>
      many.map((i) => of(augment, i, epoch, seed).join()).join(";");
    expect(all(0, 1)).toBe(all(0, 1));
    expect(new Set([all(0, 1), all(1, 1), all(0, 2)]).size).toBe(3);
    expect(new Set(many.map((i) => of(augment, i).join())).size).toBeGreaterThan(30);
    expect(placesOf(augment, size, 0, undefined)).toBeUndefined();
  });
  test("any step can be asked for: a resumed run meets the same images", () => {
    const { train } = drawShapes({ kind: "shapes", train: 10, test: 1, size: 8, seed: 0 });
    const samples = imageSamples(train, [{ kind: "crop", padding: 2 }, { kind: "flip" }]);
    const order = () => trainingOrder(samples, 5, 4, 2);
    const [one, two] = [order(), order()];
    const forwards = [0, 1, 2, 3, 4].map((step) => one.batchAt(step));
    const backwards = [4, 3, 2, 1, 0].map((step) => two.batchAt(step)).reverse();
    expect(backwards).toEqual(forwards);
  });
});

test("images of another size than the model's are refused", async () => {
  const data = await load({ kind: "shapes", train: 1, test: 1, size: 8, seed: 0 }, memoryHost());
  const model = { height: 8, width: 8, channels: 1 };
  const info = { kind: "image", name: "M", layers: 1, classes: 10, parameters: 0, flopsPerImage: 0, config: {} } as const; // prettier-ignore
  expect(() => checkFits(data, { ...info, ...model })).toThrow(
    "shapes: holds images of 8×8×3, and the model reads 8×8×1",
  );
  expect(() => checkFits(data, { ...info, ...model, channels: 3 })).not.toThrow();
});
