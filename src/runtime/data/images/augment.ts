// How a training image is varied: which pixel of it each place of the result shows. Keyed by (seed, epoch, index), so that any
// step can be made again.
import type { ImageData } from "../../../bundle/manifest.ts";
import { randomStream, uniform } from "../../random.ts";
import type { Picked } from "../samples.ts";

interface Size {
  readonly height: number;
  readonly width: number;
}
/** For each place, row by row, that of the image; -1 outside of it. Undefined: the image itself. */
export const placesOf = (
  augment: ImageData["augment"],
  { height, width }: Size,
  index: number,
  variation: Picked["variation"],
): Int32Array | undefined => {
  if (variation === undefined || augment.length === 0) return undefined;
  const stream = randomStream(variation.seed, `augment/${variation.epoch}/${index}`);
  let drawn = 0;
  const draw = (): number => uniform(stream, drawn++);
  let places = Int32Array.from({ length: height * width }, (_, p) => p);
  const read = (from: (y: number, x: number) => number): void => {
    const before = places;
    places = before.map((_, p) => {
      const at = from(Math.floor(p / width), p % width);
      return at < 0 ? -1 : before[at]!;
    });
  };
  for (const step of augment) {
    if (step.kind === "flip") {
      if (draw() < 0.5) read((y, x) => y * width + width - 1 - x);
    } else {
      // the corner of the window on the image with `padding` places around it
      const [down, right] = [0, 1].map(() => Math.floor(draw() * (2 * step.padding + 1)));
      read((y, x) => {
        const [row, column] = [y + down! - step.padding, x + right! - step.padding];
        const inside = row >= 0 && row < height && column >= 0 && column < width;
        return inside ? row * width + column : -1;
      });
    }
  }
  return places;
};
