// A SavedModel's graph in a session of tfjs-node's binding, without the tensors of tfjs around it: nodes are fed and fetched by
// name, and a run does what leads to what it fetches. So state can be filled and read in groups of any size.
import type { DType } from "../../../bundle/manifest.ts";
import type { HostTensor } from "../../../bundle/tensor.ts";
import { TAG } from "../../../bundle/saved-model.ts";

type Data = HostTensor["data"];
/** What is used of the binding (tfjs-node 4). Tensors are numbers; a run's results belong to the caller. */
export interface GraphBinding {
  createTensor(shape: readonly number[], dtype: number, data: Data): number;
  deleteTensor(id: number): void;
  tensorDataSync(id: number): Data;
  loadSavedModel(folder: string, tags: string): number;
  deleteSavedModel(id: number): void;
  /** @param inputs and outputs node names, separated by commas; an output may say ":number" */
  runSavedModel(
    id: number,
    tensors: readonly number[],
    inputs: string,
    outputs: string,
  ): readonly { readonly id: number; readonly shape: readonly number[]; readonly dtype: number }[];
}

export type Feeds = readonly (readonly [node: string, value: HostTensor])[];
export interface GraphSession {
  /** One `Session::Run`, blocking the thread until it is done. Throws TensorFlow's message, cut to 500 characters. */
  run(feeds: Feeds, fetches: readonly string[]): readonly HostTensor[];
  close(): void;
}

/** DataType of TensorFlow's types.proto. */
const DATA_TYPES: Readonly<Record<DType, number>> = { f32: 1, i32: 3, bool: 10 };
const dtypeOf = (type: number): DType => {
  const found = (["f32", "i32", "bool"] as const).find((dtype) => DATA_TYPES[dtype] === type);
  if (found === undefined) throw new TypeError(`a program returned TensorFlow's type ${type}`);
  return found;
};

/**
 * The values at an odd address, copied unless they lie so already. TensorFlow takes arrays on 64-byte boundaries as they are, without copying: a variable assigned
 * from one would change with it, and would release it on a thread that must not touch JavaScript. It copies all others at once.
 */
export const unaligned = <T extends Float32Array | Int32Array | Uint8Array>(data: T): T =>
  data.byteOffset % 8 === 0 ? unalignedCopy(data) : data;

/** Of values that may change or go. */
export const unalignedCopy = <T extends Float32Array | Int32Array | Uint8Array>(data: T): T => {
  const shift = data.BYTES_PER_ELEMENT;
  const copy = new (
    data.constructor as new (buffer: ArrayBuffer, offset: number, length: number) => T
  )(new ArrayBuffer(data.byteLength + shift), shift, data.length);
  copy.set(data);
  return copy;
};

export const openGraph = (binding: GraphBinding, folder: string): GraphSession => {
  const graph = binding.loadSavedModel(folder, TAG);
  return {
    run: (feeds, fetches) => {
      const fed: number[] = [];
      try {
        for (const [, { shape, dtype, data }] of feeds)
          fed.push(binding.createTensor(shape, DATA_TYPES[dtype], unaligned(data)));
        const inputs = feeds.map(([node]) => node).join(",");
        const results = binding.runSavedModel(graph, fed, inputs, fetches.join(","));
        return results.map(({ id, shape, dtype }) => {
          const data = binding.tensorDataSync(id);
          binding.deleteTensor(id);
          return { dtype: dtypeOf(dtype), shape, data };
        });
      } finally {
        for (const id of fed) binding.deleteTensor(id);
      }
    },
    close: () => binding.deleteSavedModel(graph),
  };
};
