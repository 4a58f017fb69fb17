// Short ways to write tables: the types that keys use over and over.
import type { Constructor, Key, Type } from "../schema.ts";

export const sum = (name: string): Type => ({ kind: "sum", name });
export const counting: Type = { kind: "int", min: 1 };
export const positive: Type = { kind: "float", above: 0 };
export const fraction: Type = { kind: "float", min: 0, max: 1, percent: true };
export const yesNo: Type = { kind: "bool" };
export const key = (
  name: string,
  type: Type,
  doc: string,
  rest: Omit<Key, "name" | "type" | "doc"> = {},
): Key => ({ name, type, doc, ...rest });
export const ctor = (
  of: string,
  name: string,
  doc: string,
  keys: readonly Key[] = [],
  source?: string,
): Constructor => ({ name, of, doc, keys, ...(source !== undefined && { source }) });

export const llama = "Hugging Face LlamaConfig";
export const initKey = (doc: string): Key =>
  key("init", sum("Init"), doc, { default: "normal(0.02)", source: `${llama}: initializer_range` });
export const biasKey = (doc = "adds a bias to each of its linear layers"): Key =>
  key("bias", yesNo, doc, { default: "false", source: llama });
