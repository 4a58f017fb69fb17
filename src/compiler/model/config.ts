// Reading values of a Variant. The checker has filled and typed every key, so a mismatch here is our bug.
import { isQuantity, isVariant } from "../semantics/spec-values.ts";
import { InternalError } from "../diagnostics/types.ts";
import type { Quantity, Value, Variant } from "../semantics/spec.ts";

const wrong = (variant: Variant, key: string, wanted: string): InternalError =>
  new InternalError(`${variant.is}: key ${key} is ${JSON.stringify(variant[key])}, not ${wanted}`);

export const number = (v: Variant, key: string): number => {
  const value = v[key];
  if (typeof value === "number") return value;
  throw wrong(v, key, "a number");
};
export const optionalNumber = (v: Variant, key: string): number | null =>
  v[key] === null || v[key] === undefined ? null : number(v, key);
export const flag = (v: Variant, key: string): boolean => {
  const value = v[key];
  if (typeof value === "boolean") return value;
  throw wrong(v, key, "true or false");
};
export const text = (v: Variant, key: string): string => {
  const value = v[key];
  if (typeof value === "string") return value;
  throw wrong(v, key, "text");
};
export const variant = (v: Variant, key: string): Variant => {
  const value = v[key];
  if (isVariant(value)) return value;
  throw wrong(v, key, "a constructor");
};
export const optionalVariant = (v: Variant, key: string): Variant | null =>
  v[key] === null || v[key] === undefined ? null : variant(v, key);
export const numbers = (v: Variant, key: string): readonly number[] => {
  const value = v[key];
  if (Array.isArray(value) && value.every((x): x is number => typeof x === "number")) return value;
  throw wrong(v, key, "a list of numbers");
};
export const quantity = (v: Variant, key: string): Quantity => {
  const value = v[key];
  if (isQuantity(value)) return value;
  throw wrong(v, key, "a quantity");
};
export const quantities = (v: Variant, key: string): readonly Quantity[] => {
  const list = v[key];
  if (Array.isArray(list)) {
    const found = (list as readonly Value[]).filter(isQuantity);
    if (found.length > 0 && found.length === list.length) return found;
  }
  throw wrong(v, key, "quantities");
};
