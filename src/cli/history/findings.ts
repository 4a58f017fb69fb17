// What of a run is worth a look: what the methods of its model say of their measures, and a training that came to no number.
import { findingsOf, type Finding, type Measured } from "../../compiler/findings.ts";
import { keysOf, readName } from "../../runtime/report/families.ts";
import type { Row } from "../../runtime/train/metrics.ts";
import { CliError } from "../errors.ts";
import type { Io } from "../io.ts";
import { bundleIn } from "../out-folder.ts";
import { bundleTarget } from "../target.ts";

export type { Finding } from "../../compiler/findings.ts";

const isNumbers = (value: Row[string]): value is readonly number[] =>
  Array.isArray(value) && value.every((x) => typeof x === "number");

const measuresOf = (rows: readonly Row[]): readonly Measured[] =>
  keysOf(rows).flatMap((key) => {
    const [quantity, place] = readName(key) ?? [];
    if (quantity === undefined || place === undefined || place === "") return [];
    const values = rows.flatMap(({ step, [key]: value }) =>
      typeof step === "number" &&
      value !== undefined &&
      (typeof value === "number" || isNumbers(value))
        ? [{ step, value }]
        : [],
    );
    return [{ quantity, place, values }];
  });

/** JSON knows no NaN: a row names the values that were none. */
const brokenIn = (rows: readonly Row[]): readonly Finding[] =>
  rows.flatMap(({ step, nonfinite }) =>
    typeof step !== "number" || !Array.isArray(nonfinite)
      ? []
      : ["train/loss", "train/grad_norm"]
          .filter((name) => nonfinite.some((broken) => broken === name))
          .map((quantity) => ({ quantity, place: "", step, text: "is no finite number" })),
  );

/** @param spec hash of what was trained; a folder that has another spec by now says nothing of the run. */
export const findingsIn = (
  io: Io,
  folder: string,
  spec: unknown,
  rows: readonly Row[],
): readonly Finding[] => {
  const broken = brokenIn(rows);
  if (bundleIn(folder)?.specHash !== spec) return broken;
  try {
    return [...broken, ...findingsOf(bundleTarget(io, folder).model, measuresOf(rows))];
  } catch (error) {
    // the record stands without the spec
    if (error instanceof CliError) return broken;
    throw error;
  }
};
