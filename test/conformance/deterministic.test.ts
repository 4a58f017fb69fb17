// The form of programs that gives the same bits each time on a card: rows added up by a product, not scattered.
import { describe, expect, it } from "vitest";
import { evaluate } from "../../src/compiler/ir/evaluate.ts";
import { sampleCases } from "../../src/compiler/ir/samples.ts";
import { graphsFor } from "../../src/compiler/lower/saved-model/forms.ts";
import { SUBJECTS } from "./engines.ts";
import { bundleWith, host } from "./open.ts";

const subject = SUBJECTS.find(({ name }) => name === "tensorflow with XLA")!;
const cases = sampleCases("scatterAdd");

describe("deterministic programs", () => {
  it("scatter nothing in their compiled forms", () => {
    for (const { graph } of cases) {
      const opsOf = (deterministic: boolean): readonly string[] =>
        graphsFor(["xla"], graph, deterministic).xla!.nodes.map((node) => node.op);
      expect(opsOf(false)).toContain("ScatterNd");
      expect(opsOf(true)).not.toContain("ScatterNd");
    }
  });

  it.skipIf(subject.missing)("add up the same rows", async () => {
    for (const { graph, values } of cases) {
      const numerics = { products: "f32", tf32: false, deterministic: true } as const;
      const session = await subject.engine.open(await bundleWith(numerics, graph));
      const inputs = graph.inputs.map(
        (node) => [node.attrs.name, host(node.type, values[node.attrs.name]!)] as const,
      );
      const results = await session.run(graph.name, Object.fromEntries(inputs));
      const wanted = evaluate(graph, { inputs: values, state: {} }).outputs["y"]!.data;
      expect(results["y"]!.data).toHaveLength(wanted.length);
      results["y"]!.data.forEach((value, i) => expect(value).toBeCloseTo(wanted[i]!, 2));
      await session.close();
    }
  });
});
