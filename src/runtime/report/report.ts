import type { Manifest } from "../../bundle/manifest.ts";
import type { TrainResult } from "../train/loop.ts";

export interface ReportInput {
  readonly manifest: Manifest;
  readonly engine: string;
  readonly seed: number;
  readonly result: TrainResult;
  readonly sample: string | undefined;
  readonly source: string | undefined;
}
export const renderReport = (input: ReportInput): string =>
  JSON.stringify(input.result.evaluation ?? null);
