// Bundles in folders: the manifest is validated against the published schema and each program against its hash before any of
// it runs.
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Ajv2020, type ErrorObject } from "ajv/dist/2020.js";
import type { LoadedBundle, ProgramModule } from "../bundle/engine.ts";
import type { Manifest } from "../bundle/manifest.ts";
import { sha256 } from "../compiler/emit/sha256.ts";
import { CliError } from "./errors.ts";
import { packageRoot, readBytes, readText, shownPath } from "./files.ts";
import type { Io } from "./io.ts";
import { MANIFEST } from "./target.ts";

const jsonOf = (path: string, shown: string): unknown => {
  const text = readText(path, shown);
  try {
    return JSON.parse(text);
  } catch {
    throw new CliError(`${shown} is not JSON: cut short or damaged`, [], 1);
  }
};
const told = ({ instancePath, message }: ErrorObject): string => `${instancePath === "" ? "the manifest" : instancePath} ${message ?? "is wrong"}`;

export const readManifest = (io: Io, folder: string): Manifest => {
  const path = join(folder, MANIFEST);
  const shown = shownPath(io.cwd, path);
  const value = jsonOf(path, shown);
  const schema = jsonOf(join(packageRoot(), "schemas", "manifest.schema.json"), "schemas/manifest.schema.json") as object;
  const validate = new Ajv2020({ strict: true, allErrors: true }).compile<Manifest>(schema);
  if (validate(value)) return value;
  const version = typeof value === "object" && value !== null && "formatVersion" in value ? value.formatVersion : undefined;
  if (typeof version === "number" && version > 1) throw new CliError(`${shown} has format ${version}; this specc reads 1`, ["update specc, or build the bundle again"], 1);
  throw new CliError(`${shown} is no manifest of a bundle`, (validate.errors ?? []).slice(0, 3).map(told), 1);
};

export const isProgramModule = (value: unknown): value is ProgramModule =>
  typeof value === "object" && value !== null && "run" in value && "constants" in value;

export const loadBundleFolder = async (io: Io, folder: string): Promise<LoadedBundle> => {
  const manifest = readManifest(io, folder);
  const hashes = new Map(manifest.files.map((file) => [file.path, file.sha256]));
  const programs: Record<string, ProgramModule> = {};
  for (const { name } of manifest.programs) {
    const path = join(folder, "programs", `${name}.js`);
    const shown = shownPath(io.cwd, path);
    if (sha256(readBytes(path, shown)) !== hashes.get(`programs/${name}.js`))
      throw new CliError(`${shown} is not the file that ${MANIFEST} describes`, ["it was edited or damaged: build the bundle again"], 1);
    const module: unknown = await import(pathToFileURL(path).href);
    if (!isProgramModule(module)) throw new CliError(`${shown} is no program of specc`, [], 1);
    programs[name] = module;
  }
  return { manifest, programs };
};
