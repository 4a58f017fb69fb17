// A program whose f32 scalars are one result: what `resultsOf` says of its outputs.
import { SCALARS } from "../../../bundle/saved-model.ts";
import { copied } from "../../ir/rewrite.ts";
import { dims } from "../../ir/shape.ts";
import type { Graph } from "../../ir/types.ts";

type Output = Graph["outputs"][number];
const isScalar = ({ node: { type } }: Output): boolean =>
  type.dtype === "f32" && type.shape.length === 0;

export const withScalarsTogether = (graph: Graph): Graph => {
  if (!graph.outputs.some(isScalar)) return graph;
  const { b, graph: same } = copied(graph);
  const shape = dims(1);
  const scalars = same.outputs
    .filter(isScalar)
    .map(({ node }) => b.emit("reshape", [node], { shape }));
  return {
    ...same,
    outputs: [
      { name: SCALARS, node: b.emit("concat", scalars, { axis: 0 }) },
      ...same.outputs.filter((output) => !isScalar(output)),
    ],
  };
};
