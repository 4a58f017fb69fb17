// A program's graph as nodes for each way in which TensorFlow runs it.
import type { CardKernel } from "../../../bundle/manifest.ts";
import { isDrawn, type Form } from "../../../bundle/saved-model.ts";
import type { Graph, Node } from "../../ir/types.ts";
import { nodesOf } from "../../ir/walk.ts";
import { forXla, inPrimitives } from "../../passes/index.ts";
import { CUDNN_ATTENTION, isFused, whyNotFused } from "../cudnn-attention.ts";
import { CARD_PRODUCTS, isCardProduct, planGroupedProducts } from "../grouped-products.ts";
import { lowerGraph } from "../lower-graph.ts";
import { DETERMINISTIC, NATIVE, XLA } from "../xla.ts";
import type { TfGraph } from "../tf-nodes.ts";
import type { Program } from "./parts.ts";
import { withScalarsTogether } from "./scalars.ts";

const isOnCard = (node: Node): boolean => isFused(node) || isCardProduct(node);

/** @param graphs before expansion */
export const cardKernelsOf = (graphs: readonly Graph[]): readonly CardKernel[] => {
  const nodes = graphs.flatMap(nodesOf);
  return [
    ...(nodes.some(isFused) ? (["cudnn-attention"] as const) : []),
    ...(nodes.some(isCardProduct) ? (["grouped-products"] as const) : []),
  ];
};

/** Why attention that they are for runs without cuDNN's kernels, each reason once. */
export const refusedKernelsOf = (graphs: readonly Graph[]): readonly string[] => [
  ...new Set(graphs.flatMap(nodesOf).flatMap((node) => whyNotFused(node) ?? [])),
];

/**
 * @param graph before expansion
 * @param deterministic whether a card shall give the same bits each time
 * @param onCpu whether it is a CPU that runs what XLA compiles
 */
export const graphsFor = (
  forms: readonly Form[],
  graph: Graph,
  deterministic = false,
  onCpu = false,
): Program["graphs"] => {
  const xla = deterministic ? DETERMINISTIC : XLA;
  const program = withScalarsTogether(graph);
  const isWritten = ({ op }: Node): boolean => op === "writeRows" && xla.writeRows !== "expand";
  const compiled = (keep: (node: Node) => boolean): Graph =>
    forXla(program, (node) => keep(node) || isWritten(node), isDrawn(graph.name), onCpu);
  const lowered = (form: Form): TfGraph => {
    switch (form) {
      case "plain":
        return lowerGraph(inPrimitives(program), NATIVE);
      case "check":
        return lowerGraph(inPrimitives(graph), NATIVE);
      case "xla":
        return lowerGraph(
          compiled(() => false),
          xla,
        );
      case "cudnn":
        return lowerGraph(planGroupedProducts(compiled(isOnCard)), {
          ...xla,
          ...CUDNN_ATTENTION,
          ...CARD_PRODUCTS,
        });
    }
  };
  return Object.fromEntries(forms.map((form) => [form, lowered(form)]));
};
