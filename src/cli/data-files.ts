// Whether the data of recipes is where they say, for `check`: told at its place in the recipe, with nothing read.
import { Reporter } from "../compiler/diagnostics/report.ts";
import type { Diagnostic } from "../compiler/diagnostics/types.ts";
import type { CheckResult } from "../compiler/analyze.ts";
import { dataOf } from "../compiler/emit/training.ts";
import { reportTo } from "../compiler/semantics/context.ts";
import { placeOf } from "../compiler/semantics/shapes.ts";
import { catalogue } from "../compiler/words.ts";
import { missingData } from "../runtime/data/missing.ts";
import { nodeHost } from "../runtime/node/host.ts";
import { projectRoot } from "./files.ts";

/** `path`: of the `.arch` file, absolute. */
export const dataComplaints = async (
  path: string,
  { recipes, origins }: CheckResult,
): Promise<readonly Diagnostic[]> => {
  const host = nodeHost({ root: projectRoot(path) });
  const reporter = new Reporter(catalogue);
  const report = reportTo((found) => reporter.report(found));
  for (const { name, data } of Object.values(recipes))
    for (const { at, fault } of await missingData(dataOf(data), host))
      report(
        "data-missing",
        placeOf(`recipes.${name}.data.${at}`, origins),
        { fault: fault.message },
        { help: fault.help === undefined ? [] : [fault.help] },
      );
  return reporter.diagnostics;
};
