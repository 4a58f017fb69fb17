// What specc ships with every bundle: the compiled runtime, the manifest's schema and the packages that the runtime imports.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { Assets } from "../compiler/emit/bundle.ts";
import { InternalError } from "../compiler/diagnostics/types.ts";
import { isFolder, packageRoot, readText } from "./files.ts";

const scripts = (folder: string, prefix: string): readonly (readonly [string, string])[] =>
  readdirSync(folder, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return scripts(path, `${prefix}/${entry.name}`);
      // helpers of our own tests lie among the compiled files of a clone
      return entry.name.endsWith(".js") && !entry.name.includes(".test.")
        ? [[`${prefix}/${entry.name}`, readText(path)] as const]
        : [];
    });

const parsedObject = (text: string): object => {
  const value: unknown = JSON.parse(text);
  if (typeof value !== "object" || value === null)
    throw new InternalError("expected a JSON object");
  return value;
};

export const loadAssets = (version: string): Assets => {
  const root = packageRoot();
  const compiled = join(root, "dist", "src");
  if (!isFolder(join(compiled, "runtime")))
    throw new InternalError(`the compiled runtime is missing: run \`npm run build\` in ${root}`);
  const dependencies = Object.entries(
    parsedObject(
      JSON.stringify(
        (parsedObject(readText(join(root, "package.json"))) as { dependencies?: object })
          .dependencies ?? {},
      ),
    ),
  ).filter(
    (entry): entry is [string, string] =>
      /^@(tensorflow\/tfjs-|huggingface\/)/.test(entry[0]) && typeof entry[1] === "string",
  );
  return {
    version,
    runtime: new Map([
      ...scripts(join(compiled, "runtime"), "runtime"),
      ...scripts(join(compiled, "bundle"), "bundle"),
    ]),
    manifestSchema: parsedObject(readText(join(root, "schemas", "manifest.schema.json"))),
    dependencies: Object.fromEntries(dependencies),
  };
};
