// Drawn shapes: ten kinds, each image with a shape and a ground of random colours, at a random place and of a random size, under
// a little noise. The label is the kind, exactly; nothing is read from a file. Image `i` of a part depends on the seed, the part
// and `i` alone.
import type { ImageSource } from "../../../bundle/manifest.ts";
import { randomStream, uniform, type RandomStream } from "../../random.ts";
import type { ImageSet, ImageSets } from "./image-set.ts";

/** Whether a place belongs to the shape; u to the right and v down, 1 being half of its extent. */
type Shape = (u: number, v: number) => boolean;
const square = (u: number, v: number): number => Math.max(Math.abs(u), Math.abs(v));
/** In the order of the labels. */
export const SHAPES: Readonly<Record<string, Shape>> = {
  disc: (u, v) => Math.hypot(u, v) < 1,
  ring: (u, v) => Math.hypot(u, v) < 1 && Math.hypot(u, v) > 0.6,
  square: (u, v) => square(u, v) < 0.9,
  frame: (u, v) => square(u, v) < 0.9 && square(u, v) > 0.5,
  triangle: (u, v) => v < 0.8 && v > -0.9 && Math.abs(u) < (v + 0.9) / 1.7,
  diamond: (u, v) => Math.abs(u) + Math.abs(v) < 1,
  plus: (u, v) => square(u, v) < 1 && Math.min(Math.abs(u), Math.abs(v)) < 0.3,
  cross: (u, v) => square(u, v) < 1 && Math.min(Math.abs(u - v), Math.abs(u + v)) < 0.4,
  "two bars across": (u, v) => Math.abs(u) < 1 && Math.abs(Math.abs(v) - 0.6) < 0.3,
  "two bars upright": (u, v) => Math.abs(v) < 1 && Math.abs(Math.abs(u) - 0.6) < 0.3,
};
const KINDS = Object.values(SHAPES);
const CHANNELS = 3;
const NOISE = 24;
/** Colours closer than this are drawn again: the shape must be there to be seen. */
const APART = 140;

const distance = (a: readonly number[], b: readonly number[]): number =>
  Math.hypot(...a.map((x, c) => x - b[c]!));

const drawOne = (stream: RandomStream, side: number, to: Uint8Array): number => {
  let drawn = 0;
  const draw = (): number => uniform(stream, drawn++);
  const colour = (): readonly number[] => [0, 1, 2].map(() => Math.floor(draw() * 256));
  const label = Math.floor(draw() * KINDS.length);
  const shape = KINDS[label]!;
  const half = side * (0.22 + 0.2 * draw());
  const [x0, y0] = [0, 1].map(() => half + draw() * (side - 2 * half));
  const ground = colour();
  let ink = colour();
  while (distance(ink, ground) < APART) ink = colour();
  for (let y = 0; y < side; y += 1)
    for (let x = 0; x < side; x += 1) {
      const inside = shape((x + 0.5 - x0!) / half, (y + 0.5 - y0!) / half);
      const noise = (draw() - 0.5) * 2 * NOISE;
      for (let c = 0; c < CHANNELS; c += 1) {
        const value = (inside ? ink : ground)[c]! + noise;
        to[(y * side + x) * CHANNELS + c] = Math.max(0, Math.min(255, Math.round(value)));
      }
    }
  return label;
};

const drawPart = (part: string, count: number, side: number, seed: number): ImageSet => {
  const pixels = new Uint8Array(count * side * side * CHANNELS);
  const labels = new Uint8Array(count);
  const size = side * side * CHANNELS;
  for (let i = 0; i < count; i += 1)
    labels[i] = drawOne(
      randomStream(seed, `shapes/${part}/${i}`),
      side,
      pixels.subarray(i * size, (i + 1) * size),
    );
  return { height: side, width: side, channels: CHANNELS, pixels, labels };
};

export const drawShapes = ({
  train,
  test,
  size,
  seed,
}: Extract<ImageSource, { kind: "shapes" }>): ImageSets => ({
  train: drawPart("train", train, size, seed),
  test: drawPart("test", test, size, seed),
});
