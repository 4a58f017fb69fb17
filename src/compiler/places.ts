// Where things come from, for people: spans of spec paths for the graph, and "file.arch:line" for the manifest. Files are named
// relative to the entry's folder, so that a bundle does not depend on where it was built.
import type { Source, Span } from "./diagnostics/types.ts";
import type { Node } from "./ir/types.ts";
import type { Origins } from "./semantics/spec.ts";

/** The span of a path below the model, or of its nearest ancestor that was written somewhere. */
export const spanFinder =
  (origins: Origins, model: string) =>
  (path: string): Span | undefined => {
    for (
      let key = `models.${model}.${path}`;
      key.includes(".");
      key = key.slice(0, key.lastIndexOf("."))
    ) {
      const origin = origins.get(key);
      if (origin !== undefined) return origin.span;
    }
    return undefined;
  };

/** The text of an option `--set key=value` is a source, too, and no file. */
export const isOverride = (path: string): boolean => path.startsWith("--set ");

/** `path` as seen from the folder of `entry`; both with forward slashes. */
export const fromFolderOf = (entry: string, path: string): string => {
  if (isOverride(path)) return path;
  const folder = entry.split("/").slice(0, -1);
  const parts = path.split("/");
  let shared = 0;
  while (shared < folder.length && shared < parts.length - 1 && folder[shared] === parts[shared])
    shared++;
  return [...folder.slice(shared).map(() => ".."), ...parts.slice(shared)].join("/");
};

export const placeFinder = (sources: readonly Source[], entry: string) => {
  const known = new Map<string, string>();
  return ({ origin }: Node): string | undefined => {
    const source = origin === undefined ? undefined : sources[origin.file];
    if (origin === undefined || source === undefined) return undefined;
    const key = `${origin.file}:${origin.start}`;
    const place =
      known.get(key) ??
      `${fromFolderOf(entry, source.path)}:${source.text.slice(0, origin.start).split("\n").length}`;
    known.set(key, place);
    return place;
  };
};
