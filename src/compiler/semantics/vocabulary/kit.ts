// Short ways to write tables: the types that keys use over and over.
import type { Key, Type } from "../schema.ts";

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
