// Golden checkpoints as `specc import` sees them: the model of config.json, and the weights under specc's names.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { decodeTensor } from "../../src/bundle/number-formats.ts";
import { accountOf, type Account } from "../../src/compiler/huggingface/account.ts";
import {
  importConfig,
  layoutFor,
  shapesOf,
  type Config,
  type Imported,
  type Layout,
} from "../../src/compiler/huggingface/index.ts";
import { asOurs, withPrefix } from "../../src/compiler/huggingface/views.ts";
import { nodeHost } from "../../src/runtime/node/index.ts";
import { openWeights } from "../../src/runtime/train/checkpoint.ts";
import type { Tensors } from "./golden.ts";

export const dataFolder = (name: string): string =>
  fileURLToPath(new URL(`data/${name}/`, import.meta.url));

export interface Checkpoint {
  readonly imported: Imported;
  readonly layout: Layout;
  readonly account: Account;
  /** By specc's names on disk. */
  readonly weights: Tensors;
}
/** @param set keys that config.json lacks */
export const openCheckpoint = async (
  name: string,
  set: Config = {},
  weightsOf = name,
): Promise<Checkpoint> => {
  const json = readFileSync(`${dataFolder(name)}config.json`, "utf8");
  const config = { ...(JSON.parse(json) as Config), ...set };
  const file = await openWeights(nodeHost(), dataFolder(weightsOf));
  const imported = importConfig(config, {
    file: "config.json",
    tensors: new Set(file.infos.keys()),
    name: "Golden",
    doc: () => [],
  });
  const stored = withPrefix(file, imported.family.prefix);
  const ours = shapesOf(imported.model);
  const layout = layoutFor(imported.family, ours);
  const tied = imported.model.head["tied"] === true;
  const account = accountOf(imported.family, layout, ours, stored.infos, tied);
  const view = asOurs(stored, layout, ours);
  const weights: Record<string, Tensors[string]> = {};
  for (const [tensor, { format, shape }] of view.infos) {
    const read = decodeTensor(format, shape, await view.readBytes(tensor));
    if (typeof read === "string") throw new Error(read);
    weights[tensor] = { shape, data: Float64Array.from(read.data) };
  }
  await file.close();
  return { imported, layout, account, weights };
};

/** The gradients of a golden file, under specc's names on disk. */
export const gradientsOf = (expected: Tensors, layout: Layout): Tensors =>
  Object.fromEntries(
    [...layout].flatMap(([theirs, made]) => {
      const grad = expected[`grad.${theirs}`];
      return grad === undefined || typeof made !== "string" ? [] : [[`grad.${made}`, grad]];
    }),
  );
