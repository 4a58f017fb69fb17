// What a word that is not known was probably meant to be.
import { suggest } from "../../bundle/suggest.ts";
import { suggestion } from "../diagnostics/fix.ts";
import type { Diagnostic } from "../diagnostics/types.ts";
import type { Name } from "../syntax/ast.ts";
import { calledElsewhere, type OtherNames } from "./other-names.ts";

/** Help and fix for a word that is near a known one; else the list of what there is. */
export const didYouMean = (
  name: Name,
  candidates: readonly string[],
  others: OtherNames = {},
): { readonly help: string[]; readonly fixes?: Diagnostic["fixes"] } => {
  const near = calledElsewhere(name.text, candidates, others) ?? suggest(name.text, candidates);
  if (near !== undefined)
    return {
      help: [`did you mean \`${near}\`?`],
      ...suggestion(`Change to ${near}`, name.span, near),
    };
  if (candidates.length === 0) return { help: [] };
  const some = candidates.slice(0, 12).join(", ");
  return { help: [`known here: ${some}${candidates.length > 12 ? ", …" : ""}`] };
};
