// metrics.jsonl: a header row, then one object for each step. A resumed run drops the rows after its checkpoint, so that each
// step is told once.
import { keptParameters } from "../../bundle/kept-parameters.ts";
import type { Manifest } from "../../bundle/manifest.ts";
import { codeOf } from "../file-errors.ts";
import { replaceFile, type Host, asFault } from "../host.ts";

export type Row = Readonly<
  Record<string, number | string | null | readonly string[] | readonly number[]>
>;

/** JSON has no NaN: such values become null, and the row names them. */
const jsonRow = (row: Row): string => {
  const broken = Object.keys(row).filter(
    (key) => typeof row[key] === "number" && !Number.isFinite(row[key]),
  );
  const values = Object.fromEntries(
    Object.entries(row).map(([key, value]) => [key, broken.includes(key) ? null : value]),
  );
  return `${JSON.stringify(broken.length > 0 ? { ...values, nonfinite: broken } : values)}\n`;
};

const isRow = (x: unknown): x is Row => typeof x === "object" && x !== null && !Array.isArray(x);
/** Rows of an earlier run up to a step; a last line cut by a crash is left out. */
const earlierRows = async (host: Host, path: string, through: number): Promise<readonly Row[]> => {
  let text: string;
  try {
    text = new TextDecoder().decode(await host.readFile(path));
  } catch (error) {
    if (codeOf(error) === "ENOENT") return [];
    throw asFault(error, path, "reading it");
  }
  return text.split("\n").flatMap((line) => {
    try {
      const row: unknown = JSON.parse(line);
      return isRow(row) && typeof row["step"] === "number" && row["step"] <= through ? [row] : [];
    } catch {
      return [];
    }
  });
};

const headerOf = (
  manifest: Manifest,
  { engine, notices, seed, weights, dataRoot }: LogOptions,
  kept = keptParameters(manifest),
): object => ({
  type: "run",
  run_id: `${manifest.model.name}-${manifest.specHash.slice(0, 12)}-${seed}`,
  spec_sha256: manifest.specHash,
  versions: { [manifest.generator.name]: manifest.generator.version },
  backend: engine,
  ...(notices.length > 0 ? { notices } : {}),
  data_root: dataRoot,
  ...(kept < manifest.model.parameters ? { kept_parameters: kept } : {}),
  config: { model: { ...manifest.model }, training: manifest.training, seed, weights },
});

export interface MetricsLog {
  /** All rows so far, those of the resumed run included. */
  readonly rows: readonly Row[];
  write(row: Row): Promise<void>;
}
export interface LogOptions {
  readonly engine: string;
  /** Of the session, as it begins. */
  readonly notices: readonly string[];
  readonly seed: number;
  /** What the training began with; null: the seed's values. */
  readonly weights: string | null;
  /** Where relative paths of data begin, seen from the run's folder, for who opens the run later. */
  readonly dataRoot: string | undefined;
  /** The step that the run resumes after; 0 starts anew. */
  readonly through: number;
}
export const openMetrics = async (
  host: Host,
  path: string,
  manifest: Manifest,
  options: LogOptions,
): Promise<MetricsLog> => {
  const { through } = options;
  const rows: Row[] = through > 0 ? [...(await earlierRows(host, path, through))] : [];
  const header = `${JSON.stringify(headerOf(manifest, options))}\n`;
  await replaceFile(host, path, header + rows.map(jsonRow).join(""));
  return {
    rows,
    write: async (row) => {
      rows.push(row);
      try {
        await host.appendFile(path, jsonRow(row));
      } catch (error) {
        throw asFault(error, path, "writing a step");
      }
    },
  };
};
