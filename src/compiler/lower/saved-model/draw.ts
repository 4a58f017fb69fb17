// Several tokens of each row in one run: a loop on the device around decode_step and the sampler. A token's work is short, and
// what surrounds a run is not: variables are bound, the host is asked, logits travel. What is made of the weights alone, in other
// numbers or beside each other, is made before the loop, and nothing leaves the device but the ids.
import {
  drawInput,
  drawInputs,
  drawSizes,
  type DrawSizes,
  DRAW_RULES,
  drawResult,
  inputNode,
  isDrawn,
  seenWords,
  type DrawRule,
  type RunForm,
} from "../../../bundle/saved-model.ts";
import type { TfGraph, TfType } from "../tf-nodes.ts";
import { functionOf, handlesOf } from "./function.ts";
import { splitInvariant, type Split } from "./invariant.ts";
import type { FunctionDef } from "./messages.ts";
import {
  functionName,
  graphOf,
  handleNode,
  placeholder,
  type Part,
  type Program,
} from "./parts.ts";
import { arithmetic, createBody, drawn, greedy, type Body, type Ref } from "./sampler.ts";
import { resultName } from "./results.ts";
import { TYPE } from "./values.ts";

/** What goes round: in this order, then weights and the handles of caches. */
const VARIABLES = {
  step: "i32", ids: "i32", positions: "i32", seen: "bool", drawn: "i32", finite: "bool",
  random: "i32", rules: "f32", limits: "i32",
} as const satisfies Readonly<Record<string, TfType>>; // prettier-ignore
type Variable = keyof typeof VARIABLES;
const NAMES = Object.keys(VARIABLES) as readonly Variable[];

/** decode_step as a loop runs it, and how its functions are called. */
interface Looped extends Split {
  readonly readyName: string;
  readonly restName: string;
  /** What goes round beside the variables. */
  readonly carried: readonly { readonly name: string; readonly type: TfType }[];
}
const loopedOf = (program: Program, form: RunForm): Looped => {
  const split = splitInvariant(graphOf(program, form));
  const called = functionName(program, form);
  const types = new Map(split.ready.nodes.map(({ name, dtype }) => [name, dtype]));
  return {
    ...split,
    readyName: `${called}_ready`,
    restName: `${called}_rest`,
    carried: [
      ...split.ready.outputs.map(({ node }, i) => ({ name: `w${i}`, type: types.get(node)! })),
      ...handlesOf(split.rest).map((_, i) => ({ name: `s${i}`, type: "resource" as const })),
    ],
  };
};
const loopName = (program: Program, form: RunForm, rule: DrawRule): string =>
  `${functionName(program, form)}_${rule}`;

/** A function of all that goes round. */
const roundFunction = (
  name: string,
  { carried }: Looped,
  { nodes }: Body,
  results: readonly (readonly [name: string, type: TfType, value: Ref])[],
  runs: readonly string[],
): FunctionDef => ({
  signature: {
    name,
    inputArg: [
      ...NAMES.map((arg) => ({ name: arg, type: TYPE[VARIABLES[arg]] })),
      ...carried.map((arg) => ({ name: arg.name, type: TYPE[arg.type] })),
    ],
    outputArg: results.map(([result, type]) => ({ name: result, type: TYPE[type] })),
    isStateful: true,
    controlOutput: runs,
  },
  nodeDef: nodes,
  ret: Object.fromEntries(results.map(([result, , value]) => [result, value])),
  controlRet: Object.fromEntries(runs.map((node) => [node, node])),
});

const conditionOf = (name: string, looped: Looped, { count }: DrawSizes): FunctionDef => {
  const body = createBody();
  const t = arithmetic(body);
  const more = t.less("i32", "step", t.count(count));
  return roundFunction(name, looped, body, [["more", "bool", more]], []);
};

