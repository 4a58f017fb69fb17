// Values of the Spec told apart: what checks ask before they compute.
import type { Quantity, Value, Variant } from "./spec.ts";

export const numberOf = (value: Value | undefined): number | undefined =>
  typeof value === "number" ? value : undefined;
export const isVariant = (value: Value | undefined): value is Variant =>
  typeof value === "object" && value !== null && "is" in value;
export const variantOf = (value: Value | undefined): Variant | undefined =>
  isVariant(value) ? value : undefined;
export const isQuantity = (value: Value | undefined): value is Quantity =>
  typeof value === "object" && value !== null && "unit" in value && typeof value.unit === "string";
