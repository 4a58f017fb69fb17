// The engine "tensorflow": whole programs as graphs of TensorFlow, through tfjs-node's binding, in a thread of its own.
import type { Engine } from "../../../bundle/engine.ts";
import { FileFault } from "../../../bundle/file-fault.ts";
import type { Numerics } from "../../../bundle/manifest.ts";
import { openDevice, type Device } from "./device.ts";
import type { LoadOptions } from "./environment.ts";
import { formsFor } from "./forms.ts";
import { findLibrary } from "./library.ts";
import { openSession } from "./session.ts";

export interface TensorflowOptions extends LoadOptions {
  /** Whether programs are compiled by XLA; unless told otherwise all are on a card, and on the CPU long trainings. */
  readonly xla?: boolean;
  /** Whether kernels for cards are used where the model has a place for them; true unless told otherwise. */
  readonly cardKernels?: boolean;
  /** Where the library is looked for; the process's own environment unless given. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);

export const tensorflowEngine = (options: TensorflowOptions = {}): Engine => {
  const { xla, env, xlaCache, cardKernels: useKernels = true, ...load } = options;
  const start = async (numerics?: Numerics): Promise<Device | { readonly reason: string }> => {
    const found = await findLibrary({ gpu: load.gpu, ...(env === undefined ? {} : { env }) });
    if ("reason" in found) return { reason: `${found.reason} (${found.help} adds it)` };
    // what XLA makes for a CPU fits that CPU alone, and a cache may be shared by several
    const keeps = found.gpu && xlaCache !== undefined;
    try {
      return await openDevice(found, {
        ...load,
        ...(keeps ? { xlaCache } : {}),
        ...(numerics && { deterministic: numerics.deterministic, tf32: numerics.tf32 }),
      });
    } catch (error) {
      return { reason: `${found.folder} cannot be loaded: ${messageOf(error)}` };
    }
  };
  return {
    name: "tensorflow",
    available: async (numerics) => {
      const device = await start(numerics);
      return "reason" in device ? device.reason : undefined;
    },
    open: async ({ manifest, savedModel }, onNotice) => {
      if (savedModel === undefined)
        throw new FileFault(
          "engine tensorflow",
          "the bundle holds no SavedModel",
          "build it with --engine tensorflow",
        );
      const device = await start(manifest.numerics);
      if ("reason" in device) throw new FileFault("engine tensorflow", device.reason);
      const forms = formsFor(manifest, device.onCard, {
        ...(xla === undefined ? {} : { xla }),
        useKernels,
      });
      return openSession(device, manifest, savedModel, forms, onNotice);
    },
  };
};
