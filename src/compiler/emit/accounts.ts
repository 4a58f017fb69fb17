// What a picture tells in numbers: the parameters of trunk and branches, and what masks leave of them and of each part.
import { densityText, grouped } from "../../bundle/numbers.ts";
import type { Count, Summary } from "./summary.ts";

export interface Accounts {
  /** Of the model, then of what its branches share: "26,792 parameters in the trunk · density 0.9382". */
  readonly about: readonly string[];
  /** "27,080 parameters · density 0.8016", of a branch by its name. */
  readonly ofBranch?: (name: string) => string;
  /** "density 0.4471", of layers by their names; nothing where no mask is. */
  readonly ofLayers?: (names: readonly string[]) => string | undefined;
}

const densityOf = ({ unmasked, parameters }: Omit<Count, "density">): string | undefined =>
  unmasked < parameters ? `density ${densityText(unmasked / parameters)}` : undefined;
const told = (count: Count, where = ""): string =>
  [`${grouped(count.parameters)} parameters${where}`, densityOf(count)]
    .filter((part) => part !== undefined)
    .join(" · ");

/** @param cost what else is told of the whole: "222 k FLOPs a token" */
export const accountsOf = (summary: Summary, cost: string): Accounts => {
  const branch = (wanted: string): Count | undefined =>
    summary.branches.find(({ name }) => name === wanted);
  const trunk = branch("trunk");
  return {
    about: [
      `${told(summary)} · ${cost}`,
      ...(trunk === undefined ? [] : [told(trunk, " in the trunk")]),
    ],
    ofBranch: (name) => {
      const count = branch(name);
      return count === undefined ? "" : told(count);
    },
    ofLayers: (names) => {
      const layers = summary.layers.filter(({ name }) => names.includes(name));
      const sum = (of: (layer: Count) => number): number => layers.reduce((n, l) => n + of(l), 0);
      return densityOf({
        parameters: sum((layer) => layer.parameters),
        unmasked: sum((layer) => layer.unmasked),
      });
    },
  };
};
