// The CUDA 12 libraries and cuDNN 9 that TensorFlow opens on a card, all or none: those that the machine has, and pip's wheels
// for the rest. XLA also needs the device library and the assembler of nvcc.
import { existsSync, readdirSync } from "node:fs";
import { chmod } from "node:fs/promises";
import { join } from "node:path";
import { CliError } from "../errors.ts";
import { run, type Surroundings } from "./child.ts";
import { obtainWheel, unpackWheel, type Fetch } from "./python.ts";

/** One wheel of NVIDIA's. `mib` is its size on the index (2026), for what is said before it is fetched. */
interface Part {
  readonly wheel: string;
  /** Below `nvidia/` in the wheel. */
  readonly folder: string;
  /** What TensorFlow opens of it, or what that needs; none for nvcc. */
  readonly libraries: readonly string[];
  readonly mib: number;
}

/** In the order of their needs: each is opened after what it links to. */
const PARTS: readonly Part[] = [
  {
    wheel: "nvidia-cuda-runtime-cu12",
    folder: "cuda_runtime",
    libraries: ["libcudart.so.12"],
    mib: 3,
  },
  {
    wheel: "nvidia-nvjitlink-cu12",
    folder: "nvjitlink",
    libraries: ["libnvJitLink.so.12"],
    mib: 38,
  },
  { wheel: "nvidia-cuda-nvrtc-cu12", folder: "cuda_nvrtc", libraries: ["libnvrtc.so.12"], mib: 85 },
  {
    wheel: "nvidia-cublas-cu12",
    folder: "cublas",
    libraries: ["libcublasLt.so.12", "libcublas.so.12"],
    mib: 554,
  },
  { wheel: "nvidia-cusparse-cu12", folder: "cusparse", libraries: ["libcusparse.so.12"], mib: 349 },
  { wheel: "nvidia-cusolver-cu12", folder: "cusolver", libraries: ["libcusolver.so.11"], mib: 322 },
  { wheel: "nvidia-cufft-cu12", folder: "cufft", libraries: ["libcufft.so.11"], mib: 192 },
  { wheel: "nvidia-cudnn-cu12", folder: "cudnn", libraries: ["libcudnn.so.9"], mib: 683 },
  { wheel: "nvidia-cuda-nvcc-cu12", folder: "cuda_nvcc", libraries: [], mib: 39 },
];
/** Below nvcc's folder, or below a CUDA toolkit's. */
const DEVICE_LIBRARY = join("nvvm", "libdevice", "libdevice.10.bc");
const ASSEMBLER = join("bin", "ptxas");

/** TensorFlow from this version on is built for CUDA 12 and cuDNN 9. */
const OLDEST = [2, 18] as const;
export const checkCudaVersion = (tensorflow: string): void => {
  const [major = 0, minor = 0] = tensorflow.split(".").map(Number);
  if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1]))
    throw new CliError(
      `--gpu works with TensorFlow ${OLDEST.join(".")}.0 and newer, which are built for CUDA 12 and cuDNN 9`,
    );
};

/** What is on the machine, by name, and what is to be fetched. */
export interface CudaPlan {
  readonly found: ReadonlyMap<string, string>;
  readonly cudaData: string | undefined;
  readonly missing: readonly Part[];
}
export const missingMib = ({ missing }: CudaPlan): number =>
  missing.reduce((sum, { mib }) => sum + mib, 0);

/** `\tlibcublas.so.12 (libc6,x86-64) => /usr/lib/…`: the loader's own list. */
export const parseLoaderCache = (text: string): ReadonlyMap<string, string> =>
  new Map(
    [...text.matchAll(/^\s*(\S+) \([^)]*x86-64[^)]*\) => (\S+)$/gm)].map(
      ([, name, path]) => [name!, path!] as const,
    ),
  );

/** Installed CUDA 12 toolkits. The assembler of a newer one may write code that the driver does not know. */
const toolkitsIn = (parent: string): readonly string[] =>
  existsSync(parent)
    ? readdirSync(parent)
        .filter((name) => name.startsWith("cuda"))
        .map((name) => join(parent, name))
        .filter((root) => existsSync(join(root, "lib64", "libcudart.so.12")))
    : [];

