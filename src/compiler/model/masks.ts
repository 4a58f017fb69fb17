// Masks: of a recipe's sparse parameters, which weights are there. A parameter starts with zeros where its mask is false, and
// gradients that are zero there leave it so: momentum and moments never begin, and decay of nothing is nothing.
import type { StateEntry } from "../../bundle/manifest.ts";
import { diskNames, diskShape } from "../../bundle/disk.ts";
import { InternalError } from "../diagnostics/types.ts";
import type { Builder } from "../ir/types.ts";
import type { ParameterShape } from "../semantics/schema.ts";
import { sparseRules } from "../semantics/sparsity.ts";
import type { RecipeSpec } from "../semantics/spec.ts";
import { scalar } from "./ops.ts";
import { stateEntry, type Parameter } from "./parameters.ts";
import type { GradEntry, Method } from "./sites.ts";

/** By parameter: the share of its weights that is there, below 1. */
export type Densities = ReadonlyMap<string, number>;

export const shapeOf = (p: Parameter): ParameterShape => {
  const entry = stateEntry(p);
  const { name, trained } = p;
  return { name, trained, shape: diskShape(entry), count: diskNames(entry).length };
};

export const densitiesOf = (
  { sparsity }: RecipeSpec,
  parameters: readonly Parameter[],
  methods: readonly Method[],
  depth: number,
): Densities => {
  const found = sparseRules(sparsity, parameters.map(shapeOf), depth).flatMap(
    ({ rule, weights }) => {
      const kind = methods.map((method) => method.sparsity?.[rule.value.is]).find(Boolean);
      if (kind === undefined) throw new InternalError(`nothing makes ${rule.value.is} sparse`);
      const densities = kind.densities(rule.value, weights);
      return weights.map(({ name }, i) => [name, densities[i]!] as const);
    },
  );
  return new Map(found.filter(([, density]) => density < 1));
};

const maskName = (parameter: string): string => `${parameter}/mask`;

export const maskEntries = (
  parameters: readonly Parameter[],
  densities: Densities,
): readonly StateEntry[] =>
  parameters.flatMap((p): readonly StateEntry[] => {
    const density = densities.get(p.name);
    if (density === undefined) return [];
    const entry = stateEntry(p, { suffix: "mask", kind: "mask" });
    return [{ ...entry, dtype: "bool", init: { kind: "bernoulli", density } }];
  });

/** Gradients of the weights that are there. */
export const masked = (
  b: Builder,
  densities: Densities,
  grads: readonly GradEntry[],
): readonly GradEntry[] =>
  grads.map((entry) => {
    const { name, grad } = entry;
    if (!densities.has(name)) return entry;
    const { shape } = grad.type;
    const mask = b.emit("state", [], { name: maskName(name), shape, dtype: "bool" });
    return { ...entry, grad: b.emit("select", [mask, grad, scalar(b, 0)], {}) };
  });
