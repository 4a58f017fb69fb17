// Every complaint of the checker: names (SPC2xxx), types, shapes and layers (SPC3xxx), recipes (SPC4xxx).
import { layerEntries } from "./catalogue/layers.ts";
import { nameEntries } from "./catalogue/names.ts";
import { recipeEntries } from "./catalogue/recipes.ts";
import { typeEntries } from "./catalogue/types.ts";
import type { DiagnosticEntry } from "./schema.ts";

export const catalogue: readonly DiagnosticEntry[] = [
  ...nameEntries,
  ...typeEntries,
  ...layerEntries,
  ...recipeEntries,
];
