// A whole image model: stem, residual units, final norm, classifier. Legend: B batch, H × W image, C channels.
import type { Init } from "../../bundle/manifest.ts";
import type { Dim, Node } from "../ir/types.ts";
import type { ImageSpec, Variant } from "../semantics/spec.ts";
import { buildBody, type Forward } from "./body.ts";
import { flag, number, numbers, optionalVariant, variant } from "./config.ts";
import { averagePool, convolve } from "./convolution.ts";
import { initOf, linear } from "./layers.ts";
import { normalise } from "./norms.ts";
import { add, dim, div, relu, sub } from "./ops.ts";
import { kindOf } from "./sites.ts";
import type { Stage } from "./sites.ts";

/** [B, H, W, C] of what the model reads. */
export const imageShape = ({ input }: ImageSpec, batch: number): readonly Dim[] => [
  dim("batch", batch),
  dim("height", number(input, "height")),
  dim("width", number(input, "width")),
  dim("channels", number(input, "channels")),
];

/** images f32 [B, H, W, C] -> logits [B, classes] and the states of the units. */
export const imageModel = (stage: Stage, model: ImageSpec, images: Node): Forward => {
  const { blocks, final_norm: norm, init } = model;
  return buildBody(stage, model, {
    stemPlace: "stem",
    stem: (branch) => stem(stage, model, images, branch),
    block: (x, i, branch) => {
      const { unit, first } = blocks[i]!;
      const place = { path: `${branch}blocks.${i}`, first, init };
      return kindOf(stage.kinds.unit, unit)(stage, unit, x, place);
    },
    pick: (x) => x,
    finalNorm:
      norm === null
        ? undefined
        : (x, branch) => {
            const name = `${branch}final_norm`;
            return relu(stage.b, normalise(stage, norm, x, { path: name, disk: name }));
          },
    head: (x, branch) => classifier(stage, model, x, `${branch}head`),
  });
};

/** Pixels from 0 to 1 as the model means them: (x - mean) / std in each channel. */
const scaled = ({ b }: Stage, input: Variant, x: Node): Node => {
  const each = (key: string): Node | undefined => {
    if (input[key] === null || input[key] === undefined) return undefined;
    const values = numbers(input, key).map(Math.fround);
    return b.emit("constant", [], { dtype: "f32", shape: [x.type.shape.at(-1)!], values });
  };
  const [mean, std] = [each("mean"), each("std")];
  const moved = mean === undefined ? x : sub(b, x, mean);
  return std === undefined ? moved : div(b, moved, std);
};

const stem = (
  stage: Stage,
  { input, stem: spec, init }: ImageSpec,
  x: Node,
  branch: string,
): Node => {
  const { b } = stage;
  const y = convolve(stage, scaled(stage, input, x), {
    path: `${branch}stem`,
    out: dim("channels", number(spec, "channels")),
    kernel: number(spec, "kernel"),
    stride: number(spec, "stride"),
    init,
  });
  const norm = optionalVariant(spec, "norm");
  const name = `${branch}stem_norm`;
  const active = norm === null ? y : relu(b, normalise(stage, norm, y, { path: name, disk: name }));
  const pool = optionalVariant(spec, "pool");
  if (pool === null) return active;
  return b.emit("maxPool", [active], {
    window: number(pool, "window"),
    stride: number(pool, "stride"),
    pad: number(pool, "pad"),
  });
};

/** x [B, H, W, C] -> [B, classes] */
const classifier = (stage: Stage, model: ImageSpec, x: Node, path: string): Node => {
  const { b, params } = stage;
  const { head } = model;
  const init = optionalVariant(head, "init") ?? model.init;
  const features = averagePool(stage, variant(head, "pool"), x); // [B, F]
  const F = features.type.shape.at(-1)!.size;
  const out = dim("classes", number(head, "classes"));
  const logits = linear(b, params, features, { path, disk: path, out, bias: false, init });
  if (!flag(head, "bias")) return logits;
  // PyTorch's linear layers draw their bias as they draw their weight
  const start: Init =
    init.is === "fan_in" ? initOf(init, F, out.size) : { kind: "constant", value: 0 };
  const bias = params.get({
    name: `${path}.bias`,
    diskName: `${path}.bias`,
    shape: [out],
    init: start,
    role: "bias",
  });
  return add(b, logits, bias);
};
