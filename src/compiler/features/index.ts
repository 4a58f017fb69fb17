// The only list of features. Order at a site is the order here.
import type { Feature } from "./feature.ts";
import { coe } from "./coe/index.ts";
import { gpas } from "./gpas/index.ts";
import { mla } from "./mla/index.ts";
import { moe } from "./moe/index.ts";
import { neurotrails } from "./neurotrails/index.ts";
import { sandwich } from "./sandwich/index.ts";

export const features: readonly Feature[] = [gpas, coe, mla, moe, neurotrails, sandwich];
export type { Feature };
