// All programs of a bundle as a TensorFlow SavedModel: variables for the state, a function of the library for each form of a
// program, and signatures that call them. One session runs them all and keeps the state on its device; what a signature returns goes to
// the host. The same programs give the same bytes.
import { InternalError } from "../../diagnostics/types.ts";
import type { Manifest, ProgramEntry, StateEntry } from "../../../bundle/manifest.ts";
import { formsIn, TAG, wholeStep, type ModelFile } from "../../../bundle/saved-model.ts";
import type { Graph } from "../../ir/types.ts";
import { drawFunctions, drawParts } from "./draw.ts";
import { checkOf, functionOf, nodeDef } from "./function.ts";
import { graphsFor } from "./forms.ts";
import { groupParts } from "./group.ts";
import { encodeSavedModel, type FunctionDef } from "./messages.ts";
import { formsOf, functionName, graphOf, runForms, type Program, type Signed } from "./parts.ts";
import { programParts, wholeStepParts } from "./programs.ts";
import { stackedStates, withStackedStates, type StackedState } from "./stacked-state.ts";
import { stateParts } from "./state.ts";

/** The version whose op registry the graph is written for; later ones read it. */
const TENSORFLOW = { version: "2.12.0", producer: 1395 } as const;
/** TensorFlow's rule for the names of nodes. */
const NODE_NAME = /^[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*$/;

export interface SavedModelInput {
  /** Before expansion. */
  readonly programs: readonly { readonly graph: Graph; readonly entry: ProgramEntry }[];
  readonly state: readonly StateEntry[];
  readonly training: Pick<NonNullable<Manifest["training"]>, "batch" | "micro"> | null;
  /** Whether a card shall give the same bits each time. */
  readonly deterministic?: boolean | undefined;
}

const wholeStepOf = (
  programs: readonly Program[],
  training: SavedModelInput["training"],
): readonly Signed[] => {
  const whole = wholeStep(
    programs.map(({ entry }) => entry),
    training,
  );
  if (whole === undefined) return [];
  const named = (name: string): Program => programs.find(({ entry }) => entry.name === name)!;
  const [accumulate, apply] = [named("accumulate"), named("apply")];
  const runs = runForms(accumulate);
  return runs.length === 0 ? [] : [wholeStepParts(whole, accumulate, apply, runs)];
};

const functionsOf = (program: Program): readonly FunctionDef[] =>
  formsOf(program).map((form) =>
    (form === "check" ? checkOf : functionOf)(graphOf(program, form), functionName(program, form)),
  );

/** @param stacks states that share a variable in `programs` */
export const writeSavedModel = (
  { state, training }: Pick<SavedModelInput, "state" | "training">,
  programs: readonly Program[],
  stacks: readonly StackedState[],
  file: ModelFile,
): Uint8Array => {
  const signed = [
    stateParts(state, stacks),
    ...programs.map((program) => programParts(program, formsOf(program))),
    ...wholeStepOf(programs, training),
  ];
  // several runs at once are for sessions that compile everything
  const together = file === "main" || file === "check" ? [] : [file];
  const functions = programs.flatMap((program) => [
    ...functionsOf(program),
    ...drawFunctions(program, together),
  ]);
  const groups =
    together.length === 0
      ? []
      : programs.flatMap((program) => [
          ...groupParts(program, together),
          ...drawParts(program, together),
        ]);
  const nodes = [...signed.flatMap(({ parts }) => parts), ...groups].map(nodeDef);
  for (const { name } of [...nodes, ...functions.flatMap((f) => f.nodeDef)])
    if (!NODE_NAME.test(name))
      throw new InternalError(`saved model: TensorFlow refuses the name "${name}"`);
  return encodeSavedModel({
    savedModelSchemaVersion: 1,
    metaGraphs: [
      {
        metaInfoDef: { tags: [TAG], tensorflowVersion: TENSORFLOW.version },
        graphDef: {
          node: nodes,
          library: { function: functions },
          versions: { producer: TENSORFLOW.producer },
        },
        signatureDef: Object.fromEntries(
          signed.flatMap(({ signatures }) => Object.entries(signatures)),
        ),
      },
    ],
  });
};

/** saved_model.pb of a file. There is no variables/ folder: state comes from `init` and `assign`. */
export const savedModel = (input: SavedModelInput, file: ModelFile): Uint8Array => {
  // where a value is not finite, it is told by the name of the state
  const stacks = file === "check" ? [] : stackedStates(input.programs.map(({ graph }) => graph));
  const programs = input.programs.map(({ graph, entry }): Program => {
    const forms = formsIn(file, entry, input);
    const held = withStackedStates(graph, stacks);
    return { entry, graphs: graphsFor(forms, held, input.deterministic, file === "main") };
  });
  return writeSavedModel(input, programs, stacks, file);
};
