// Several updates as one run. Starting a compiled program costs the host some milliseconds (it binds every variable), which a
// card waits for when each run ends with a loss to fetch; in one run the next update is queued while the card works on the one
// before. The updates are the same function called again and again, each after the one before it.
import {
  GROUP,
  groupInput,
  groupResult,
  isGrouped,
  resultsOf,
  type RunForm,
} from "../../../bundle/saved-model.ts";
import { placeholder, type Part, type Program } from "./parts.ts";
import { call } from "./programs.ts";

/** Nodes only: a group is a way to run a program, no program of its own. */
export const groupParts = (program: Program, runs: readonly RunForm[]): readonly Part[] => {
  const { name, inputs, outputs } = program.entry;
  const results = resultsOf(outputs);
  if (!isGrouped(name)) return [];
  const each = (input: string): string => `${name}/group/each/${input}`;
  const fed = inputs.flatMap((input): readonly Part[] => [
    placeholder(groupInput(name, input.name), { ...input, shape: [GROUP, ...input.shape] }),
    {
      ...{ name: each(input.name), op: "Unpack", inputs: [groupInput(name, input.name)] },
      attrs: { T: { type: input.dtype }, num: { int: GROUP }, axis: { int: 0 } },
    },
  ]);
  const inForm = (form: RunForm): readonly Part[] => {
    const node = (run: number): string => `${name}/group/${form}/${run}`;
    const calls = Array.from({ length: GROUP }, (_, run) =>
      call(
        node(run),
        program,
        form,
        inputs.map((input) => `${each(input.name)}:${run}`),
        run === 0 ? [] : [node(run - 1)],
      ),
    );
    const packed = results.map(({ dtype }, i): Part => ({
      name: groupResult(name, form, i).replace(/:0$/, ""),
      op: "Pack",
      inputs: calls.map((made) => `${made.name}:${i}`),
      attrs: { T: { type: dtype }, N: { int: GROUP }, axis: { int: 0 } },
    }));
    return [...calls, ...packed];
  };
  return [...fed, ...runs.filter((form) => form !== "plain").flatMap(inForm)];
};
