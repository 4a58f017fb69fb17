// Opens a bundle's folder on Node: its manifest, checked, and its programs as modules.
import { MANIFEST } from "../../bundle/names.ts";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { LoadedBundle, ProgramModule } from "../../bundle/engine.ts";
import { FileFault } from "../../bundle/file-fault.ts";
import type { Manifest } from "../../bundle/manifest.ts";
import { SAVED_MODEL_FOLDER } from "../../bundle/saved-model.ts";
import { asFault } from "../host.ts";

const FORMAT_VERSION = 1;
const REBUILD = "build the bundle again with specc build";

/** The outline only: the published schema says the rest, and the bundle ships its validator. */
const isManifest = (x: object): x is Manifest => {
  const m = x as Partial<Record<string, unknown>>;
  return (
    typeof m["specHash"] === "string" &&
    typeof m["model"] === "object" &&
    ["state", "programs", "files", "engines"].every((key) => Array.isArray(m[key]))
  );
};

const readManifest = async (folder: string): Promise<Manifest> => {
  const file = join(folder, MANIFEST);
  let json: unknown;
  try {
    json = JSON.parse(await readFile(file, "utf8"));
  } catch (error) {
    if (error instanceof SyntaxError)
      throw new FileFault(file, "not JSON: cut short or damaged", REBUILD);
    throw asFault(error, file, "opening a bundle", "name the folder that specc build has written");
  }
  if (typeof json !== "object" || json === null)
    throw new FileFault(file, "not a manifest", REBUILD);
  const version = "formatVersion" in json ? json.formatVersion : undefined;
  if (version !== FORMAT_VERSION) {
    throw new FileFault(
      file,
      `format version ${String(version)}; this runtime reads ${FORMAT_VERSION}`,
      REBUILD,
    );
  }
  if (!isManifest(json)) throw new FileFault(file, "not a whole manifest", REBUILD);
  return json;
};

const isProgram = (x: object): x is ProgramModule =>
  "run" in x && typeof x.run === "function" && "constants" in x;

const checkFiles = async (folder: string, manifest: Manifest): Promise<void> => {
  for (const { path, sha256 } of manifest.files) {
    const file = join(folder, path);
    const bytes = await readFile(file).catch((error: unknown) => {
      throw asFault(error, file, "checking the bundle", REBUILD);
    });
    const found = createHash("sha256").update(bytes).digest("hex");
    if (found !== sha256)
      throw new FileFault(
        file,
        `changed since it was built (sha256 ${found.slice(0, 12)}, not ${sha256.slice(0, 12)})`,
        REBUILD,
      );
  }
};

/** `verify` compares each file with its hash first. */
export const openBundle = async (
  folder: string,
  options: { readonly verify?: boolean } = {},
): Promise<LoadedBundle> => {
  const manifest = await readManifest(folder);
  if (options.verify === true) await checkFiles(folder, manifest);
  const modules = manifest.engines.includes("wasm") ? manifest.programs : [];
  const programs = await Promise.all(
    modules.map(async ({ name }): Promise<[string, ProgramModule]> => {
      const file = resolve(folder, "programs", `${name}.js`);
      try {
        const module: unknown = await import(pathToFileURL(file).href);
        if (typeof module === "object" && module !== null && isProgram(module))
          return [name, module];
      } catch (error) {
        throw new FileFault(
          file,
          `cannot be loaded: ${error instanceof Error ? error.message : String(error)}`,
          REBUILD,
        );
      }
      throw new FileFault(file, "not a program of a bundle", REBUILD);
    }),
  );
  return {
    manifest,
    programs: Object.fromEntries(programs),
    savedModel: manifest.engines.includes("tensorflow")
      ? { folder: resolve(folder, SAVED_MODEL_FOLDER) }
      : undefined,
  };
};
