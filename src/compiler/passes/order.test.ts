import { expect, it } from "vitest";
import { createBuilder } from "../ir/builder.ts";
import type { Node } from "../ir/types.ts";
import { operandsFirst } from "./order.ts";

const b = createBuilder();
const x = b.emit("state", [], { name: "x", shape: [] });
const y = b.emit("neg", [x], {});
const z = b.emit("add", [y, x], {});

it("puts everything once, after what it waits for", () => {
  expect(operandsFirst([z, y], (node) => node.inputs)).toEqual([x, y, z]);
  const late = (node: Node): readonly Node[] =>
    node === y ? [x, z] : node === z ? [x] : node.inputs;
  expect(operandsFirst([y], late)).toEqual([x, z, y]);
});
it("tells nodes that wait for each other", () => {
  const round = (node: Node): readonly Node[] => (node === y ? [z] : node.inputs);
  expect(() => operandsFirst([z], round)).toThrow("waits for itself");
});
