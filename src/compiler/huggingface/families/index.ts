// The table of families. Where several could say the same model, the first is written.
import type { Family } from "../family.ts";
import { llama } from "./llama.ts";

export const families: readonly Family[] = [llama];
