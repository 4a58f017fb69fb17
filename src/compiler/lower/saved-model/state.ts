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
const clearNode = (state: string): string => `init/${state}`;
const zeroNode = (dtype: TensorDType): string => `init/zero/${dtype}`;

const write = (node: string, { name, dtype }: StateEntry, value: string): Part => ({
  ...{ name: node, op: "AssignVariableOp", inputs: [handleNode(name), value] },
  attrs: { dtype: { type: dtype } },
});

/** The variable, and what clears it. */
const heldParts = (entry: StateEntry): readonly Part[] => {
  const { name, dtype, shape } = entry;
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
    write(clear, entry, `${clear}/zeros`),
  ];
};
const filledParts = (entry: HostState): readonly Part[] => {
  const { name, dtype } = entry;
  return [
    placeholder(assignNode(name), entry),
    write(writeNode(name), entry, assignNode(name)),
    done(assignDone(name), [writeNode(name)]),
    {
      ...{ name: readNode(name), op: "ReadVariableOp", inputs: [handleNode(name)] },
      attrs: { dtype: { type: dtype } },
    },
  ];
};

export const stateParts = (state: readonly StateEntry[]): Signed => {
  const caches = state.filter((entry) => entry.kind === "cache").map(({ name }) => name);
  const lasting = state.filter((entry) => entry.kind !== "cache");
  const names = lasting.map(({ name }) => name);
  const all = "assign/done";
  return {
    parts: [
      ...[...new Set(state.map(({ dtype }) => dtype))].map((dtype) =>
        constant(zeroNode(dtype), { dtype, shape: [] }, [0]),
      ),
      ...state.flatMap(heldParts),
      ...lasting.flatMap(filledParts),
      done(INIT_DONE, names.map(clearNode)),
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
