// The inputs of `specc forward`, from a safetensors file that people wrote with their own tools.
import { IGNORED } from "../bundle/targets.ts";
import { readSafetensors } from "../bundle/safetensors.ts";
import type { HostTensor, Tensors } from "../bundle/tensor.ts";
import type { Binding } from "../compiler/model/reading.ts";
import type { DecoderSpec, ImageSpec, ModelSpec } from "../compiler/semantics/spec.ts";
import { CliError } from "./errors.ts";
import { readBytes } from "./files.ts";

const table = (tensors: Tensors, name: string, file: string): HostTensor | undefined => {
  const tensor = tensors[name];
  if (tensor === undefined) return undefined;
  if (tensor.shape.length !== 2)
    throw new CliError(
      `${file}: ${name} is [${tensor.shape.join(", ")}], expected [batch, positions]`,
      [],
      1,
    );
  // of truth values only a mask can be made
  if (tensor.dtype === "f32" || (tensor.dtype === "bool" && name !== "attention_mask"))
    throw new CliError(
      `${file}: ${name} holds ${tensor.dtype === "f32" ? "floats" : "truth values"}, expected whole numbers`,
      ["write it as I64, I32, I16, I8, U16 or U8"],
      1,
    );
  return tensor;
};
const sameShape = (x: HostTensor, ids: HostTensor, name: string, file: string): HostTensor => {
  if (x.shape.join() === ids.shape.join()) return x;
  throw new CliError(
    `${file}: ${name} is [${x.shape.join(", ")}], input_ids is [${ids.shape.join(", ")}]`,
    [],
    1,
  );
};

export interface Inputs {
  readonly binding: Binding;
  /** The inputs of the program. */
  readonly tensors: Tensors;
}

/** A causal model sees no position to the right, so a mask that only cuts off ends changes no kept position. */
const checkMask = (mask: HostTensor, sequence: number, file: string): void => {
  for (let i = 0; i < mask.data.length; i++) {
    const first = i % sequence === 0;
    if (mask.data[i] !== 0 && mask.data[i] !== 1)
      throw new CliError(`${file}: attention_mask holds ${mask.data[i]!}; expected 0 and 1`, [], 1);
    if (mask.data[i] === 1 && !first && mask.data[i - 1] === 0)
      throw new CliError(
        `${file}: attention_mask hides positions before visible ones`,
        ["pad on the right: zeros may only stand at the end of a row"],
        1,
      );
  }
};

const heldBy = (tensors: Tensors): string => {
  const names = Object.keys(tensors);
  const more = names.length > 4 ? ` and ${names.length - 4} more` : "";
  return names.length === 0
    ? "it holds no tensors"
    : `it holds ${names.slice(0, 4).join(", ")}${more}`;
};

/** input_ids [B, T], with labels or an attention mask of that shape; the targets are the labels shifted by one. */
const readTokens = (
  tensors: Tensors,
  shown: string,
  { vocab_size: vocabSize, context }: DecoderSpec,
): Inputs => {
  const ids = table(tensors, "input_ids", shown);
  if (ids === undefined) throw new CliError(`${shown}: no tensor input_ids`, [heldBy(tensors)], 1);
  const [batch = 0, sequence = 0] = ids.shape;
  if (batch === 0 || sequence === 0) throw new CliError(`${shown}: input_ids is empty`, [], 1);
  if (sequence > context)
    throw new CliError(
      `${shown}: ${sequence} positions, but the model's context is ${context}`,
      [`--set context=${sequence} tries it nevertheless`],
      1,
    );
  const foreign = ids.data.find((id) => id < 0 || id >= vocabSize);
  if (foreign !== undefined)
    throw new CliError(
      `${shown}: input_ids holds ${foreign}, outside of the vocabulary of ${vocabSize}`,
      [],
      1,
    );
  const mask = table(tensors, "attention_mask", shown);
  if (mask !== undefined) checkMask(sameShape(mask, ids, "attention_mask", shown), sequence, shown);
  const given = table(tensors, "labels", shown);
  const labels = given === undefined ? ids : sameShape(given, ids, "labels", shown);
  const label = (i: number): number =>
    given === undefined && mask?.data[i] === 0 ? IGNORED : labels.data[i]!;
  const targets = Int32Array.from(ids.data, (_id, i) =>
    (i + 1) % sequence === 0 ? IGNORED : label(i + 1),
  );
  const wrong = targets.find((id) => id !== IGNORED && (id < 0 || id >= vocabSize));
  if (wrong !== undefined)
    throw new CliError(`${shown}: labels holds ${wrong}, neither ${IGNORED} nor a token`, [], 1);
  const shape = [batch, sequence];
  return {
    binding: { batch, sequence },
    tensors: {
      input_ids: { dtype: "i32", shape, data: Int32Array.from(ids.data) },
      targets: { dtype: "i32", shape, data: targets },
    },
  };
};

/** images f32 [B, H, W, C], with labels [B] where the loss is wanted. */
const readImages = (tensors: Tensors, shown: string, { input, head }: ImageSpec): Inputs => {
  const images = tensors["images"];
  if (images?.dtype !== "f32")
    throw new CliError(`${shown}: no tensor images of floats`, [heldBy(tensors)], 1);
  const [batch = 0, ...sides] = images.shape;
  const wanted = ["height", "width", "channels"].map((key) => Number(input[key]));
  if (batch === 0 || sides.join() !== wanted.join())
    throw new CliError(
      `${shown}: images is [${images.shape.join(", ")}], expected [batch, ${wanted.join(", ")}]`,
      [],
      1,
    );
  const labels = tensors["labels"];
  if (labels !== undefined && labels.shape.join() !== String(batch))
    throw new CliError(
      `${shown}: labels is [${labels.shape.join(", ")}], expected [${batch}]`,
      [],
      1,
    );
  const classes = Number(head["classes"]);
  const wrong = labels?.data.find(
    (x) => x !== IGNORED && !(Number.isInteger(x) && x >= 0 && x < classes),
  );
  if (wrong !== undefined)
    throw new CliError(`${shown}: labels holds ${wrong}, neither ${IGNORED} nor a class`, [], 1);
  const targets =
    labels === undefined ? new Int32Array(batch).fill(IGNORED) : Int32Array.from(labels.data);
  return {
    binding: { batch },
    tensors: { images, targets: { dtype: "i32", shape: [batch], data: targets } },
  };
};

export const readInputs = (path: string, shown: string, model: ModelSpec): Inputs => {
  const { tensors } = readSafetensors(readBytes(path, shown), shown);
  return model.kind === "decoder"
    ? readTokens(tensors, shown, model)
    : readImages(tensors, shown, model);
};
