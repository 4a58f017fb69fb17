// State as variables, and the signatures that clear (`init`), fill (`assign`) and fetch (`read`) all of them but caches, which only
// the programs of generation use, after `init_caches`. The engine feeds and fetches the same nodes in groups of its own choice: a
// session runs only what leads to what is fetched.
import type { HostState, StateEntry } from "../../../bundle/manifest.ts";
import {
  assignDone,
  assignNode,
  CACHES_DONE,
  INIT_DONE,
  readNode,
} from "../../../bundle/saved-model.ts";
import type { TensorDType } from "../tf-nodes.ts";
import { placesIn, type Place, type StackedState } from "./stacked-state.ts";
import {
  constant,
  done,
  handleNode,
  placeholder,
  signature,
  type Part,
  type Signed,
} from "./parts.ts";

const writeNode = (state: string): string => `assign/${state}/write`;
const clearNode = (variable: string): string => `init/${variable}`;
const zeroNode = (dtype: TensorDType): string => `init/zero/${dtype}`;

type Variable = Pick<StateEntry, "name" | "dtype" | "shape">;
/** A state, and where it lies if it has no variable of its own. */
interface Lying {
  readonly entry: HostState;
  readonly place: Place | undefined;
}

/** The variable, and what clears it. */
const heldParts = ({ name, dtype, shape }: Variable): readonly Part[] => {
  const clear = clearNode(name);
  return [
    {
      ...{ name: handleNode(name), op: "VarHandleOp", inputs: [] },
      attrs: { dtype: { type: dtype }, shape: { shape }, shared_name: { string: name } },
    },
    constant(`${clear}/shape`, { dtype: "i32", shape: [shape.length] }, shape),
    {
      ...{ name: `${clear}/zeros`, op: "Fill", inputs: [`${clear}/shape`, zeroNode(dtype)] },
      attrs: { T: { type: dtype }, index_type: { type: "i32" } },
    },
    {
      ...{ name: clear, op: "AssignVariableOp", inputs: [handleNode(name), `${clear}/zeros`] },
      attrs: { dtype: { type: dtype } },
    },
  ];
};

/** Fills and fetches a variable. */
const wholeParts = ({ name, dtype }: HostState): readonly Part[] => [
  {
    ...{ name: writeNode(name), op: "AssignVariableOp" },
    inputs: [handleNode(name), assignNode(name)],
    attrs: { dtype: { type: dtype } },
  },
  {
    ...{ name: readNode(name), op: "ReadVariableOp", inputs: [handleNode(name)] },
    attrs: { dtype: { type: dtype } },
  },
];
/** Fills and fetches a row of a variable. */
const rowParts = ({ name, dtype }: HostState, { variable, row }: Place): readonly Part[] => {
  const bound = (part: string): string => `${readNode(name)}/${part}`;
  const whole = bound("variable");
  const bounds = ["begin", "end", "strides"].map(bound);
  const types = {
    T: { type: dtype },
    Index: { type: "i32" },
    shrink_axis_mask: { int: 1 },
  } as const;
  return [
    ...[row, row + 1, 1].map((at, i) => constant(bounds[i]!, { dtype: "i32", shape: [1] }, [at])),
    {
      ...{ name: writeNode(name), op: "ResourceStridedSliceAssign", attrs: types },
      inputs: [handleNode(variable), ...bounds, assignNode(name)],
    },
    {
      ...{ name: whole, op: "ReadVariableOp", inputs: [handleNode(variable)] },
      attrs: { dtype: { type: dtype } },
    },
    { name: readNode(name), op: "StridedSlice", inputs: [whole, ...bounds], attrs: types },
  ];
};
const filledParts = ({ entry, place }: Lying): readonly Part[] => [
  placeholder(assignNode(entry.name), entry),
  ...(place === undefined ? wholeParts(entry) : rowParts(entry, place)),
  done(assignDone(entry.name), [writeNode(entry.name)]),
];

const variablesOf = (
  state: readonly StateEntry[],
  places: ReadonlyMap<string, Place>,
): readonly (Variable & Pick<StateEntry, "kind">)[] => {
  const variables = state.map((entry) => {
    const place = places.get(entry.name);
    if (place === undefined) return entry;
    return { ...entry, name: place.variable, shape: [place.rows, ...entry.shape] };
  });
  return [...new Map(variables.map((variable) => [variable.name, variable])).values()];
};

/** @param stacks states that share variables */
export const stateParts = (
  state: readonly StateEntry[],
  stacks: readonly StackedState[],
): Signed => {
  const places = placesIn(stacks);
  const variables = variablesOf(state, places);
  const named = (caches: boolean): readonly string[] =>
    variables.filter(({ kind }) => (kind === "cache") === caches).map(({ name }) => name);
  const caches = named(true);
  const lasting = state.filter((entry) => entry.kind !== "cache");
  const names = lasting.map(({ name }) => name);
  const all = "assign/done";
  return {
    parts: [
      ...[...new Set(state.map(({ dtype }) => dtype))].map((dtype) =>
        constant(zeroNode(dtype), { dtype, shape: [] }, [0]),
      ),
      ...variables.flatMap(heldParts),
      ...lasting.flatMap((entry) => filledParts({ entry, place: places.get(entry.name) })),
      done(INIT_DONE, named(false).map(clearNode)),
      ...(caches.length > 0 ? [done(CACHES_DONE, caches.map(clearNode))] : []),
      done(all, names.map(writeNode)),
    ],
    signatures: {
      init: signature([], { done: INIT_DONE }),
      ...(caches.length > 0 ? { init_caches: signature([], { done: CACHES_DONE }) } : {}),
      assign: signature(
        lasting.map((entry) => [entry, `${assignNode(entry.name)}:0`]),
        { done: all },
      ),
      read: signature(
        [],
        lasting.map((entry) => [entry, `${readNode(entry.name)}:0`]),
      ),
    },
  };
};
