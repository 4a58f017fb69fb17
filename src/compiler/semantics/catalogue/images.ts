// SPC37xx: models that read images, and what they are trained on.
import { entry } from "../../diagnostics/entry.ts";

const image = (lines: string): string => `model M {\n${lines}\n}`;
const small = (lines: string): string =>
  image(
    `  input = image(8, 8, 3)\n  stem  = conv(4)\n${lines}\n  blocks 1 { unit = wide_basic(4) }\n  head = classifier(10)`,
  );
const trained = (lines: string): string =>
  `${small("")}\n\nrecipe R for M {\n  data = images(shapes(train: 64, test: 16, size: 8))\n${lines}\n}`;

export const imageEntries = [
  entry(
    3701,
    "key-of-other-input",
    "{key} belongs to models that read {other}, and this one reads {reads}",
    "What a model reads decides how it is built: tokens make a decoder of attention and feed-forward layers, images a residual network with a classifier. Each has keys of its own.",
    small("  context = 64"),
    small(""),
  ),
  entry(
    3702,
    "image-too-small",
    "{what} needs an image of at least {least}×{least}, and {height}×{width} is left",
    "Strides and pools make the image smaller on its way through the model; a window that is larger than what is left has no place to stand.",
    image(
      "  input = image(8, 8, 3)\n  stem  = conv(4, stride: 4)\n  blocks 1 { unit = wide_basic(4) }\n  head = classifier(10, pool: average(window: 4))",
    ),
    image(
      "  input = image(8, 8, 3)\n  stem  = conv(4, stride: 2)\n  blocks 1 { unit = wide_basic(4) }\n  head = classifier(10, pool: average(window: 4))",
    ),
  ),
  entry(
    3703,
    "even-kernel",
    "a kernel of {size} has no middle",
    "Convolutions here look as far to the left as to the right, so that at stride 1 an image keeps its size: the side of the window is odd.",
    image(
      "  input = image(8, 8, 3)\n  stem  = conv(4, kernel: 2)\n  blocks 1 { unit = wide_basic(4) }\n  head = classifier(10)",
    ),
    small(""),
  ),
  entry(
    3704,
    "pool-of-edges",
    "a window of {window} would stand on {pad} places outside of the image alone",
    "Places around the image count for nothing in a largest value; a window that lies on nothing else has none.",
    image(
      "  input = image(8, 8, 3)\n  stem  = conv(4, pool: max_pool(window: 3, pad: 2))\n  blocks 1 { unit = wide_basic(4) }\n  head = classifier(10)",
    ),
    image(
      "  input = image(8, 8, 3)\n  stem  = conv(4, pool: max_pool(window: 3, pad: 1))\n  blocks 1 { unit = wide_basic(4) }\n  head = classifier(10)",
    ),
  ),
  entry(
    3705,
    "data-of-other-input",
    "{data}(…) gives {gives}, and {model} reads {reads}",
    "A decoder is trained on text, an image model on images with their classes.",
    `${small("")}\n\nrecipe R for M { data = text("x.txt") }`,
    trained(""),
  ),
  entry(
    3706,
    "image-size-mismatch",
    "{source} holds images of {given}, and {model} reads {wanted}",
    "Images go into the model as they are: height, width and channels of the data are those of the model's input.",
    `${small("")}\n\nrecipe R for M { data = images(shapes(train: 64, test: 16, size: 16)) }`,
    trained(""),
  ),
  entry(
    3707,
    "too-few-classes",
    "{source} has {given} classes, and {model} chooses from {wanted}",
    "Every class of the data needs a logit.",
    `${small("").replace("classifier(10)", "classifier(3)")}\n\nrecipe R for M { data = images(shapes(train: 64, test: 16, size: 8)) }`,
    trained(""),
  ),
  entry(
    3708,
    "not-of-images",
    "{key} has no meaning for {model}, which reads images",
    "A sample is a text to generate, and tokens are pieces of text: a recipe for images has neither.",
    trained("  sample = sample(tokens: 10)"),
    trained(""),
  ),
  entry(
    3709,
    "number-for-each-channel",
    "{name} is a list of {given}, and channels is {channels}",
    "Each channel of an image is moved by a mean and divided by a deviation of its own.",
    small("").replace("image(8, 8, 3)", "image(8, 8, 3, mean: [0.5], std: [0.2, 0.2, 0.2])"),
    small("").replace(
      "image(8, 8, 3)",
      "image(8, 8, 3, mean: [0.5, 0.5, 0.5], std: [0.2, 0.2, 0.2])",
    ),
  ),
  entry(
    3710,
    "crop-past-image",
    "a crop may lie {padding} places past an image of {side}, where nothing of it is left",
    "The window of a crop moves by up to the padding either way; what it shows must still be some of the image.",
    trained("").replace("size: 8)", "size: 8), augment: crop(8)"),
    trained("").replace("size: 8)", "size: 8), augment: crop(2)"),
  ),
] as const;