/** `site` is the site-packages folder that TensorFlow comes from, whose `nvidia/` pip has filled. */
export const planCuda = async (
  site: string | undefined,
  around: Surroundings,
  parent = "/usr/local",
): Promise<CudaPlan> => {
  const toolkits = toolkitsIn(parent);
  const loader = parseLoaderCache((await run("ldconfig", ["-p"], around)).out);
  const fromPip = (part: Part): string =>
    site === undefined ? "" : join(site, "nvidia", part.folder);
  const folders = [
    ...(around.env["LD_LIBRARY_PATH"] ?? "").split(":").filter((path) => path.startsWith("/")),
    ...toolkits.map((root) => join(root, "lib64")),
  ];
  const found = new Map<string, string>();
  for (const part of PARTS)
    for (const name of part.libraries) {
      const places = [join(fromPip(part), "lib"), ...folders].map((folder) => join(folder, name));
      const path = places.find((place) => existsSync(place)) ?? loader.get(name);
      if (path !== undefined) found.set(name, path);
    }
  const nvcc = PARTS.find(({ libraries }) => libraries.length === 0)!;
  const cudaData = [fromPip(nvcc), ...toolkits].find((root) =>
    [DEVICE_LIBRARY, ASSEMBLER].every((path) => existsSync(join(root, path))),
  );
  const missing = PARTS.filter((part) =>
    part === nvcc ? cudaData === undefined : part.libraries.some((name) => !found.has(name)),
  );
  return { found, cudaData, missing };
};

/** `Requires-Dist: nvidia-cublas-cu12<13.0,>=12.5.3.2; extra == "and-cuda"`: TensorFlow's own word on versions. */
export const requirementOf = (metadata: string, wheel: string): string => {
  for (const line of metadata.split("\n")) {
    const found = /^Requires-Dist: ([^;]+);.*and-cuda/.exec(line.trim());
    const requirement = found?.[1]?.replaceAll(/[\s()]/g, "");
    if (requirement !== undefined && /^[\w.-]+/.exec(requirement)?.[0] === wheel)
      return requirement;
  }
  return wheel;
};

const fetchPart = async (
  fetch: Fetch,
  part: Part,
  requirement: string,
  build: string,
): Promise<readonly string[]> => {
  const prefix = `${part.wheel.replaceAll("-", "_")}-`;
  const wheel = await obtainWheel(fetch, requirement, prefix, part.mib);
  const kept = part.libraries.length > 0 ? ["lib"] : ["bin", join("nvvm", "libdevice")];
  return unpackWheel(
    fetch.python,
    wheel,
    build,
    kept.map((folder) => `nvidia/${part.folder}/${folder}/`),
    fetch.around,
  );
};

/** What is missing, into `build`; the list of it. `metadata` is the text of TensorFlow's own. */
export const fetchCuda = async (
  fetch: Fetch,
  { missing }: CudaPlan,
  metadata: string,
  build: string,
): Promise<readonly string[]> => {
  const files: string[] = [];
  for (const part of missing)
    files.push(...(await fetchPart(fetch, part, requirementOf(metadata, part.wheel), build)));
  for (const path of files.filter((name) => name.includes("/bin/")))
    await chmod(join(build, path), 0o755);
  return files.sort();
};

/** All libraries in the order of their needs, and nvcc's folder: absolute where found, relative where among `fetched`. */
export const arrangeCuda = (
  { found, cudaData, missing }: CudaPlan,
  fetched: readonly string[],
): { readonly libraries: readonly string[]; readonly cudaData: string } => {
  const pathOf = (part: Part, name: string): string => {
    const path = missing.includes(part)
      ? fetched.find((file) => file === `nvidia/${part.folder}/lib/${name}`)
      : found.get(name);
    if (path !== undefined) return path;
    throw new CliError(`${part.wheel} has no ${name}: TensorFlow cannot use it`, [], 1);
  };
  return {
    libraries: PARTS.flatMap((part) => part.libraries.map((name) => pathOf(part, name))),
    cudaData: cudaData ?? join("nvidia", "cuda_nvcc"),
  };
};
