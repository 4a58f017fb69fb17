// Which files the globs of a recipe mean, and their documents. A glob starts at the project root, or at the folder of an
// installed package; what it does not find is told with the place where it looked.
import { FileFault } from "../../bundle/file-fault.ts";
import type { TextData } from "../../bundle/manifest.ts";
import { joinPath, readText, type Host } from "../host.ts";

const isPattern = (part: string): boolean => /[*?]/.test(part);
const partMatcher = (part: string): RegExp =>
  new RegExp(
    `^${part
      .replace(/[.+^${}()|[\]\\]/g, "\\$&")
      .replaceAll("*", "[^/]*")
      .replaceAll("?", "[^/]")}$`,
    "u",
  );

/** Files below `folder` that the rest of a glob matches, in name order; `**` is any number of folders. */
const walk = async (
  host: Host,
  folder: string,
  parts: readonly string[],
): Promise<readonly string[]> => {
  const [part, ...rest] = parts;
  if (part === undefined) return [];
  if (!isPattern(part) && rest.length > 0) return walk(host, joinPath(folder, part), rest);
  const entries = (await host.list(folder === "" ? "." : folder)) ?? [];
  if (part === "**") {
    const here = await walk(host, folder, rest);
    const below = entries.filter(
      (e) => e.folder && e.name !== "node_modules" && !e.name.startsWith("."),
    );
    const inside = await Promise.all(below.map((e) => walk(host, joinPath(folder, e.name), parts)));
    return [...here, ...inside.flat()];
  }
  const matches = partMatcher(part);
  const found = entries.filter((e) => matches.test(e.name) && e.folder === rest.length > 0);
  if (rest.length === 0) return found.map((e) => joinPath(folder, e.name));
  return (await Promise.all(found.map((e) => walk(host, joinPath(folder, e.name), rest)))).flat();
};

/** The folder of an installed npm package. */
export const installed = async (name: string, host: Host): Promise<string> => {
  const folder = await host.packageFolder(name, host.root);
  if (folder !== undefined) return folder;
  throw new FileFault(
    name,
    `the package that holds the data is not installed (looked from ${host.root})`,
    `run: npm install ${name}`,
  );
};

/** Each file once, in the order of the globs and of names within a glob. */
export const findFiles = async (
  data: Pick<TextData, "files" | "package">,
  host: Host,
): Promise<readonly string[]> => {
  const base = data.package === null ? host.root : await installed(data.package, host);
  const found = new Set<string>();
  for (const glob of data.files) {
    const absolute = glob.startsWith("/");
    const parts = glob.split("/").filter((part) => part !== "" && part !== ".");
    const files = await walk(host, absolute ? "/" : base, parts);
    if (files.length === 0) {
      const place = absolute ? "" : ` in ${base}`;
      const path = absolute ? glob : joinPath(base, glob);
      if (parts.length > 0 && (await host.list(path)) !== undefined)
        throw new FileFault(glob, "a folder", `name the files in it: ${parts.join("/")}/*.txt`);
      throw new FileFault(
        glob === "" ? '""' : glob,
        `no data file matches${place}`,
        "paths begin at the project's folder, that of the nearest package.json, else the spec's own; put the file there, or correct `files` in the recipe's data",
      );
    }
    for (const file of files) found.add(file);
  }
  return [...found];
};

const linesOf = (text: string, file: string): readonly string[] =>
  text.split(/\r?\n/).flatMap((line, i) => {
    if (line.trim() === "") return [];
    const place = `${file}:${i + 1}`;
    try {
      const row: unknown = JSON.parse(line);
      if (typeof row === "object" && row !== null && "text" in row && typeof row.text === "string")
        return [row.text];
    } catch {
      throw new FileFault(place, "not a line of JSON");
    }
    throw new FileFault(place, "no column `text`");
  });

/** A text file is one document; each line of a .jsonl file is one, by its column `text`. */
export const readDocuments = async (
  files: readonly string[],
  host: Host,
): Promise<readonly string[]> => {
  const documents: string[] = [];
  for (const file of files) {
    const text = await readText(host, file);
    for (const document of file.endsWith(".jsonl") ? linesOf(text, file) : [text]) {
      if (document !== "") documents.push(document);
    }
  }
  return documents;
};
