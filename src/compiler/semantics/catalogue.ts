// Every complaint of the checker: names (SPC2xxx), types, shapes, layers and images (SPC3xxx), recipes (SPC4xxx).
import { imageEntries } from "./catalogue/images.ts";
import { layerEntries } from "./catalogue/layers.ts";
import { nameEntries } from "./catalogue/names.ts";
import { recipeEntries } from "./catalogue/recipes.ts";
import { typeEntries } from "./catalogue/types.ts";

export const catalogue = [
  ...nameEntries,
  ...typeEntries,
  ...layerEntries,
  ...imageEntries,
  ...recipeEntries,
] as const;
/** What the checker itself complains of. */
export type BaseEntry = (typeof catalogue)[number];
