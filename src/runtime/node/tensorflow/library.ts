// Finds TensorFlow: what `specc backend add` keeps in the cache, newest version first, else a tfjs-node that installed with its
// own library.
import { readdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { cacheFolder, tensorflowFolder } from "./cache.ts";
import { stockLibrary } from "./stock.ts";
import { hasCard } from "./card.ts";
import { missingFile, readManifest, type Library, type LibraryManifest } from "./manifest.ts";

export const ADD_COMMAND = "specc backend add tensorflow";

export interface NoLibrary {
  /** A clause for people, without a full stop. */
  readonly reason: string;
  /** The one command that helps. */
  readonly help: string;
}
export interface FindOptions {
  /** True: only one built for cards. False: prefer one without. Undefined: with a card here, prefer one that can use it. */
  readonly gpu?: boolean | undefined;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Where a tfjs-node with its own library is looked for, upwards. */
  readonly project?: string;
}

export const PLATFORM = `${process.platform}-${process.arch}`;

export const libraryOf = (folder: string, manifest: LibraryManifest): Library => ({
  folder,
  tensorflow: manifest.tensorflow,
  tfjsNode: manifest.tfjsNode,
  gpu: manifest.gpu,
  libraries: manifest.libraries.map((path) => resolve(folder, path)),
  binding: resolve(folder, manifest.binding),
  javascript: resolve(folder, manifest.javascript),
  cudaData: manifest.cudaData === null ? undefined : resolve(folder, manifest.cudaData),
});

export type Installed =
  | { readonly kind: "whole"; readonly folder: string; readonly manifest: LibraryManifest }
  | { readonly kind: "broken"; readonly folder: string; readonly fault: string };

/** Numeric parts first to last; a part without a number counts as 0. */
const byVersion = (a: string, b: string): number => {
  const [x, y] = [a, b].map((text) => text.split(/[.-]/).map((part) => Number(part) || 0));
  for (let i = 0; i < Math.max(x!.length, y!.length); i++)
    if ((x![i] ?? 0) !== (y![i] ?? 0)) return (x![i] ?? 0) - (y![i] ?? 0);
  return a < b ? -1 : 1;
};

/** Everything in the cache that has a manifest or should have one, newest first. Unfinished folders start with a dot. */
export const installedLibraries = async (cache: string): Promise<readonly Installed[]> => {
  const root = tensorflowFolder(cache);
  const names = (await readdir(root).catch(() => []))
    .filter((name) => /^\d/.test(name))
    .sort(byVersion)
    .reverse();
  return Promise.all(
    names.map(async (name): Promise<Installed> => {
      const folder = join(root, name);
      const manifest = await readManifest(folder);
      if (manifest === undefined)
        return { kind: "broken", folder, fault: "its manifest is missing" };
      if ("fault" in manifest)
        return { kind: "broken", folder, fault: `its manifest ${manifest.fault}` };
      if (manifest.platform !== PLATFORM)
        return { kind: "broken", folder, fault: `it is for ${manifest.platform}` };
      const missing = await missingFile(folder, manifest);
      return missing === undefined
        ? { kind: "whole", folder, manifest }
        : { kind: "broken", folder, fault: missing };
    }),
  );
};

export const findLibrary = async ({
  gpu,
  env = process.env,
  project = process.cwd(),
}: FindOptions = {}): Promise<Library | NoLibrary> => {
  const help = gpu === true ? `${ADD_COMMAND} --gpu` : ADD_COMMAND;
  const installed = await installedLibraries(cacheFolder(env));
  const whole = installed.flatMap((each) =>
    each.kind === "whole" ? [libraryOf(each.folder, each.manifest)] : [],
  );
  const preferred = gpu ?? hasCard();
  const found =
    whole.find((library) => library.gpu === preferred) ?? (gpu === true ? undefined : whole[0]);
  if (found !== undefined) return found;
  const stock = await stockLibrary(project, cacheFolder(env), gpu);
  if (stock !== undefined && "binding" in stock) return stock;
  const broken = installed.find((each) => each.kind === "broken");
  return {
    reason:
      broken !== undefined
        ? `${broken.folder} is broken: ${broken.fault}`
        : whole.length > 0
          ? "TensorFlow is installed for the CPU only"
          : (stock?.reason ?? "TensorFlow is not installed"),
    help,
  };
};
