// What a recipe's data lacks, told without reading any of it: files are looked for and not opened.
import { FileFault } from "../../bundle/file-fault.ts";
import type { DataSpec } from "../../bundle/manifest.ts";
import type { Host } from "../host.ts";
import { findFiles, installed } from "./files.ts";
import { filesOf, folderOf, type Stored } from "./images/sources.ts";

export interface Missing {
  /** The part of the data that names it: "files.0", "source.folder". */
  readonly at: string;
  readonly fault: FileFault;
}

/** The fault that looking ends with. */
const faultOf = async (look: () => Promise<unknown>): Promise<FileFault | undefined> => {
  try {
    await look();
    return undefined;
  } catch (error) {
    if (error instanceof FileFault) return error;
    throw error;
  }
};

export const missingData = async (data: DataSpec, host: Host): Promise<readonly Missing[]> => {
  const found: Missing[] = [];
  const lookAt = async (at: string, look: () => Promise<unknown>): Promise<boolean> => {
    const fault = await faultOf(look);
    if (fault !== undefined) found.push({ at, fault });
    return fault === undefined;
  };
  if (data.kind === "images") {
    const { source } = data;
    if (source.kind === "shapes") return [];
    if (await lookAt("source.package", () => folderOf(source, host)))
      await lookAt("source.folder", () => lookForImages(source, host));
    return found;
  }
  const { files, package: name } = data;
  if (name !== null && !(await lookAt("package", () => installed(name, host)))) return found;
  for (const [i, glob] of files.entries())
    await lookAt(`files.${i}`, () => findFiles({ files: [glob], package: name }, host));
  return found;
};

const lookForImages = async (source: Stored, host: Host): Promise<void> => {
  const folder = await folderOf(source, host);
  const there = await host.list(folder);
  if (there === undefined) throw new FileFault(folder, "no such folder");
  const lacks = filesOf(source).filter((name) => !there.some((entry) => entry.name === name));
  if (lacks.length > 0) throw new FileFault(folder, `lacks ${lacks.join(", ")}`);
};
