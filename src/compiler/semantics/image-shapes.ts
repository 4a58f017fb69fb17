// The sizes of an image on its way through a model: every window finds a place to stand.
import { numberOf, variantOf } from "./spec-values.ts";
import { reportValue, type Context } from "./context.ts";
import { placeOf } from "./shapes.ts";
import type { Origin, Value } from "./spec.ts";

type Record_ = Readonly<Record<string, Value | undefined>>;
interface Size {
  readonly height: number;
  readonly width: number;
}

const shrink = (size: Size, by: (side: number) => number): Size => ({
  height: by(size.height),
  width: by(size.width),
});
/** An odd window with half of it around the image keeps ⌈side / stride⌉ places. */
const strided = (size: Size, stride: number): Size =>
  shrink(size, (side) => Math.ceil(side / stride));

export const checkImageShapes = (
  model: Record_,
  blocks: readonly Record_[],
  root: string,
  origins: ReadonlyMap<string, Origin>,
  ctx: Context,
): void => {
  const [input, stem] = [variantOf(model["input"]), variantOf(model["stem"])];
  const [height, width] = [numberOf(input?.["height"]), numberOf(input?.["width"])];
  if (height === undefined || width === undefined || stem === undefined) return;
  let size = strided({ height, width }, numberOf(stem["stride"]) ?? 1);
  const fits = (what: string, least: number, path: string): void => {
    if (size.height < least || size.width < least)
      reportValue(ctx, "image-too-small", placeOf(`${root}.${path}`, origins), {
        what,
        least,
        ...size,
      });
  };
  const pool = variantOf(stem["pool"]);
  const [window, stride, pad] = ["window", "stride", "pad"].map((k) => numberOf(pool?.[k]));
  if (window !== undefined && stride !== undefined && pad !== undefined) {
    fits("the stem's pool", window - 2 * pad, "stem.pool.window");
    size = shrink(size, (side) => Math.floor((side + 2 * pad - window) / stride) + 1);
  }
  for (const block of blocks) {
    const own = variantOf(variantOf(block["unit"])?.["stride"]);
    const by = numberOf(own?.["stride"]) ?? 1;
    size = strided(size, own?.is === "first" && block["first"] !== true ? 1 : by);
  }
  const last = numberOf(variantOf(variantOf(model["head"])?.["pool"])?.["window"]);
  if (last !== undefined) fits("the classifier's pool", last, "head.pool.window");
};
