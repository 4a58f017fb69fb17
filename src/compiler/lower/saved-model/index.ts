// All programs of a bundle as a TensorFlow SavedModel: variables for the state, a function of the library for each form of a
// program, and signatures that call them. One session runs them all and keeps the state on its device; what a signature returns goes to
// the host. The same programs give the same bytes.
import { InternalError } from "../../diagnostics/types.ts";
import type { Manifest, StateEntry } from "../../../bundle/manifest.ts";
import {
  FORMS_IN,
  TAG,
  wholeStep,
  type Form,
  type ModelFile,
  type RunForm,
} from "../../../bundle/saved-model.ts";
import { drawFunctions, drawParts } from "./draw.ts";
import { checkOf, functionOf, nodeDef } from "./function.ts";
import { groupParts } from "./group.ts";
import { encodeSavedModel, type FunctionDef } from "./messages.ts";
import { functionName, graphOf, type Program, type Signed } from "./parts.ts";
import { programParts, wholeStepParts } from "./programs.ts";
import { stateParts } from "./state.ts";

/** The version whose op registry the graph is written for; later ones read it. */
const TENSORFLOW = { version: "2.12.0", producer: 1395 } as const;
/** TensorFlow's rule for the names of nodes. */
const NODE_NAME = /^[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*$/;

export interface SavedModelInput {
  /** Their nodes in the forms of the file (`graphsFor`). */
  readonly programs: readonly Program[];
  readonly state: readonly StateEntry[];
  readonly training: Pick<NonNullable<Manifest["training"]>, "batch" | "micro"> | null;
}

const wholeStepOf = (
  { programs, training }: SavedModelInput,
  runs: readonly RunForm[],
): readonly Signed[] => {
  const whole = wholeStep(
    programs.map(({ entry }) => entry),
    training,
  );
  if (whole === undefined || runs.length === 0) return [];
  const named = (name: string): Program => programs.find(({ entry }) => entry.name === name)!;
  return [wholeStepParts(whole, named("accumulate"), named("apply"), runs)];
};

/** Each function once, whatever forms call it. */
const functionsOf = (program: Program, forms: readonly Form[]): readonly FunctionDef[] =>
  [...new Map(forms.map((form) => [functionName(program, form), form]))].map(([name, form]) =>
    (form === "check" ? checkOf : functionOf)(graphOf(program, form), name),
  );

/** saved_model.pb of a file. There is no variables/ folder: state comes from `init` and `assign`. */
export const savedModel = (input: SavedModelInput, file: ModelFile): Uint8Array => {
  const { programs, state } = input;
  const forms: readonly Form[] = FORMS_IN[file];
  const runs = forms.filter((form) => form !== "check");
  const signed = [
    stateParts(state),
    ...programs.map((program) => programParts(program, forms)),
    ...wholeStepOf(input, runs),
  ];
  const functions = programs.flatMap((program) => [
    ...functionsOf(program, forms),
    ...drawFunctions(program, runs),
  ]);
  const groups =
    runs.length === 0
      ? []
      : programs.flatMap((program) => [...groupParts(program, runs), ...drawParts(program, runs)]);
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
