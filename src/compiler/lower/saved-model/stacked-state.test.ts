// Gates of all blocks in one variable: the same numbers, fewer variables.
import { describe, expect, it } from "vitest";
import { recipe, sequences } from "../../../../test/parity/recipes.ts";
import { variants } from "../../../../test/parity/variants.ts";
import { features } from "../../features/index.ts";
import { createBuilder } from "../../ir/builder.ts";
import { evaluate } from "../../ir/evaluate.ts";
import { dims } from "../../ir/shape.ts";
import type { Graph, Node } from "../../ir/types.ts";
import { nodesOf } from "../../ir/walk.ts";
import { buildPrograms } from "../../model/programs.ts";
import { inPrimitives } from "../../passes/index.ts";
import { stackedStates, withStackedStates } from "./stacked-state.ts";

const states = (graph: Graph): readonly string[] =>
  nodesOf(graph).flatMap((node) => (node.op === "state" ? [node.attrs.name] : []));
const ops = (graph: Graph, op: Node["op"]): number =>
  nodesOf(graph).filter((node) => node.op === op).length;

describe("states that are read under each other", () => {
  const build = () =>
    buildPrograms(
      { ...variants["gpas without the stop, after deepnorm's shortcut"]!, context: 6 },
      recipe({ micro: sequences(2), batch: sequences(2) }),
      {
        ...{ methods: features, programs: ["train_step"], totalSteps: 1 },
        binding: { batch: 2, sequence: 6 },
      },
    );
  it("are one variable: the gates, and what the optimizer keeps for them", () => {
    const { graph } = build().programs[0]!;
    const stacks = stackedStates([graph]);
    const gates = states(graph).filter((name) => /gpas\.\w*gate$/.test(name));
    expect(gates.length).toBeGreaterThan(1);
    expect(stacks).toEqual(
      ["", "/exp_avg", "/exp_avg_sq"].map((slot) => gates.map((name) => `${name}${slot}`)),
    );
  });
  it("change no value of a step, and cost no copy", () => {
    const { programs, state } = build();
    const { graph } = programs[0]!;
    const stacks = stackedStates([graph]);
    const held = withStackedStates(graph, stacks);
    const values = Object.fromEntries(
      state.map(({ name, shape }, n) => [
        name,
        Float64Array.from({ length: shape.reduce((a, d) => a * d, 1) }, (_, i) =>
          name.endsWith("exp_avg_sq") ? 0 : Math.sin(n + i * 0.37) / 4,
        ),
      ]),
    );
    const together = Object.fromEntries(
      stacks.map((members) => [
        `stack/${members[0]!}`,
        Float64Array.from(members.flatMap((name) => [...values[name]!])),
      ]),
    );
    const ids = Float64Array.from({ length: 12 }, (_, i) => (i * 7) % 11);
    const inputs = {
      ...{ input_ids: ids, targets: ids, learning_rate: [1e-3], bias1: [0.1], bias2: [0.01] },
    };
    const want = evaluate(graph, { inputs, state: values });
    const got = evaluate(held, { inputs, state: { ...values, ...together } });
    expect(got.outputs["loss"]!.data).toEqual(want.outputs["loss"]!.data);
    for (const members of stacks) {
      const after = got.updates[`stack/${members[0]!}`]!.data;
      expect([...after]).toEqual(members.flatMap((name) => [...want.updates[name]!.data]));
    }
    expect(Object.keys(got.updates)).toHaveLength(
      Object.keys(want.updates).length - stacks.flat().length + stacks.length,
    );
    // each variable is read once, and its new value is the optimizer's, as it comes
    const plain = inPrimitives(held);
    expect(new Set(states(plain)).size).toBe(states(plain).length);
    for (const { state: name, node } of plain.updates)
      if (name.startsWith("stack/")) expect(node.op, name).not.toBe("concat");
    expect(ops(plain, "state")).toBe(
      ops(inPrimitives(graph), "state") - 3 * (stacks[0]!.length - 1),
    );
  });

  const b = createBuilder();
  const [x, y] = ["x", "y"].map((name) => b.emit("state", [], { name, shape: dims(2) }));
  const row = (node: Node): Node => b.emit("reshape", [node], { shape: dims(1, 2) });
  const graph: Graph = {
    ...{ name: "p", inputs: [] },
    outputs: [{ name: "both", node: b.emit("concat", [row(x!), row(y!)], { axis: 0 }) }],
    updates: [{ state: "y", node: b.emit("neg", [y!], {}) }],
  };
  it("keep what a program leaves as it is", () => {
    const held = withStackedStates(graph, stackedStates([graph]));
    const { updates } = evaluate(held, { inputs: {}, state: { "stack/x": [1, 2, 3, 4] } });
    expect(updates["stack/x"]!.data).toEqual(Float64Array.of(1, 2, -3, -4));
  });
  it("are in one variable at most", () => {
    const again = b.emit("concat", [row(y!), row(x!)], { axis: 0 });
    const twice = { ...graph, outputs: [...graph.outputs, { name: "again", node: again }] };
    expect(stackedStates([twice])).toEqual([["x", "y"]]);
  });
});
