// States that a program reads under each other are one variable, so that the reading, and the writing of what becomes of all of
// them, is nothing: starting a compiled program binds each variable, and copies each that is small. To the host they stay apart.
import { copied } from "../../ir/rewrite.ts";
import { dims } from "../../ir/shape.ts";
import type { Builder, Dim, Graph, Node } from "../../ir/types.ts";
import { nodesOf } from "../../ir/walk.ts";

/** Names of f32 states of one shape, in the order of the variable's first axis. */
export type StackedState = readonly string[];
const variableOf = (members: StackedState): string => `stack/${members[0]!}`;

/** The state that a row of a concatenation is, if it is one: a state with a new first axis of size 1. */
const stateIn = ({ op, inputs, type }: Node): string | undefined => {
  const [x] = inputs;
  if (op !== "reshape" || x?.op !== "state" || x.attrs.dtype !== undefined) return undefined;
  const [first, ...rest] = type.shape.map(({ size }) => size);
  const sizes = x.type.shape.map(({ size }) => size);
  return first === 1 && rest.join() === sizes.join() ? x.attrs.name : undefined;
};

/** Those of all programs of a file; a state is in one of them at most. */
export const stackedStates = (graphs: readonly Graph[]): readonly StackedState[] => {
  const taken = new Set<string>();
  return graphs.flatMap(nodesOf).flatMap((node): readonly StackedState[] => {
    if (node.op !== "concat" || node.attrs.axis !== 0) return [];
    const names = node.inputs.flatMap((row) => stateIn(row) ?? []);
    const own = new Set(names);
    const isOne = names.length === node.inputs.length && own.size === names.length;
    if (!isOne || names.length < 2 || names.some((name) => taken.has(name))) return [];
    for (const name of names) taken.add(name);
    return [names];
  });
};

/** Where a state lies. */
export interface Place {
  readonly variable: string;
  readonly row: number;
  readonly rows: number;
}
export const placesIn = (stacks: readonly StackedState[]): ReadonlyMap<string, Place> =>
  new Map(
    stacks.flatMap((members) =>
      members.map((name, row) => [
        name,
        { variable: variableOf(members), row, rows: members.length },
      ]),
    ),
  );

/** Always the same node, whatever the axes are called where it is read: a program reads a variable once. */
const variableIn = (b: Builder, { variable, rows }: Place, shape: readonly Dim[]): Node =>
  b.emit("state", [], {
    name: variable,
    shape: dims(rows, ...shape.map(({ size }) => size)),
  });
const rowIn = (b: Builder, place: Place, shape: readonly Dim[]): Node => {
  const part = b.emit("slice", [variableIn(b, place, shape)], {
    begin: [place.row, ...shape.map(() => 0)],
    size: [1, ...shape.map(({ size }) => size)],
  });
  return b.emit("reshape", [part], { shape });
};

/** The program with the variables in place of the states that lie in them. */
export const withStackedStates = (graph: Graph, stacks: readonly StackedState[]): Graph => {
  const places = placesIn(stacks);
  const { b, graph: read } = copied(graph, (made, node) => {
    const place = node.op === "state" ? places.get(node.attrs.name) : undefined;
    return place && rowIn(made, place, node.type.shape);
  });
  const apart = read.updates.filter(({ state }) => !places.has(state));
  const after = new Map(read.updates.map(({ state, node }) => [state, node]));
  const together = stacks.flatMap((members): Graph["updates"] => {
    const some = members.map((name) => after.get(name)).find((node) => node !== undefined);
    if (some === undefined) return [];
    const { shape } = some.type;
    const values = members.map((name) => {
      const value = after.get(name) ?? rowIn(b, places.get(name)!, shape);
      return b.emit("reshape", [value], { shape: [...dims(1), ...shape] });
    });
    return [{ state: variableOf(members), node: b.emit("concat", values, { axis: 0 }) }];
  });
  return { ...read, updates: [...apart, ...together] };
};
