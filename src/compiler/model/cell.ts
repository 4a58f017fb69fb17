// A block under construction: the stage that it stands on, and its own names, parameters and starts.
import type { BlockSpec, DecoderSpec } from "../semantics/spec.ts";
import type { Cell, Stage } from "./sites.ts";

/** The layers by which a sub-layer writes into the stream. */
const LAST: readonly string[] = ["o", "down"];

/** @param branch what stands before its names: "" or "heads.1." */
export const cellOf = (
  stage: Stage,
  model: DecoderSpec,
  block: BlockSpec,
  index: number,
  branch: string,
): Cell => {
  const place = `blocks.${index}`;
  const [path, disk] = [`${branch}${place}`, `${branch}model.layers.${index}`];
  return {
    ...stage,
    model,
    block,
    index,
    place,
    path,
    disk,
    startOf: (sub, part) => {
      const own = LAST.includes(part) ? block.out_init : null;
      const methods = stage.methods.map((method) => method.startOf?.(block, sub, part));
      return own ?? methods.find((start) => start !== undefined) ?? model.init;
    },
    param: (request) =>
      stage.params.get({
        ...request,
        name: `${path}.${request.name}`,
        diskName: `${disk}.${request.diskName}`,
      }),
  };
};