/** One token more of each row. */
const roundOf = (
  name: string,
  { entry }: Program,
  looped: Looped,
  rule: DrawRule,
  { vocabulary: V, count }: DrawSizes,
): FunctionDef => {
  const { carried } = looped;
  const body = createBody();
  const t = arithmetic(body);
  const logits = body.node(
    "StatefulPartitionedCall",
    [
      ...entry.inputs.map((input) => (input.name === "positions" ? "positions" : "ids")),
      ...carried.map((arg) => arg.name),
    ],
    {
      Tin: { types: ["i32", "i32", ...carried.map(({ type }) => type)] },
      Tout: { types: ["f32"] },
      f: { function: looped.restName },
    },
  );
  const [call] = logits.split(":") as [string];
  const rules = t.sum("f64", t.cast("f32", "f64", "rules"));
  const ruleAt = (at: number): Ref => t.place("f64", rules, t.count(at));
  const limitAt = (at: number): Ref => t.place("i32", "limits", t.count(at));
  // 27 and 26 bits of a number below 1
  const words = t.cast("i32", "f64", t.place("i32", "random", "step"));
  const scales = t.cast("f32", "f64", body.constant("f32", [2 ** -27, 2 ** -53], [2]));
  const unit = t.sum("f64", t.mul("f64", words, scales), true);
  const id = (rule === "greedy" ? greedy : drawn)(body, {
    logits,
    seen: "seen",
    unit,
    temperature: ruleAt(0),
    topP: ruleAt(1),
    penalty: ruleAt(2),
    topK: limitAt(0),
    known: limitAt(1),
    V,
  });
  const here = t.equal("i32", t.column("i32", t.upTo(count)), "step");
  const next: Readonly<Record<Variable, Ref>> = {
    step: t.add("i32", "step", t.count(1)),
    ids: id,
    // behind the context nothing is written, and nothing is taken from what comes out
    positions: t.add("i32", "positions", t.count(1)),
    seen: t.or("seen", t.equal("i32", t.upTo(V), t.column("i32", id))),
    drawn: t.select("i32", here, id, "drawn"),
    finite: t.select("bool", here, t.all("bool", t.isFinite("f32", logits)), "finite"),
    random: "random",
    rules: "rules",
    limits: "limits",
  };
  return roundFunction(
    name,
    looped,
    body,
    [
      ...NAMES.map((arg) => [`${arg}_out`, VARIABLES[arg], next[arg]] as const),
      ...carried.map((arg) => [`${arg.name}_out`, arg.type, arg.name] as const),
    ],
    [call],
  );
};

/** The bits of words i32 [rows, n] as bool [rows, vocabulary]. */
const unpacked = (body: Body, words: Ref, { rows, vocabulary }: DrawSizes): Ref => {
  const { node, constant } = body;
  const t = arithmetic(body);
  const i32 = { type: "i32" } as const;
  const apart = node("ExpandDims", [words, constant("i32", [2])], { T: i32, Tdim: i32 });
  const shifted = node("RightShift", [apart, t.upTo(32)], { T: i32 });
  const bits = node("BitwiseAnd", [shifted, t.count(1)], { T: i32 });
  const all = constant("i32", [rows, 32 * seenWords(vocabulary)], [2]);
  const line = node("Reshape", [bits, all], { T: i32, Tshape: i32 });
  const bounds = [constant("i32", [0, 0], [2]), constant("i32", [rows, vocabulary], [2])];
  return t.cast("i32", "bool", node("Slice", [line, ...bounds], { T: i32, Index: i32 }));
};

