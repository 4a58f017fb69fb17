// The protocol buffer messages of a SavedModel, as far as specc writes them: names, numbers and types of TensorFlow's own
// .proto files (core/protobuf/saved_model.proto, meta_graph.proto, core/framework/*.proto). Maps are written in the order of
// their keys here, so equal values have equal bytes.
import protobuf from "protobufjs/light.js";

export interface Shape {
  readonly dim: readonly { readonly size: number }[];
}
export interface Tensor {
  readonly dtype: number;
  readonly tensorShape: Shape;
  readonly tensorContent: Uint8Array;
}
export interface NameAttrList {
  readonly name: string;
}
interface ListValue {
  readonly s?: readonly Uint8Array[];
  readonly i?: readonly number[];
  readonly type?: readonly number[];
  readonly shape?: readonly Shape[];
  readonly func?: readonly NameAttrList[];
}
/** One of. */
export type AttrValue =
  | { readonly s: Uint8Array }
  | { readonly i: number }
  | { readonly f: number }
  | { readonly b: boolean }
  | { readonly type: number }
  | { readonly shape: Shape }
  | { readonly tensor: Tensor }
  | { readonly list: ListValue }
  | { readonly func: NameAttrList };
type Map<T> = Readonly<Record<string, T>>;

export interface NodeDef {
  readonly name: string;
  readonly op: string;
  readonly input: readonly string[];
  readonly attr: Map<AttrValue>;
}
export interface ArgDef {
  readonly name: string;
  readonly type: number;
}
export interface FunctionDef {
  readonly signature: {
    readonly name: string;
    readonly inputArg: readonly ArgDef[];
    readonly outputArg: readonly ArgDef[];
    readonly isStateful: boolean;
    readonly controlOutput: readonly string[];
  };
  readonly nodeDef: readonly NodeDef[];
  /** Results, "node:output_arg:index" by their name. */
  readonly ret: Map<string>;
  /** Nodes that run though no result needs them, by name. */
  readonly controlRet: Map<string>;
}
export interface TensorInfo {
  readonly name: string;
  readonly dtype: number;
  readonly tensorShape: Shape;
}
export interface SignatureDef {
  readonly inputs: Map<TensorInfo>;
  readonly outputs: Map<TensorInfo>;
  readonly methodName: string;
}
export interface SavedModel {
  readonly savedModelSchemaVersion: number;
  readonly metaGraphs: readonly {
    readonly metaInfoDef: { readonly tags: readonly string[]; readonly tensorflowVersion: string };
    readonly graphDef: {
      readonly node: readonly NodeDef[];
      readonly library: { readonly function: readonly FunctionDef[] };
      readonly versions: { readonly producer: number };
    };
    readonly signatureDef: Map<SignatureDef>;
  }[];
}

const one = (id: number, type: string): protobuf.IField => ({ id, type });
const many = (id: number, type: string): protobuf.IField => ({ id, type, rule: "repeated" });
const map = (id: number, type: string): protobuf.IMapField => ({ id, type, keyType: "string" });
const message = (fields: Record<string, protobuf.IField | protobuf.IMapField>): protobuf.IType => ({
  fields,
});

const root = protobuf.Root.fromJSON({
  nested: {
    Dim: message({ size: one(1, "int64") }),
    TensorShapeProto: message({ dim: many(2, "Dim") }),
    TensorProto: message({
      dtype: one(1, "int32"),
      tensorShape: one(2, "TensorShapeProto"),
      tensorContent: one(4, "bytes"),
    }),
    NameAttrList: message({ name: one(1, "string") }),
    ListValue: message({
      s: many(2, "bytes"),
      i: many(3, "int64"),
      type: many(6, "int32"),
      shape: many(7, "TensorShapeProto"),
      func: many(9, "NameAttrList"),
    }),
    AttrValue: {
      // members of a oneof are written even when they hold the type's zero
      oneofs: { value: { oneof: ["s", "i", "f", "b", "type", "shape", "tensor", "list", "func"] } },
      ...message({
        list: one(1, "ListValue"),
        s: one(2, "bytes"),
        i: one(3, "int64"),
        f: one(4, "float"),
        b: one(5, "bool"),
        type: one(6, "int32"),
        shape: one(7, "TensorShapeProto"),
        tensor: one(8, "TensorProto"),
        func: one(10, "NameAttrList"),
      }),
    },
    NodeDef: message({
      name: one(1, "string"),
      op: one(2, "string"),
      input: many(3, "string"),
      attr: map(5, "AttrValue"),
    }),
    ArgDef: message({ name: one(1, "string"), type: one(3, "int32") }),
    OpDef: message({
      name: one(1, "string"),
      inputArg: many(2, "ArgDef"),
      outputArg: many(3, "ArgDef"),
      isStateful: one(17, "bool"),
      controlOutput: many(20, "string"),
    }),
    FunctionDef: message({
      signature: one(1, "OpDef"),
      nodeDef: many(3, "NodeDef"),
      ret: map(4, "string"),
      controlRet: map(6, "string"),
    }),
    FunctionDefLibrary: message({ function: many(1, "FunctionDef") }),
    VersionDef: message({ producer: one(1, "int32") }),
    GraphDef: message({
      node: many(1, "NodeDef"),
      library: one(2, "FunctionDefLibrary"),
      versions: one(4, "VersionDef"),
    }),
    TensorInfo: message({
      name: one(1, "string"),
      dtype: one(2, "int32"),
      tensorShape: one(3, "TensorShapeProto"),
    }),
    SignatureDef: message({
      inputs: map(1, "TensorInfo"),
      outputs: map(2, "TensorInfo"),
      methodName: one(3, "string"),
    }),
    MetaInfoDef: message({ tags: many(4, "string"), tensorflowVersion: one(5, "string") }),
    MetaGraphDef: message({
      metaInfoDef: one(1, "MetaInfoDef"),
      graphDef: one(2, "GraphDef"),
      signatureDef: map(5, "SignatureDef"),
    }),
    SavedModel: message({
      savedModelSchemaVersion: one(1, "int64"),
      metaGraphs: many(2, "MetaGraphDef"),
    }),
  },
});
const SavedModel = root.lookupType("SavedModel");

export const encodeSavedModel = (model: SavedModel): Uint8Array =>
  SavedModel.encode({ ...model }).finish();
