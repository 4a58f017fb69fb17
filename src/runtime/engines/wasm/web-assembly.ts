// The part of the WebAssembly API that loops need. TypeScript declares it in its DOM library only, which the rest of the
// runtime does without, so this is the one place that says the global is there.
export type Memory = object;
interface Api {
  readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => object;
  readonly Instance: new (
    module: object,
    imports: { readonly env: { readonly memory: Memory } },
  ) => { readonly exports: Readonly<Record<string, unknown>> };
}

export type Exported = (...args: readonly number[]) => void;
const isFunction = (value: unknown): value is Exported => typeof value === "function";

/** The exported function "run" of a module that imports env.memory. */
export const instantiate = (bytes: Uint8Array<ArrayBuffer>, memory: Memory): Exported => {
  const { WebAssembly } = globalThis as typeof globalThis & { readonly WebAssembly: Api };
  const { run } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } })
    .exports;
  if (!isFunction(run)) throw new TypeError('the module exports no function "run"');
  return run;
};
