// `.arch` files for the compiler: which ones the arguments name, how imports are resolved (inside the project root only), and
// how their diagnostics are shown.
import { readdirSync, realpathSync, statSync } from "node:fs";
import { dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { pathToFileURL } from "node:url";
import { PAGE } from "../compiler/diagnostics/page.ts";
import { render, type RenderOptions } from "../compiler/diagnostics/render.ts";
import type { Diagnostic, Source } from "../compiler/diagnostics/types.ts";
import type { FileLoader } from "../compiler/semantics/load.ts";
import { catalogue } from "../compiler/words.ts";
import { wantsColor, wantsUnicode } from "./color.ts";
import { CliError } from "./errors.ts";
import {
  isFile,
  isFolder,
  noFile,
  packageRoot,
  projectRoot,
  readSource,
  shownPath,
} from "./files.ts";
import type { Io } from "./io.ts";
import { MANIFEST } from "../bundle/names.ts";
import type { ColorChoice } from "./options.ts";

const SKIPPED: ReadonlySet<string> = new Set(["node_modules", "dist", ".git"]);
/** A pipe or a device is no source; a link that leads nowhere is told as a file that is missing. */
const isReadable = (path: string): boolean =>
  statSync(path, { throwIfNoEntry: false })?.isFile() ?? true;
/** Runs and bundles carry copies of their sources, which are nobody's to edit. */
const archFilesBelow = (folder: string): readonly string[] => {
  const entries = readdirSync(folder, { withFileTypes: true });
  if (entries.some(({ name }) => name === MANIFEST)) return [];
  return entries
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory())
        return SKIPPED.has(entry.name) || entry.name.startsWith(".") ? [] : archFilesBelow(path);
      return entry.name.endsWith(".arch") && isReadable(path) ? [path] : [];
    });
};

/** Files as given, folders as the `.arch` files below them; absolute. */
export const archFiles = (io: Io, given: readonly string[]): readonly string[] => {
  const found = given.flatMap((name) => {
    const path = resolve(io.cwd, name);
    if (!isFolder(path)) {
      if (!isFile(path)) throw noFile(path, name);
      if (!path.endsWith(".arch")) throw new CliError(`${name} is no .arch file`);
      return [path];
    }
    const below = archFilesBelow(path);
    if (below.length > 0) return below;
    throw new CliError(
      `no .arch files in ${name}`,
      isFile(join(path, MANIFEST))
        ? ["it is a bundle: its sources were checked when it was built"]
        : [],
    );
  });
  return [...new Set(found)];
};

const inside = (root: string, path: string): boolean => {
  const way = relative(root, path);
  return way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way);
};
const folderFault = (path: string, spec: string): string => {
  const some = readdirSync(path)
    .filter((name) => name.endsWith(".arch"))
    .sort()[0];
  const hint =
    some === undefined ? "" : `; name a file in it, such as "${spec.replace(/\/$/, "")}/${some}"`;
  return `it is a folder${hint}`;
};

/** Paths go to the compiler as people see them; imports may not leave the project root, not even through a link. */
export const filesOf = (io: Io, entry: string): FileLoader => {
  const root = realpathSync(projectRoot(entry));
  return {
    read: (path) => readSource(resolve(io.cwd, path)),
    resolveImport: (from, spec) => {
      const path = resolve(dirname(resolve(io.cwd, from)), spec);
      if (!inside(root, path) || (isFile(path) && !inside(root, realpathSync(path))))
        return {
          fault: `it lies outside of the project's folder, ${root}: that of the nearest package.json, else the spec's own`,
        };
      if (isFolder(path)) return { fault: folderFault(path, spec) };
      return { path: shownPath(io.cwd, path) };
    },
  };
};

/** The page of diagnostics that came with specc, for terminals that open links. */
const pageUrl = (): string => pathToFileURL(join(packageRoot(), PAGE)).href;

export type Format = RenderOptions["format"];

export const showDiagnostics = (
  io: Io,
  shown: { readonly diagnostics: readonly Diagnostic[]; readonly sources: readonly Source[] },
  options: {
    readonly format: Format;
    readonly stream: "out" | "err";
    readonly color: ColorChoice["color"];
    readonly version: string;
  },
): void => {
  if (options.format === "text" && shown.diagnostics.length === 0) return;
  const color = wantsColor(io, options.color, options.stream);
  const text = render(shown.diagnostics, shown.sources, {
    format: options.format,
    color,
    unicode: wantsUnicode(io),
    ...(color && io.terminal[options.stream] ? { page: pageUrl() } : {}),
    catalogue,
    version: options.version,
  });
  io[options.stream](text.endsWith("\n") || text === "" ? text : `${text}\n`);
};
