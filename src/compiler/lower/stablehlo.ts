// StableHLO modules as text: what TensorFlow's XlaCallModule takes where XLA has something that TensorFlow has no op for.
// Values are written in order; each knows its name and type.
import type { Attr, TensorDType } from "./tf-nodes.ts";

export interface HloType {
  readonly dtype: TensorDType | "ui8";
  readonly shape: readonly number[];
}
export interface HloValue extends HloType {
  /** "%0", "%1#2", "%arg0" */
  readonly name: string;
}
const ELEMENTS = { f32: "f32", bf16: "bf16", i32: "i32", bool: "i1", ui8: "ui8" } as const;
const typeText = ({ dtype, shape }: HloType): string =>
  `tensor<${[...shape, ELEMENTS[dtype]].join("x")}>`;
const list = (types: readonly HloType[]): string => types.map(typeText).join(", ");

/** From the slowest axis to the fastest: [0, 2, 1] keeps axis 1 next to each other in memory. */
export type Layout = readonly number[];
/** As the text has it: the fastest axis first. */
const layoutText = (layout: Layout): string =>
  `dense<${layout.length === 1 ? "0" : `[${[...layout].reverse().join(", ")}]`}> : tensor<${layout.length}xindex>`;

export interface CustomCall {
  readonly target: string;
  /** As JSON, for calls of XLA's own; as the text of each attribute, for those that take a dictionary. */
  readonly config: object | { readonly attributes: Readonly<Record<string, string>> };
  readonly operands: readonly { readonly value: HloValue; readonly layout: Layout }[];
  readonly results: readonly { readonly type: HloType; readonly layout: Layout }[];
}
export interface HloWriter {
  readonly transpose: (x: HloValue, perm: readonly number[]) => HloValue;
  /** Products over the last axis of x and the next to last of y; leading axes are equal. */
  readonly batchMatMul: (x: HloValue, y: HloValue) => HloValue;
  readonly customCall: (call: CustomCall) => readonly HloValue[];
}

/** A text as an attribute: quotation marks and line ends by their codes. */
export const stringAttribute = (text: string): string =>
  `"${text.replaceAll("\\", "\\5C").replaceAll('"', "\\22").replaceAll("\n", "\\0A")}"`;
const configAttributes = (config: CustomCall["config"]): readonly string[] => {
  if (!("attributes" in config))
    return ["api_version = 2 : i32", `backend_config = ${stringAttribute(JSON.stringify(config))}`];
  const entries = Object.entries(config.attributes);
  return [
    `backend_config = ""`,
    `mhlo.backend_config = {${entries.map(([key, value]) => `${key} = ${value}`).join(", ")}}`,
  ];
};

/** A module with one function, `main`. */
export const hloModule = (
  parameters: readonly HloType[],
  body: (write: HloWriter, parameters: readonly HloValue[]) => readonly HloValue[],
): string => {
  const lines: string[] = [];
  let count = 0;
  const one = (text: string, type: HloType): HloValue => {
    const name = `%${count++}`;
    lines.push(`    ${name} = ${text}`);
    return { name, ...type };
  };
  const write: HloWriter = {
    transpose: (x, perm) => {
      const type = { dtype: x.dtype, shape: perm.map((axis) => x.shape[axis]!) };
      const dims = `dims = [${perm.join(", ")}]`;
      return one(
        `stablehlo.transpose ${x.name}, ${dims} : (${typeText(x)}) -> ${typeText(type)}`,
        type,
      );
    },
    batchMatMul: (x, y) => {
      const rank = x.shape.length;
      const lead = x.shape.slice(0, -2).map((_, axis) => axis);
      const type = { dtype: x.dtype, shape: [...x.shape.slice(0, -1), y.shape.at(-1)!] };
      const axes = `batching_dims = [${lead.join(", ")}] x [${lead.join(", ")}], contracting_dims = [${rank - 1}] x [${rank - 2}]`;
      return one(
        `stablehlo.dot_general ${x.name}, ${y.name}, ${axes} : (${list([x, y])}) -> ${typeText(type)}`,
        type,
      );
    },
    customCall: ({ target, config, operands, results }) => {
      const name = `%${count++}`;
      const values = operands.map((o) => o.value);
      const attributes = [
        ...configAttributes(config),
        `operand_layouts = [${operands.map((o) => layoutText(o.layout)).join(", ")}]`,
        `result_layouts = [${results.map((r) => layoutText(r.layout)).join(", ")}]`,
      ];
      lines.push(
        `    ${name}:${results.length} = stablehlo.custom_call @${target}(${values.map((v) => v.name).join(", ")}) {${attributes.join(", ")}} : (${list(values)}) -> (${list(results.map((r) => r.type))})`,
      );
      return results.map(({ type }, i) => ({ name: `${name}#${i}`, ...type }));
    },
  };
  const args = parameters.map(({ dtype, shape }, i) => ({ name: `%arg${i}`, dtype, shape }));
  const results = body(write, args);
  const header = args.map((arg) => `${arg.name}: ${typeText(arg)}`).join(", ");
  return [
    "module @specc {",
    `  func.func public @main(${header}) -> (${list(results)}) {`,
    ...lines,
    `    return ${results.map((r) => r.name).join(", ")} : ${list(results)}`,
    "  }",
    "}",
    "",
  ].join("\n");
};

interface Typed {
  readonly dtype: TensorDType;
  readonly shape: readonly number[];
}
/** Attributes of an XlaCallModule that runs `module`. @param targets custom calls that the version check does not know */
export const callModule = (
  module: string,
  inputs: readonly Typed[],
  outputs: readonly Typed[],
  platform: "CPU" | "CUDA",
  targets: readonly string[] = [],
): Readonly<Record<string, Attr>> => ({
  Tin: { types: inputs.map((x) => x.dtype) },
  Tout: { types: outputs.map((x) => x.dtype) },
  Sout: { shapes: outputs.map((x) => x.shape) },
  version: { int: 9 },
  module: { string: module },
  platforms: { strings: [platform] },
  dim_args_spec: { strings: [] },
  function_list: { functions: [] },
  has_token_input_output: { bool: false },
  disabled_checks: { strings: targets.map((name) => `custom_call:${name}`) },
});