/** All rounds: what the engine feeds to the ids and whether their logits were finite, [count, rows]. */
const loopOf = (
  name: string,
  states: readonly string[],
  looped: Looped,
  sizes: DrawSizes,
  names: { readonly condition: string; readonly round: string },
): FunctionDef => {
  const { carried, ready, rest } = looped;
  const handles = new Map(states.map((state, i) => [state, `s${i}`]));
  const handlesFor = (graph: TfGraph): readonly Ref[] =>
    handlesOf(graph).map((state) => handles.get(state)!);
  const body = createBody();
  const t = arithmetic(body);
  const blank = body.node(
    "Fill",
    [body.constant("i32", [sizes.count, sizes.rows], [2]), t.count(0)],
    {
      T: { type: "i32" },
      index_type: { type: "i32" },
    },
  );
  const begin: Readonly<Record<Variable, Ref>> = {
    ...{ step: t.count(0), ids: "ids", positions: "positions" },
    ...{ seen: unpacked(body, "seen", sizes), drawn: blank, finite: t.cast("i32", "bool", blank) },
    ...{ random: "random", rules: "rules", limits: "limits" },
  };
  const weights = handlesFor(ready);
  const made = body.node("StatefulPartitionedCall", weights, {
    Tin: { types: weights.map(() => "resource" as const) },
    Tout: { types: carried.flatMap(({ type }) => (type === "resource" ? [] : [type])) },
    f: { function: looped.readyName },
  });
  const [makes] = made.split(":") as [string];
  const round = [
    ...NAMES.map((arg) => begin[arg]),
    ...ready.outputs.map((_, i) => resultName(makes, "StatefulPartitionedCall", i)),
    ...handlesFor(rest),
  ];
  const first = body.node("While", round, {
    T: { types: [...NAMES.map((arg) => VARIABLES[arg]), ...carried.map(({ type }) => type)] },
    output_shapes: { shapes: [] },
    cond: { function: names.condition },
    body: { function: names.round },
    parallel_iterations: { int: 1 },
  });
  const [loop] = first.split(":") as [string];
  const result = (arg: Variable): Ref => resultName(loop, "While", NAMES.indexOf(arg));
  return {
    signature: {
      name,
      inputArg: [
        ...drawArguments.map((arg) => ({ name: arg, type: TYPE[fedAs(arg)] })),
        ...[...handles.values()].map((arg) => ({ name: arg, type: TYPE.resource })),
      ],
      outputArg: [
        { name: "drawn_out", type: TYPE.i32 },
        { name: "finite_out", type: TYPE.bool },
      ],
      isStateful: true,
      controlOutput: [loop],
    },
    nodeDef: body.nodes,
    ret: { drawn_out: result("drawn"), finite_out: result("finite") },
    controlRet: { [loop]: loop },
  };
};
/** What a run is given of what goes round. */
const drawArguments = NAMES.filter((name) => !["step", "drawn", "finite"].includes(name));
const fedAs = (arg: Variable): TfType => (arg === "seen" ? "i32" : VARIABLES[arg]);

/** Forms that loop, by the function of the program that they call. */
const formsOf = (program: Program, runs: readonly RunForm[]): ReadonlyMap<string, RunForm> =>
  new Map(
    runs
      .filter((form) => form !== "plain")
      .map((form) => [functionName(program, form), form] as const),
  );

export const drawFunctions = (
  program: Program,
  runs: readonly RunForm[],
): readonly FunctionDef[] => {
  if (!isDrawn(program.entry.name)) return [];
  const sizes = drawSizes(program.entry);
  return [...formsOf(program, runs)].flatMap(([called, form]) => {
    const condition = `${called}_more`;
    const looped = loopedOf(program, form);
    const states = handlesOf(graphOf(program, form));
    return [
      functionOf(looped.ready, looped.readyName),
      functionOf(looped.rest, looped.restName),
      conditionOf(condition, looped, sizes),
      ...DRAW_RULES.flatMap((rule) => {
        const name = loopName(program, form, rule);
        const round = `${name}_round`;
        return [
          roundOf(round, program, looped, rule, sizes),
          loopOf(name, states, looped, sizes, { condition, round }),
        ];
      }),
    ];
  });
};

export const drawParts = (program: Program, runs: readonly RunForm[]): readonly Part[] => {
  const { name } = program.entry;
  if (!isDrawn(name)) return [];
  const own = drawInputs(drawSizes(program.entry));
  const fed: Readonly<Record<string, string>> = {
    ids: inputNode(name, "input_ids"),
    positions: inputNode(name, "positions"),
    ...Object.fromEntries(own.map((input) => [input.name, drawInput(name, input.name)])),
  };
  const calls = runs
    .filter((form) => form !== "plain")
    .flatMap((form) =>
      DRAW_RULES.map((rule): Part => {
        const handles = handlesOf(graphOf(program, form));
        return {
          name: drawResult(name, form, rule, 0).replace(/:0$/, ""),
          op: "StatefulPartitionedCall",
          inputs: [...drawArguments.map((arg) => fed[arg]!), ...handles.map(handleNode)],
          attrs: {
            Tin: {
              types: [...drawArguments.map(fedAs), ...handles.map(() => "resource" as const)],
            },
            Tout: { types: ["i32", "bool"] },
            f: { function: loopName(program, form, rule) },
            _XlaMustCompile: { bool: true },
          },
        };
      }),
    );
  return [...own.map((input) => placeholder(drawInput(name, input.name), input)), ...calls];
};
