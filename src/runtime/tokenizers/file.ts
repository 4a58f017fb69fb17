// The parts of a tokenizer.json, as those who read it share them.
import type { FileFault } from "../../bundle/file-fault.ts";

export type Json = Readonly<Record<string, unknown>>;
export const isObject = (x: unknown): x is Json =>
  typeof x === "object" && x !== null && !Array.isArray(x);
export const listOf = (x: unknown): readonly unknown[] => (Array.isArray(x) ? x : []);

/** A sequence and its single parts alike. */
export const partsOf = (x: unknown, key: string): readonly Json[] => {
  if (!isObject(x)) return [];
  return x["type"] === "Sequence" ? listOf(x[key]).flatMap((part) => partsOf(part, key)) : [x];
};

export type Fault = (reason: string) => FileFault;
export interface TokenizerFile {
  readonly json: Json;
  readonly model: Json;
  /** Put before a text. */
  readonly begin: readonly number[];
  readonly fault: Fault;
}
