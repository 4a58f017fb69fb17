// What a forward pass leaves for the training step beside its result.
import type { StateEntry } from "../../bundle/manifest.ts";
import type { Node } from "../ir/types.ts";

/** A place of the residual stream, "blocks.3", and what it holds there. */
export interface Point {
  readonly place: string;
  readonly node: Node;
}
/** Collected while a forward pass is built, in the order of the data. */
export interface Effects {
  /** Terms added to the training loss, f32 scalars, already weighted: balance losses of routers. */
  readonly losses: { readonly name: string; readonly node: Node }[];
  /** Values worth following, given by programs that train: loads of experts, entropies. */
  readonly metrics: { readonly name: string; readonly node: Node }[];
  /** The residual stream where a method scales it, [B, T, D]: measured by programs that measure. */
  readonly points: Point[];
  /** New values of untrained state: running statistics, biases of routers. Written by programs that train. */
  readonly updates: { readonly state: string; readonly node: Node }[];
  /** State that sums over the passes of an update, and what is written to it and by it: see `tally`. */
  readonly sums: StateEntry[];
  readonly tallied: { readonly state: string; readonly node: Node }[];
  /** What layers leave for their method's `finish`, by a name of the method's own. */
  readonly notes: Map<string, readonly Node[]>;
}

/**
 * A new value of untrained state, from its value so far in this pass: layers that share it move it one after the other.
 * @param held reads the state
 */
export const revise = (
  { updates }: Effects,
  state: string,
  held: Node,
  next: (value: Node) => Node,
): void => {
  const known = updates.findIndex((update) => update.state === state);
  const node = next(updates[known]?.node ?? held);
  if (known < 0) updates.push({ state, node });
  else updates[known] = { state, node };
};
