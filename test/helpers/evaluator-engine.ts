// The float64 evaluator as an engine: programs in plain loops, state as arrays. What generation and training do on it is what
// the graphs mean.
import type { Session } from "../../src/bundle/engine.ts";
import { sizeOf, type HostTensor } from "../../src/bundle/tensor.ts";
import { evaluate } from "../../src/compiler/ir/evaluate.ts";
import type { Compiled } from "../../src/compiler/model/types.ts";

export const evaluatorSession = (
  compiled: Compiled,
  params: Readonly<Record<string, ArrayLike<number>>>,
): Session => {
  const state: Record<string, ArrayLike<number>> = Object.fromEntries(
    compiled.state.map(({ name, shape }) => [
      name,
      params[name] ?? new Float64Array(sizeOf(shape)),
    ]),
  );
  const graphs = new Map(compiled.programs.map(({ graph }) => [graph.name, graph]));
  const refuse = (): never => {
    throw new Error("not asked of the evaluator");
  };
  return {
    engine: "evaluator",
    inBackground: false,
    run: async (program, inputs) => {
      const { outputs, updates } = evaluate(graphs.get(program)!, {
        inputs: Object.fromEntries(Object.entries(inputs).map(([name, { data }]) => [name, data])),
        state,
      });
      for (const [name, { data }] of Object.entries(updates)) state[name] = data;
      return Object.fromEntries(
        Object.entries(outputs).map(([name, { shape, data }]): [string, HostTensor] => [
          name,
          { dtype: "f32", shape, data: Float32Array.from(data) },
        ]),
      );
    },
    offers: (program) => graphs.has(program),
    clearState: refuse,
    readState: refuse,
    writeState: refuse,
    liveBuffers: () => compiled.state.length,
    firstNonFinite: refuse,
    close: async () => undefined,
  };
};
