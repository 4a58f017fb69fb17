// tfjs-node's JavaScript: the project's own package, else specc's neighbour, else npm's. Only the files that take part are kept
// (8 MB of 300), so that the library's folder depends on no project.
import { existsSync, readFileSync, realpathSync } from "node:fs";
import { cp, mkdir, writeFile } from "node:fs/promises";
import { dirname, join, parse, sep } from "node:path";
import { CliError } from "../errors.ts";
import { complaintOf, run, type Surroundings } from "./child.ts";

const TFJS_NODE = "4.22.0";
const NAMES = ["@tensorflow/tfjs-node-gpu", "@tensorflow/tfjs-node"] as const;

export interface JavascriptPackage {
  readonly folder: string;
  readonly name: string;
  readonly version: string;
}

const read = (folder: string): JavascriptPackage | undefined => {
  try {
    const found = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as {
      name: string;
      version: string;
    };
    return { folder: realpathSync(folder), name: found.name, version: found.version };
  } catch {
    return undefined;
  }
};
/** The binding and the JavaScript belong together; patches of a minor version do not change what lies between them. */
const fits = ({ folder, version }: JavascriptPackage): boolean =>
  version.startsWith(TFJS_NODE.replace(/\d+$/, "")) &&
  existsSync(join(folder, "dist", "nodejs_kernel_backend.js")) &&
  existsSync(join(folder, "binding", "tfjs_backend.cc"));

/** Upwards from each of `places`, as Node looks for packages. */
export const findJavascript = (places: readonly string[]): JavascriptPackage | undefined => {
  for (const place of places)
    for (let folder = place; ; folder = dirname(folder)) {
      for (const name of NAMES) {
        const found = read(join(folder, "node_modules", name));
        if (found !== undefined && fits(found)) return found;
      }
      if (folder === parse(folder).root) break;
    }
  return undefined;
};

/** Without its install script, which would fetch an old libtensorflow. */
export const fetchJavascript = async (
  scratch: string,
  around: Surroundings,
): Promise<JavascriptPackage> => {
  const [name] = NAMES;
  const folder = join(scratch, "npm");
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "package.json"), '{ "private": true }\n');
  const ended = await run(
    "npm",
    [
      "install",
      "--ignore-scripts",
      "--no-audit",
      "--no-fund",
      "--loglevel=error",
      `${name}@${TFJS_NODE}`,
    ],
    around,
    { cwd: folder },
  );
  const instead = `where there is a network: npm install --ignore-scripts ${name}@${TFJS_NODE}`;
  if (ended.code === undefined)
    throw new CliError(`${name} is not installed, and there is no npm to fetch it`, [instead], 1);
  const found = read(join(folder, "node_modules", name));
  if (ended.code !== 0 || found === undefined || !fits(found))
    throw new CliError(
      `npm could not fetch ${name} ${TFJS_NODE}: ${complaintOf(ended)}`,
      [instead],
      1,
    );
  return found;
};

/** `…/node_modules/@scope/name/dist/x.js` as its package's folder, its name and the rest; the innermost package counts. */
const ownerOf = (
  path: string,
): { readonly root: string; readonly name: string; readonly rest: string } | undefined => {
  const mark = `${sep}node_modules${sep}`;
  const at = path.lastIndexOf(mark);
  if (at < 0) return undefined;
  const parts = path.slice(at + mark.length).split(sep);
  const name = parts.slice(0, parts[0]!.startsWith("@") ? 2 : 1);
  const root = join(path.slice(0, at), "node_modules", ...name);
  return { root, name: name.join("/"), rest: parts.slice(name.length).join(sep) };
};

/**
 * Copies the scripts that a verification used, with the package.json of each package, to `target`/node_modules. Undefined when
 * two versions of one package took part, which a flat folder cannot hold.
 */
export const keepScripts = async (
  scripts: readonly string[],
  target: string,
): Promise<readonly string[] | undefined> => {
  const roots = new Map<string, string>();
  const files = new Map<string, string>();
  for (const path of scripts) {
    const owner = ownerOf(path);
    if (owner === undefined) continue;
    if ((roots.get(owner.name) ?? owner.root) !== owner.root) return undefined;
    roots.set(owner.name, owner.root);
    for (const rest of [owner.rest, "package.json"])
      files.set(join("node_modules", owner.name, rest), join(owner.root, rest));
  }
  for (const [to, from] of files) await cp(from, join(target, to));
  return [...files.keys()].sort();
};
