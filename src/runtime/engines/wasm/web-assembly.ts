// The part of the WebAssembly API that is used. TypeScript declares it in its DOM library only, which the rest of the
// runtime does without, so this is the one place that says the global is there.
export type Memory = object;
interface Api {
  readonly Memory: new (size: { readonly initial: number }) => { readonly buffer: ArrayBuffer };
  readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => object;
  readonly Instance: new (
    module: object,
    imports: { readonly env: { readonly memory: Memory } },
  ) => { readonly exports: Readonly<Record<string, unknown>> };
}

export type Exported = (...args: readonly number[]) => void;
const isFunction = (value: unknown): value is Exported => typeof value === "function";

type Global = typeof globalThis & { readonly WebAssembly?: Api };

/** Of so many pages of 64 KiB; undefined where WebAssembly is missing or forbidden. */
export const createMemory = (pages: number): { readonly buffer: ArrayBuffer } | undefined => {
  const { WebAssembly } = globalThis as Global;
  return WebAssembly && new WebAssembly.Memory({ initial: pages });
};

/** The exported function "run" of a module that imports env.memory. */
export const instantiate = (bytes: Uint8Array<ArrayBuffer>, memory: Memory): Exported => {
  const { WebAssembly } = globalThis as Global;
  if (WebAssembly === undefined) throw new TypeError("there is no WebAssembly here");
  const { run } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } })
    .exports;
  if (!isFunction(run)) throw new TypeError('the module exports no function "run"');
  return run;
};
