// Files by their hashes: written into a manifest, and held against it.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { InstalledFile } from "../../runtime/node/tensorflow/manifest.ts";

const sha256Of = async (path: string, signal?: AbortSignal): Promise<string> => {
  const hash = createHash("sha256");
  await pipeline(
    createReadStream(path, { highWaterMark: 1 << 20 }),
    hash,
    signal === undefined ? {} : { signal },
  );
  return hash.digest("hex");
};

export const describeFiles = async (
  folder: string,
  paths: readonly string[],
  signal: AbortSignal,
): Promise<readonly InstalledFile[]> => {
  const files: InstalledFile[] = [];
  for (const path of paths) {
    const whole = join(folder, path);
    const { size } = await stat(whole);
    files.push({ path, sha256: await sha256Of(whole, signal), bytes: size });
  }
  return files;
};

/** The first file that is gone or has changed. 1 s a GiB. */
export const changedFile = async (
  folder: string,
  files: readonly InstalledFile[],
  signal?: AbortSignal,
): Promise<string | undefined> => {
  for (const { path, sha256 } of files) {
    const whole = join(folder, path);
    if ((await stat(whole).catch(() => undefined)) === undefined) return `${path} is missing`;
    if ((await sha256Of(whole, signal)) !== sha256) return `${path} has changed`;
  }
  return undefined;
};
