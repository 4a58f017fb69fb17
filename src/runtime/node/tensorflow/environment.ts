// What TensorFlow reads from the environment, once, when its library is opened.
import type { Library } from "./manifest.ts";

export interface LoadOptions {
  /** Of one op; TensorFlow's own choice (all cores) otherwise. */
  readonly threads?: number;
  /** Bit-for-bit repeatable kernels on a card; on the CPU they always are. */
  readonly deterministic?: boolean;
  /** Whether a card may round what products of f32 read; it may unless told otherwise. */
  readonly tf32?: boolean;
  /** A folder where XLA keeps what it compiled, for the next process. */
  readonly xlaCache?: string;
  /** False hides the cards from a library that could use them. */
  readonly gpu?: boolean;
}

/** XLA's flag parser splits at blanks, except between quotes. */
const flag = (name: string, value: string): string =>
  /\s/.test(value) ? `--${name}='${value}'` : `--${name}=${value}`;

type Variables = Readonly<Record<string, string>>;
const when = (condition: boolean, variables: Variables): Variables => (condition ? variables : {});

/** What is to be set. What the user has set stays; of flags, theirs come last and win. */
export const environmentFor = (
  library: Library,
  { threads, deterministic = false, tf32 = true, xlaCache, gpu = library.gpu }: LoadOptions,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Variables => {
  const added = (name: string, flags: readonly string[]): Variables => {
    const before = env[name] ?? "";
    // threads that share an environment find the flags of the first
    const fresh = flags.filter((each) => !before.includes(each));
    return when(fresh.length > 0, { [name]: [...fresh, before].join(" ").trim() });
  };
  const wanted: Variables = {
    // errors arrive as exceptions; the rest is start-up talk
    TF_CPP_MIN_LOG_LEVEL: "3",
    // measured: small products are three times as fast without it, big ones the same
    TF_ENABLE_ONEDNN_OPTS: "0",
    ...(gpu
      ? { TF_FORCE_GPU_ALLOW_GROWTH: "true" }
      : // measured: memory that goes back to the system comes again page by page, a sixth of a compiled step
        { TF_CPU_ALLOCATOR_USE_BFC: "true" }),
    ...when(threads !== undefined, { TF_NUM_INTRAOP_THREADS: String(threads) }),
    ...when(gpu && deterministic, { TF_DETERMINISTIC_OPS: "1" }),
    ...when(gpu && !tf32, { NVIDIA_TF32_OVERRIDE: "0" }),
  };
  const xla = [
    ...(gpu && library.cudaData !== undefined
      ? [flag("xla_gpu_cuda_data_dir", library.cudaData)]
      : []),
    // measured: choosing among Triton's products takes half of the compilation, and wins nothing over cuBLAS
    ...(gpu ? ["--xla_gpu_enable_triton_gemm=false"] : []),
    ...(gpu && deterministic ? ["--xla_gpu_deterministic_ops=true"] : []),
  ];
  return {
    ...Object.fromEntries(Object.entries(wanted).filter(([name]) => env[name] === undefined)),
    ...added("XLA_FLAGS", xla),
    ...added(
      "TF_XLA_FLAGS",
      xlaCache === undefined ? [] : [flag("tf_xla_persistent_cache_directory", xlaCache)],
    ),
    ...when(!gpu, { CUDA_VISIBLE_DEVICES: "-1" }),
  };
};
