// Calls of the programs' functions, and the step of several passes as one run: the passes in order, then their application.
import type { ProgramEntry } from "../../../bundle/manifest.ts";
import {
  doneNode,
  inputNode,
  isBatched,
  placesOfOutputs,
  resultNode,
  resultsOf,
  SCALARS,
  signatureName,
  type Form,
  type RunForm,
  type wholeStep,
} from "../../../bundle/saved-model.ts";
import { handlesOf } from "./function.ts";
import {
  after,
  constant,
  done,
  functionName,
  graphOf,
  handleNode,
  placeholder,
  signature,
  type Part,
  type Program,
  type Signed,
} from "./parts.ts";

type Whole = NonNullable<ReturnType<typeof wholeStep>>;

const callNode = (program: string, form: Form): string =>
  resultNode(program, form, 0).replace(/:0$/, "");

/** A call of the program's function in a form; `waitsFor` are nodes that run before. */
export const call = (
  name: string,
  program: Program,
  form: Form,
  inputs: readonly string[],
  waitsFor: readonly string[] = [],
): Part => {
  const { entry } = program;
  const handles = handlesOf(graphOf(program, form));
  const results = form === "check" ? [] : resultsOf(entry.outputs);
  return {
    name,
    op: "StatefulPartitionedCall",
    inputs: [...inputs, ...handles.map(handleNode), ...waitsFor.map(after)],
    attrs: {
      Tin: {
        types: [
          ...entry.inputs.map(({ dtype }) => dtype),
          ...handles.map(() => "resource" as const),
        ],
      },
      Tout: { types: results.map(({ dtype }) => dtype) },
      f: { function: functionName(program, form) },
      ...(form === "xla" || form === "cudnn" ? { _XlaMustCompile: { bool: true } } : {}),
    },
  };
};

const scalarsNode = (program: string, form: Form): string => `${callNode(program, form)}/scalars`;
/** The scalars of a program apart, for readers of the signatures. */
const scalarParts = ({ name, outputs }: ProgramEntry, form: Form): readonly Part[] => {
  const [first] = form === "check" ? [] : resultsOf(outputs);
  if (first?.name !== SCALARS) return [];
  const attrs = { T: { type: "f32" }, num: { int: first.shape[0]! }, axis: { int: 0 } } as const;
  const inputs = [resultNode(name, form, 0)];
  return [{ name: scalarsNode(name, form), op: "Unpack", inputs, attrs }];
};

const signatureOf = (
  { name, inputs, outputs }: ProgramEntry,
  form: Form,
): Signed["signatures"] => ({
  [signatureName(name, form)]: signature(
    inputs.map((input) => [input, `${inputNode(name, input.name)}:0`]),
    form === "check" || outputs.length === 0
      ? { done: doneNode(name, form) }
      : placesOfOutputs(outputs).map(([output, place]) => [
          output,
          "scalar" in place
            ? `${scalarsNode(name, form)}:${place.scalar}`
            : resultNode(name, form, place.result),
        ]),
  ),
});

export const programParts = (program: Program, forms: readonly Form[]): Signed => {
  const { name, inputs, outputs } = program.entry;
  const parts = forms.flatMap((form) => {
    const node = callNode(name, form);
    const fed = inputs.map((input) => inputNode(name, input.name));
    const silent = form === "check" || outputs.length === 0;
    return [
      call(node, program, form, fed),
      ...(silent ? [done(doneNode(name, form), [node])] : []),
      ...scalarParts(program.entry, form),
    ];
  });
  return {
    parts: [...inputs.map((input) => placeholder(inputNode(name, input.name), input)), ...parts],
    signatures: Object.assign(
      {},
      ...forms.map((form) => signatureOf(program.entry, form)),
    ) as Signed["signatures"],
  };
};

/** Compiled once and run `passes` times: each pass waits for the one before it, and the application for the last. */
export const wholeStepParts = (
  { entry: step, passes }: Whole,
  accumulate: Program,
  apply: Program,
  runs: readonly RunForm[],
): Signed => {
  const { name } = step;
  const axis = `${name}/axis`;
  const share = `${name}/share`;
  const splitNode = (input: string): string => `${name}/passes/${input}`;
  const batched = accumulate.entry.inputs.filter(isBatched);
  const shared: readonly Part[] = [
    ...step.inputs.map((input) => placeholder(inputNode(name, input.name), input)),
    constant(axis, { dtype: "i32", shape: [] }, [0]),
    constant(share, { dtype: "f32", shape: [] }, [1 / passes]),
    ...batched.map((input): Part => ({
      ...{ name: splitNode(input.name), op: "Split", inputs: [axis, inputNode(name, input.name)] },
      attrs: { T: { type: input.dtype }, num_split: { int: passes } },
    })),
  ];
  const inForm = (form: Form): readonly Part[] => {
    const node = callNode(name, form);
    const passNode = (pass: number): string => `${node}/pass/${pass}`;
    const passCalls = Array.from({ length: passes }, (_, pass) =>
      call(
        passNode(pass),
        accumulate,
        form,
        accumulate.entry.inputs.map((input) =>
          isBatched(input) ? `${splitNode(input.name)}:${pass}` : inputNode(name, input.name),
        ),
        pass === 0 ? [] : [passNode(pass - 1)],
      ),
    );
    const last = call(
      `${node}/apply`,
      apply,
      form,
      apply.entry.inputs.map((input) => inputNode(name, input.name)),
      [passNode(passes - 1)],
    );
    const means = resultsOf(accumulate.entry.outputs).flatMap(({ dtype }, i): readonly Part[] => {
      const mean = `${node}/mean/${i}`;
      const T = { type: dtype } as const;
      const results = passCalls.map((pass) => `${pass.name}:${i}`);
      return [
        { name: `${mean}/sum`, op: "AddN", inputs: results, attrs: { N: { int: passes }, T } },
        { name: mean, op: "Mul", inputs: [`${mean}/sum`, share], attrs: { T } },
      ];
    });
    const both = [
      ...resultsOf(accumulate.entry.outputs).map(
        ({ name: result }, i) => [result, `${node}/mean/${i}`] as const,
      ),
      ...resultsOf(apply.entry.outputs).map(
        ({ name: result }, i) => [result, `${last.name}:${i}`] as const,
      ),
    ];
    const vectors = both.filter(([result]) => result === SCALARS).map(([, value]) => value);
    const scalars: Part = {
      name: `${node}/both`,
      op: "ConcatV2",
      inputs: [...vectors, axis],
      attrs: { N: { int: vectors.length }, T: { type: "f32" }, Tidx: { type: "i32" } },
    };
    const all: Part = {
      name: node,
      op: "IdentityN",
      inputs: [
        scalars.name,
        ...both.filter(([result]) => result !== SCALARS).map(([, value]) => value),
      ],
      attrs: { T: { types: resultsOf(step.outputs).map(({ dtype }) => dtype) } },
    };
    return [...passCalls, last, ...means, scalars, all, ...scalarParts(step, form)];
  };
  return {
    parts: [...shared, ...runs.flatMap(inForm)],
    signatures: Object.assign(
      {},
      ...runs.map((form) => signatureOf(step, form)),
    ) as Signed["signatures"],
  };
};
