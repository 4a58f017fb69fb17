// What a training is told, and what it tells: while it runs and when it ends.
import type { LoadedData } from "../data/index.ts";
import type { Evaluation } from "./evaluate.ts";
import type { Row } from "./metrics.ts";

export interface Progress {
  readonly step: number;
  readonly totalSteps: number;
  readonly loss: number;
  readonly learningRate: number;
  readonly gradNorm: number;
  /** Tokens or images, as `unit` says. */
  readonly perSecond: number;
  readonly unit: "tokens" | "images";
  readonly secondsLeft: number;
}
export interface TrainOptions {
  readonly outDir: string;
  readonly data: LoadedData;
  /** Where relative paths of the data begin, seen from `outDir`; recorded for who opens the run later. */
  readonly dataRoot?: string | undefined;
  /** Instead of the recipe's. */
  readonly seed?: number | undefined;
  /** Stop after this update; the schedule stays the recipe's. */
  readonly steps?: number | undefined;
  /** A checkpoint's folder, or "latest". */
  readonly resumeFrom?: string | undefined;
  /** Weights to start from instead of the seed's: all of them. */
  readonly begin?:
    | {
        readonly from: string;
        /** @param values whether they are read too, or only names and shapes */
        readonly check: (values: boolean) => Promise<void>;
        readonly load: () => Promise<void>;
      }
    | undefined;
  /** Saves, then ends. */
  readonly signal?: AbortSignal | undefined;
  /** Called when data, tokenizer and checkpoint are open, before anything is written to `outDir`. */
  readonly beforeWriting?: (() => void | Promise<void>) | undefined;
  /** Called when the first update is about to run: from then on, what is stopped is saved. */
  readonly beforeSteps?: (() => void) | undefined;
  readonly onStep?: ((progress: Progress) => void) | undefined;
  readonly onEvaluation?: ((step: number, evaluation: Evaluation) => void) | undefined;
  /** The session holds a model that somebody may go on with: a training that cannot begin leaves it as it is. */
  readonly inUse?: boolean | undefined;
  /** Samples looked at on the way, and at the end. */
  readonly evaluationSamples?: readonly [during: number, end: number];
}
export interface TrainResult {
  readonly status: "finished" | "interrupted";
  readonly step: number;
  readonly totalSteps: number;
  /** Of the run: a resumed one keeps that of its checkpoint. */
  readonly seed: number;
  /** Of the last step; undefined when there was none left to do. */
  readonly loss: number | undefined;
  readonly evaluation: Evaluation | undefined;
  readonly checkpoint: string | undefined;
  readonly history: readonly Row[];
  readonly seconds: number;
}
