// In which form the programs of a bundle run on a device.
import type { Manifest } from "../../../bundle/manifest.ts";
import { wholeStep, type ModelFile, type RunForm } from "../../../bundle/saved-model.ts";

export interface Forms {
  /** Of programs that change parameters, or add to what will change them. */
  readonly training: RunForm;
  readonly others: RunForm;
  /** Whether several runs of a program may be one: on a card the host would be waited for, on a CPU progress would be. */
  readonly groups: boolean;
}

/**
 * XLA compiles a training step for seconds on a CPU, and then saves a quarter of each (measured): at least three times what it
 * costs, from so many floating-point operations of a whole training on.
 */
const WORTH_FLOPS = 1e13;

/** What the choice depends on. */
interface Facts extends Pick<Manifest, "programs" | "cardKernels"> {
  readonly training: Pick<
    NonNullable<Manifest["training"]>,
    "batch" | "micro" | "totalSteps"
  > | null;
  readonly numerics: Pick<Manifest["numerics"], "deterministic">;
}

/** Depends on the bundle alone: a run that goes on computes what it would have without the stop, bit for bit. */
const isWorthCompiling = ({ programs, training }: Facts): boolean => {
  const update =
    programs.find(({ name }) => name === "train_step") ?? wholeStep(programs, training)?.entry;
  return (
    training !== null && update !== undefined && update.flops * training.totalSteps >= WORTH_FLOPS
  );
};

/**
 * @param xla the user's wish, for all programs
 * @param useKernels whether kernels for cards may take part
 */
export const formsFor = (
  manifest: Facts,
  onCard: boolean,
  { xla, useKernels }: { readonly xla?: boolean; readonly useKernels: boolean },
): Forms => {
  const { cardKernels, numerics } = manifest;
  // the gradient of fused attention is summed up in any order
  const repeats = !cardKernels.includes("cudnn-attention") || !numerics.deterministic;
  const compiled = cardKernels.length > 0 && useKernels && onCard && repeats ? "cudnn" : "xla";
  const others = (xla ?? onCard) ? compiled : "plain";
  const compiles = xla ?? (onCard || isWorthCompiling(manifest));
  return {
    training: compiles ? compiled : "plain",
    others,
    groups: others !== "plain",
  };
};

/** The file that has them. */
export const fileFor = ({ others }: Forms): ModelFile => (others === "plain" ? "main" : others);
