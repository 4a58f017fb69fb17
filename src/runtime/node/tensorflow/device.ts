// The engine's end of the worker thread: starts it, asks, and hands answers to whoever asked. One a process, since TensorFlow
// cannot be unloaded; it keeps the process alive only while an answer is due.
import { SHARE_ENV, Worker } from "node:worker_threads";
import { compiledUrl } from "../compiled.ts";
import type { LoadOptions } from "./environment.ts";
import type { Library } from "./manifest.ts";
import type { Answer, Calls, Kind } from "./protocol.ts";

export interface Device {
  readonly version: string;
  /** Whether a card is in use. */
  readonly onCard: boolean;
  /** @param transfer buffers that move to the worker and are gone here */
  ask<K extends Kind>(
    kind: K,
    question: Calls[K]["question"],
    transfer?: readonly ArrayBuffer[],
  ): Promise<Calls[K]["answer"]>;
}

interface Waiting {
  readonly resolve: (answer: Calls[Kind]["answer"]) => void;
  readonly reject: (error: Error) => void;
}

const startWorker = (): Pick<Device, "ask"> => {
  // native code reads the environment of the process, which a thread has to share to change
  const worker = new Worker(compiledUrl("./worker", import.meta.url), { env: SHARE_ENV });
  const waiting = new Map<number, Waiting>();
  let asked = 0;
  let gone: Error | undefined;
  const settle = (id: number): Waiting | undefined => {
    const found = waiting.get(id);
    waiting.delete(id);
    if (waiting.size === 0) worker.unref();
    return found;
  };
  const fail = (error: Error): void => {
    gone = error;
    for (const id of [...waiting.keys()]) settle(id)?.reject(error);
  };
  worker.on("message", (answer: Answer) => {
    const found = settle(answer.id);
    if ("error" in answer) found?.reject(new Error(answer.error));
    else found?.resolve(answer.answer);
  });
  worker.on("error", fail);
  worker.on("exit", (code) => fail(gone ?? new Error(`the tensorflow thread ended (${code})`)));
  worker.unref();
  return {
    ask: <K extends Kind>(
      kind: K,
      question: Calls[K]["question"],
      transfer: readonly ArrayBuffer[] = [],
    ) =>
      new Promise<Calls[K]["answer"]>((resolve, reject) => {
        if (gone !== undefined) {
          reject(gone);
          return;
        }
        asked += 1;
        waiting.set(asked, { resolve: resolve, reject });
        worker.ref();
        worker.postMessage({ id: asked, kind, ...question }, [...transfer]);
      }),
  };
};

interface Started {
  readonly folder: string;
  readonly options: LoadOptions;
  readonly device: Promise<Device>;
}
let started: Started | undefined;

/** What a card computes with is read from the environment once, so a process has one choice of it. */
const conflict = ({ options }: Started, wanted: LoadOptions): string | undefined =>
  (["deterministic", "tf32"] as const)
    .filter((key) => wanted[key] !== undefined && wanted[key] !== options[key])
    .map((key) => `${key} = ${String(options[key] ?? "its own choice")}`)[0];

/** The library and what it read from its environment are those of the first call. */
export const openDevice = (library: Library, options: LoadOptions): Promise<Device> => {
  if (started !== undefined) {
    if (started.folder !== library.folder)
      return Promise.reject(new Error(`TensorFlow is open already, from ${started.folder}`));
    const other = library.gpu ? conflict(started, options) : undefined;
    if (other !== undefined)
      return Promise.reject(new Error(`TensorFlow is open already in this process, with ${other}`));
  }
  started ??= {
    folder: library.folder,
    options,
    device: (async () => {
      const worker = startWorker();
      return { ...worker, ...(await worker.ask("load", { library, options })) };
    })(),
  };
  return started.device;
};
