// A program's graph as nodes for each way in which TensorFlow runs it.
import type { CardKernel } from "../../../bundle/manifest.ts";
import type { Graph, Node } from "../../ir/types.ts";
import { nodesOf } from "../../ir/walk.ts";
import { pipeline, runPasses } from "../../passes/index.ts";
import { CUDNN_ATTENTION, isFused } from "../cudnn-attention.ts";
import { CARD_PRODUCTS, isCardProduct, planGroupedProducts } from "../grouped-products.ts";
import { lowerGraph } from "../lower-graph.ts";
import { NATIVE, XLA } from "../xla.ts";
import type { Program } from "./parts.ts";

const isOnCard = (node: Node): boolean => isFused(node) || isCardProduct(node);

/** @param graphs before expansion */
export const cardKernelsOf = (graphs: readonly Graph[]): readonly CardKernel[] => {
  const nodes = graphs.flatMap(nodesOf);
  return [
    ...(nodes.some(isFused) ? (["cudnn-attention"] as const) : []),
    ...(nodes.some(isCardProduct) ? (["grouped-products"] as const) : []),
  ];
};

/** @param graph before expansion */
export const formsOf = (graph: Graph): Pick<Program, "graph" | "own"> => {
  const ready = runPasses(graph, pipeline(new Set()));
  const hasWideProducts = nodesOf(ready).some(
    (n) => n.op === "matMul" && n.attrs.out !== undefined,
  );
  return {
    graph: lowerGraph(ready, NATIVE),
    own: {
      ...(hasWideProducts ? { xla: lowerGraph(ready, XLA) } : {}),
      ...(nodesOf(graph).some(isOnCard)
        ? {
            cudnn: lowerGraph(planGroupedProducts(runPasses(graph, pipeline(isOnCard))), {
              ...XLA,
              ...CUDNN_ATTENTION,
              ...CARD_PRODUCTS,
            }),
          }
        : {}),
    },
  };
};
