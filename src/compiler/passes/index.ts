// The passes in the order in which a program goes through them, each with a name to dump after and verified in tests; at the
// end the ways through them that there are: one for each kind of engine.
import { InternalError } from "../diagnostics/types.ts";
import { rewriteGraph } from "../ir/rewrite.ts";
import type { Graph, Pass } from "../ir/types.ts";
import { verify } from "../ir/verify.ts";
import { expandComposites, type Keep } from "./expand.ts";
import { mergeProducts } from "./merge-products.ts";
import { mergeSums } from "./merge-sums.ts";
import { opByOp } from "./op-by-op.ts";
import { simplify } from "./simplify.ts";
import { sumsAsProducts } from "./sums-as-products.ts";
export { differentiate } from "./differentiate.ts";
export { expandComposites, type Keep } from "./expand.ts";
export { memoryEstimate } from "./memory.ts";
export { simplify } from "./simplify.ts";

/** Graphs are walked from their results, so a copy has no dead nodes: this numbers the rest anew. */
export const eliminateDead: Pass = {
  name: "eliminate-dead",
  doc: "keep what outputs and updates need",
  run: (graph) => rewriteGraph(graph, []),
};

export const pipeline = (keep: Keep): readonly Pass[] => [
  simplify,
  expandComposites(keep),
  { ...simplify, name: "simplify-expanded" },
  eliminateDead,
];

export interface PassOptions {
  /** Check the graph before and after each pass; a fault throws InternalError with the name of the pass. */
  readonly verify?: boolean;
  /** Sees the graph after each pass: `--print-ir=after:<pass>`. */
  readonly after?: (pass: string, graph: Graph) => void;
}
export const runPasses = (
  graph: Graph,
  passes: readonly Pass[],
  options: PassOptions = {},
): Graph => {
  const check = (pass: string, g: Graph): void => {
    const faults = options.verify === true ? verify(g) : [];
    if (faults.length > 0)
      throw new InternalError(`graph "${g.name}" after ${pass}: ${faults.join("; ")}`);
  };
  check("construction", graph);
  return passes.reduce((g, pass) => {
    const result = pass.run(g);
    check(pass.name, result);
    options.after?.(pass.name, result);
    return result;
  }, graph);
};

const nothing: Keep = new Set();

/** For an engine without ops of our own: primitive ones alone. */
export const inPrimitives = (graph: Graph): Graph =>
  runPasses(graph, [...pipeline(nothing), opByOp]);

/** For an engine that has nodes for some composites: they stay whole. */
export const inOwnOps = (graph: Graph, keep: Keep, options: PassOptions = {}): Graph =>
  runPasses(graph, [...pipeline(keep), opByOp], options);

/**
 * For XLA, which fuses what is small with what stands around it: fewer and larger products, and sums.
 * @param rounds whether the program goes round many times while no weight changes: weights are joined once for all rounds
 * @param onCpu whether it is a CPU that runs it
 */
export const forXla = (graph: Graph, keep: Keep, rounds: boolean, onCpu: boolean): Graph =>
  runPasses(graph, [
    ...pipeline(keep),
    mergeProducts(rounds),
    mergeSums,
    ...(onCpu ? [sumsAsProducts] : []),
    { ...simplify, name: "simplify-merged" },
  ]);
