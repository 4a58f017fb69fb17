// Parameters of one number that are updated alike, under each other: a gate is less work than starting a kernel, and an update has
// a dozen of them for each parameter. What is done is elementwise, so the values are those of updates one by one. For vectors,
// like the gains of norms, it does not pay: their updates fill a kernel well enough, and XLA takes seconds longer to compile a
// step that has them as one (measured on an H200: 15 against 9, for steps of the same time).
import { InternalError } from "../diagnostics/types.ts";
import type { Builder, Node } from "../ir/types.ts";
import { dim, reshape } from "./ops.ts";
import type { Parameter } from "./parameters.ts";

/** One parameter, or several scalars of one role and treatment. */
export type Stack = readonly [Parameter, ...Parameter[]];

/** @param treatment what has to be equal beside the role, as text */
export const stacksOf = (
  parameters: readonly Parameter[],
  treatment: (p: Parameter) => string,
): readonly Stack[] => {
  const stacks = new Map<string, Stack>();
  for (const p of parameters) {
    const key = p.shape.length > 0 ? p.name : `${p.role} ${treatment(p)}`;
    const known = stacks.get(key);
    stacks.set(key, known === undefined ? [p] : [...known, p]);
  }
  return [...stacks.values()];
};

/** Values, one for each parameter of a stack: [n], or the value itself where there is one. */
export const stacked = (b: Builder, values: readonly Node[]): Node => {
  const [first, ...others] = values;
  if (first === undefined) throw new InternalError("a stack of nothing");
  if (others.length === 0) return first;
  const rows = values.map((value) => reshape(b, value, [dim("", 1)]));
  return b.emit("concat", rows, { axis: 0 });
};

/** What `stacked` joined. */
export const unstacked = (b: Builder, stack: Stack, value: Node): readonly Node[] =>
  stack.length === 1
    ? [value]
    : stack.map((_, i) => reshape(b, b.emit("slice", [value], { begin: [i], size: [1] }), []));
