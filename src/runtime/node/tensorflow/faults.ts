// TensorFlow's messages in the terms of the model: its nodes carry the model's paths, and the manifest knows their lines.
import { EngineFault } from "../../../bundle/engine.ts";
import type { Manifest } from "../../../bundle/manifest.ts";
import { placeOf } from "../../programs.ts";

/** tfjs-node says this before each message of a run. */
const PREFIX = /^Session fail to run with error: /;
const textOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).replace(PREFIX, "");

/** Functions that were inlined have the call's name before their nodes' own. */
const inlined = /^[^/]+\/call(?:\/xla|\/cudnn|\/check)?(?:\/(?:pass\/\d+|apply))?\//;

/** Nodes that a message names, innermost last: "{{node train_step/call/blocks.0/ffn/MatMul}}" -> "blocks.0/ffn/MatMul". */
const nodesIn = (text: string): readonly string[] =>
  [...text.matchAll(/\{\{node ([^}\s]+)\}\}/g)].map(([, node]) => node!.replace(inlined, ""));

/** What the checking form of a program stopped at. */
export const notFiniteNode = (error: unknown): string | undefined =>
  /^(\S+) : Tensor had /.exec(textOf(error))?.[1];

/** Whether a device refused one of the kernels for cards, and not something else in the program. */
export const lacksCardKernel = (error: unknown): boolean =>
  /cudnn|fmha|triton|platforms? required by the module/i.test(textOf(error));

/** What TensorFlow says first, without the names of nodes. */
export const reasonOf = (error: unknown): string => {
  const text = textOf(error).replace(/^\d+ root error\(s\) found\.\s*\(0\)\s*/, "");
  const [first = text] = text.split(/\n|\[\[/);
  return first.replaceAll(/\{\{(?:function_)?node [^}]*\}\}/g, "").trim();
};

/** A failed run as a fault of the engine, with the place in the `.arch` file where there is one. */
export const explain = (manifest: Manifest, error: unknown): EngineFault => {
  const text = textOf(error);
  const named = nodesIn(text)
    .map((node) => ({ node, place: placeOf(manifest, node) }))
    .findLast(({ place }) => place !== undefined);
  const where = named === undefined ? "" : `${named.node} (${named.place!}): `;
  return new EngineFault(
    `tensorflow: ${where}${reasonOf(error)}`,
    /OOM|out of memory|RESOURCE_EXHAUSTED/i.test(text)
      ? "give the recipe a smaller micro, checkpoint = block, or shorter sequences"
      : undefined,
  );
};
