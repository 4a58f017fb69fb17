// The words of recipes for images: where they come from, how they are varied.
import type { Constructor, Key, SumType } from "../schema.ts";
import { counting, ctor, key, sum } from "./kit.ts";

export const imageDataSums: readonly SumType[] = [
  { name: "ImageSource", doc: "where images and their classes come from" },
  { name: "Augment", doc: "how a training image is varied each time it is seen" },
];

const folder = (doc: string): readonly Key[] => [
  key(
    "folder",
    { kind: "string" },
    `${doc}, from the project's folder on (that of the nearest package.json above, else this file's); with \`package\`, inside it`,
    {
      example: '"data"',
    },
  ),
  key("package", { kind: "string" }, "an installed npm package that holds the folder", {
    default: "none",
    optional: true,
  }),
];
export const imageDataConstructors: readonly Constructor[] = [
  ctor("Data", "images", "images with one class each; the source's own test images are held out", [
    key("source", sum("ImageSource"), "where they come from", {
      example: "shapes(train: 64, test: 16)",
    }),
    key(
      "augment",
      { kind: "list", of: { kind: "sum", name: "Augment" }, single: true },
      "what happens to a training image, in this order, anew in each epoch",
      { default: "[]" },
    ),
  ]),
  ctor(
    "ImageSource",
    "mnist",
    "the four IDX files of MNIST, or of a data set in the same form: 28×28 grey images of 10 classes",
    folder("folder of the files"),
    "yann.lecun.com/exdb/mnist",
  ),
  ctor(
    "ImageSource",
    "cifar10",
    "the binary files of CIFAR-10: 32×32 colour images of 10 classes",
    folder("folder of data_batch_1.bin … test_batch.bin"),
    "cs.toronto.edu/~kriz/cifar.html",
  ),
  ctor(
    "ImageSource",
    "cifar100",
    "the binary files of CIFAR-100: 32×32 colour images of 100 classes",
    [
      ...folder("folder of train.bin and test.bin"),
      key(
        "labels",
        {
          kind: "word",
          words: [
            { name: "fine", doc: "the 100 classes" },
            { name: "coarse", doc: "the 20 groups of classes" },
          ],
        },
        "which of its two labels an image has",
        { default: "fine" },
      ),
    ],
    "cs.toronto.edu/~kriz/cifar.html",
  ),
  ctor(
    "ImageSource",
    "shapes",
    "drawn shapes of 10 kinds in random colours, places and sizes: labels are exact, and no file is needed",
    [
      key("train", counting, "images to train on", { example: "64" }),
      key("test", counting, "images held out", { example: "16" }),
      key("size", { kind: "int", min: 8 }, "rows and columns", { default: "32" }),
      key("seed", { kind: "int", min: 0, max: 2 ** 32 - 1 }, "which images are drawn", {
        default: "0",
      }),
    ],
  ),
  ctor(
    "Augment",
    "crop",
    "a random window of the image's own size, out of the image with black around it",
    [key("padding", counting, "black places on each side", { default: "4" })],
    "arXiv 1512.03385, section 4.2",
  ),
  ctor("Augment", "flip", "left and right change places, for every other image at random"),
];
