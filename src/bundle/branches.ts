// The names of what a model parts into, by the paths of what lies there.

/** "heads.1.blocks.3.attention.q.weight" -> "heads.1"; "" where a path lies in no branch. */
export const branchOf = (path: string): string =>
  /^(?!blocks\.)\w+\.\d+(?=\.)/.exec(path)?.[0] ?? "";

/** What is measured of one of several answers: "heads/0/accuracy". */
export interface PartMeasure {
  /** "heads" */
  readonly word: string;
  readonly index: number;
  readonly measure: string;
}
export const partMeasure = (name: string): PartMeasure | undefined => {
  const [, word, index, measure] = /^(\w+)\/(\d+)\/(\w+)$/.exec(name) ?? [];
  return word === undefined || measure === undefined
    ? undefined
    : { word, index: Number(index), measure };
};
/** "heads" of measures that know several. */
export const partsWord = (measures: Iterable<string>): string | undefined =>
  [...measures].map(partMeasure).find((part) => part !== undefined)?.word;
/** "heads" -> "head" */
export const singular = (word: string): string => word.replace(/s$/, "");
