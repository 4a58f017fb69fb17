// Where specc keeps what it fetched for itself. Safe to delete: `specc backend add` makes it again.
import { homedir } from "node:os";
import { join, resolve } from "node:path";

type Environment = Readonly<Record<string, string | undefined>>;

/** `$SPECC_CACHE_DIR`, else the XDG base directory's `specc`. */
export const cacheFolder = (env: Environment = process.env): string => {
  const own = env["SPECC_CACHE_DIR"] ?? "";
  if (own !== "") return resolve(own);
  const xdg = env["XDG_CACHE_HOME"] ?? "";
  return join(xdg.startsWith("/") ? xdg : join(homedir(), ".cache"), "specc");
};

/** One folder below it for each installed TensorFlow: `2.21.0-cpu`. */
export const tensorflowFolder = (cache: string): string => join(cache, "tensorflow");
export const variantName = (tensorflow: string, gpu: boolean): string =>
  `${tensorflow}-${gpu ? "gpu" : "cpu"}`;
