// Writes src/runtime/node/tensorflow/probe.ts: the SavedModel that the tensorflow engine's verification runs. It counts in a
// variable (state across calls), squares its input in a function compiled by XLA, and keeps what it is given:
//
//   start: -> zero [] f32
//   step:  x [2] f32 -> count [] f32 (how often step ran since start), square [2] f32
//   hold:  values [n] f32 -> values [n] f32
//   held:  -> values [n] f32
//
// Written with the messages that tfjs-node ships. `node scripts/make-probe.mjs` gives the same bytes every time.
import { createRequire } from "node:module";
import { writeFileSync } from "node:fs";

const pb = createRequire(import.meta.url)("@tensorflow/tfjs-node-gpu/dist/proto/api_pb.js");
const FLOAT = pb.DataType.DT_FLOAT;

/** Sets the fields of a message: { name: "x" } calls setName("x"); lists and maps likewise. */
const message = (Type, fields) => {
  const made = new Type();
  for (const [name, value] of Object.entries(fields)) {
    const upper = name[0].toUpperCase() + name.slice(1);
    if (value instanceof Map)
      for (const [key, each] of value) made[`get${upper}Map`]().set(key, each);
    else made[`set${upper}${Array.isArray(value) ? "List" : ""}`](value);
  }
  return made;
};
const shape = (...sizes) =>
  message(pb.TensorShape, { dim: sizes.map((size) => message(pb.TensorShape.Dim, { size })) });
const attr = {
  type: (type) => message(pb.AttrValue, { type }),
  shape: (...sizes) => message(pb.AttrValue, { shape: shape(...sizes) }),
  bytes: (text) => message(pb.AttrValue, { s: Buffer.from(text).toString("base64") }),
  flag: (b) => message(pb.AttrValue, { b }),
  types: (...type) => message(pb.AttrValue, { list: message(pb.AttrValue.ListValue, { type }) }),
  call: (name) => message(pb.AttrValue, { func: message(pb.NameAttrList, { name }) }),
  scalar: (value) =>
    message(pb.AttrValue, {
      tensor: message(pb.Tensor, { dtype: FLOAT, tensorShape: shape(), floatVal: [value] }),
    }),
};
const unknown = () =>
  message(pb.AttrValue, { shape: message(pb.TensorShape, { unknownRank: true }) });
const node = (name, op, input, attrs) =>
  message(pb.NodeDef, { name, op, input, attr: new Map(Object.entries(attrs)) });
const argument = (name) => message(pb.OpDef.ArgDef, { name, type: FLOAT });

const float = { dtype: attr.type(FLOAT) };
const graph = message(pb.GraphDef, {
  versions: message(pb.VersionDef, { producer: 1087 }),
  node: [
    node("x", "Placeholder", [], { ...float, shape: attr.shape(2) }),
    node("counter", "VarHandleOp", [], {
      ...float,
      shape: attr.shape(),
      shared_name: attr.bytes("specc_probe_counter"),
    }),
    node("zero", "Const", [], { ...float, value: attr.scalar(0) }),
    node("one", "Const", [], { ...float, value: attr.scalar(1) }),
    node("reset", "AssignVariableOp", ["counter", "zero"], float),
    node("started", "Identity", ["zero", "^reset"], { T: attr.type(FLOAT) }),
    node("add", "AssignAddVariableOp", ["counter", "one"], float),
    node("count", "ReadVariableOp", ["counter", "^add"], float),
    node("values", "Placeholder", [], { ...float, shape: unknown() }),
    node("holder", "VarHandleOp", [], {
      ...float,
      shape: unknown(),
      shared_name: attr.bytes("specc_probe_holder"),
    }),
    node("hold", "AssignVariableOp", ["holder", "values"], float),
    node("holding", "ReadVariableOp", ["holder", "^hold"], float),
    node("held", "ReadVariableOp", ["holder"], float),
    node("square", "StatefulPartitionedCall", ["x"], {
      Tin: attr.types(FLOAT),
      Tout: attr.types(FLOAT),
      f: attr.call("square_of"),
      _XlaMustCompile: attr.flag(true),
    }),
  ],
  library: message(pb.FunctionDefLibrary, {
    function: [
      message(pb.FunctionDef, {
        signature: message(pb.OpDef, {
          name: "square_of",
          inputArg: [argument("x")],
          outputArg: [argument("y")],
        }),
        nodeDef: [node("product", "Mul", ["x", "x"], { T: attr.type(FLOAT) })],
        ret: new Map([["y", "product:z:0"]]),
        attr: new Map(),
      }),
    ],
  }),
});
const info = (name, ...sizes) =>
  message(pb.TensorInfo, { name, dtype: FLOAT, tensorShape: shape(...sizes) });
const signature = (inputs, outputs) =>
  message(pb.SignatureDef, {
    methodName: "tensorflow/serving/predict",
    inputs: new Map(Object.entries(inputs)),
    outputs: new Map(Object.entries(outputs)),
  });

const bytes = message(pb.SavedModel, {
  savedModelSchemaVersion: 1,
  metaGraphs: [
    message(pb.MetaGraphDef, {
      metaInfoDef: message(pb.MetaGraphDef.MetaInfoDef, {
        tags: ["serve"],
        tensorflowVersion: "2.12.0",
      }),
      graphDef: graph,
      signatureDef: new Map([
        ["hold", signature({ values: info("values:0", -1) }, { values: info("holding:0", -1) })],
        ["held", signature({}, { values: info("held:0", -1) })],
        ["start", signature({}, { zero: info("started:0") })],
        [
          "step",
          signature({ x: info("x:0", 2) }, { count: info("count:0"), square: info("square:0", 2) }),
        ],
      ]),
    }),
  ],
}).serializeBinary();

const lines = Buffer.from(bytes)
  .toString("base64")
  .match(/.{1,96}/g)
  .map((line) => `  "${line}",`);
writeFileSync(
  new URL("../src/runtime/node/tensorflow/probe.ts", import.meta.url),
  `// Written by scripts/make-probe.mjs, which says what it holds: a SavedModel of ${bytes.length} bytes, in base64.
export const PROBE_SAVED_MODEL = [
${lines.join("\n")}
].join("");
`,
);
