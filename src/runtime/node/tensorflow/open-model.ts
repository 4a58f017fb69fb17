// One of a bundle's SavedModels, opened by TensorFlow: the worker's session, as the thread of the host sees it.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SavedModelSource } from "../../../bundle/engine.ts";
import type { HostState } from "../../../bundle/manifest.ts";
import {
  assignDone,
  assignNode,
  modelFolder,
  readNode,
  SAVED_MODEL_FILE,
  type ModelFile,
} from "../../../bundle/saved-model.ts";
import { sizeOf, type HostTensor } from "../../../bundle/tensor.ts";
import { asFault } from "../../host.ts";
import type { Device } from "./device.ts";
import type { Feeds } from "./graph-session.ts";

export interface OpenModel {
  /** Rejects with TensorFlow's own message. */
  run(
    feeds: Feeds,
    fetches: readonly string[],
    transfer?: readonly ArrayBuffer[],
  ): Promise<readonly HostTensor[]>;
  /** Tensors that runs have left, beside the state. */
  liveTensors(): number;
  close(): Promise<void>;
}

/** The folder of a file while `use` runs: the bundle's, or one made for it, since TensorFlow reads folders only. */
const withFolder = async <T>(
  source: SavedModelSource,
  file: ModelFile,
  use: (folder: string) => Promise<T>,
): Promise<T> => {
  if ("folder" in source) return use(modelFolder(file, source.folder));
  const folder = await mkdtemp(join(tmpdir(), "specc-saved-model-"));
  const path = join(folder, SAVED_MODEL_FILE);
  try {
    await writeFile(path, source.bytes(file)).catch((error: unknown) => {
      throw asFault(error, path, "writing a SavedModel for TensorFlow to read");
    });
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

export const openModel = async (
  device: Device,
  source: SavedModelSource,
  file: ModelFile,
): Promise<OpenModel> => {
  const { session } = await withFolder(source, file, (folder) => device.ask("open", { folder }));
  let live = 0;
  return {
    run: async (feeds, fetches, transfer) => {
      const { results, liveTensors } = await device.ask(
        "run",
        { session, feeds, fetches },
        transfer,
      );
      live = liveTensors;
      return results;
    },
    liveTensors: () => live,
    close: async () => {
      await device.ask("close", { session });
    },
  };
};

/**
 * Values that are written or moved at once: each such set of states is a graph that TensorFlow prepares anew, which takes longer
 * than copying them, and the host holds them twice meanwhile.
 */
export const GROUP_BYTES = 2 ** 30;

/** @param values nobody else holds: their buffers go */
export const assign = async (
  model: OpenModel,
  values: readonly (readonly [state: string, value: HostTensor])[],
): Promise<void> => {
  await model.run(
    values.map(([name, value]) => [assignNode(name), value]),
    values.map(([name]) => assignDone(name)),
    values.map(([, { data }]) => data.buffer as ArrayBuffer),
  );
};

/** Sessions of TensorFlow share no variables: their values go through the host. */
export const moveState = async (
  from: OpenModel,
  to: OpenModel,
  states: readonly HostState[],
): Promise<void> => {
  let group: HostState[] = [];
  let bytes = 0;
  for (const [i, entry] of states.entries()) {
    group.push(entry);
    bytes += 4 * sizeOf(entry.shape);
    if (bytes < GROUP_BYTES && i + 1 < states.length) continue;
    const values = await from.run(
      [],
      group.map(({ name }) => readNode(name)),
    );
    await assign(
      to,
      group.map(({ name }, at) => [name, values[at]!]),
    );
    [group, bytes] = [[], 0];
  }
};
