// What a model reads: the inputs of a program that goes through it once, and the model applied to them.
import { InternalError } from "../diagnostics/types.ts";
import type { Dim, Node } from "../ir/types.ts";
import type { ModelSpec } from "../semantics/spec.ts";
import type { Forward } from "./body.ts";
import { imageModel, imageShape } from "./image.ts";
import { dim } from "./ops.ts";
import type { Stage } from "./sites.ts";
import { decoder } from "./transformer.ts";

export interface Binding {
  readonly batch: number;
  /** Tokens of each row; images have none. */
  readonly sequence?: number;
}
export interface Reading {
  /** `input_ids` i32 [B, T], or `images` f32 [B, H, W, C]. */
  readonly data: Node<"input">;
  /** What each should be answered with: i32 [B, T], or [B] of images. */
  readonly targets: Node<"input">;
  readonly forward: Forward;
}

export const readModel = (stage: Stage, model: ModelSpec, binding: Binding): Reading => {
  const { b } = stage;
  const { batch, sequence } = binding;
  const input = (name: string, dtype: "f32" | "i32", shape: readonly Dim[]): Node<"input"> =>
    b.emit("input", [], { name, dtype, shape });
  const B = dim("batch", batch);
  if (model.kind === "image") {
    const data = input("images", "f32", imageShape(model, batch));
    const targets = input("targets", "i32", [B]);
    return { data, targets, forward: imageModel(stage, model, data) };
  }
  if (sequence === undefined) throw new InternalError("a decoder without the length of its rows");
  const shape = [B, dim("seq", sequence)];
  const data = input("input_ids", "i32", shape);
  const targets = input("targets", "i32", shape);
  return { data, targets, forward: decoder(stage, model, data) };
};
