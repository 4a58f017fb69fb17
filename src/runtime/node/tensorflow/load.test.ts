// TensorFlow in worker threads, with the library that is installed here; skipped where there is none.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SHARE_ENV, Worker } from "node:worker_threads";
import { expect, onTestFinished, test } from "vitest";
import { compiledUrl } from "../compiled.ts";
import { findLibrary } from "./library.ts";
import { PROBE_SAVED_MODEL } from "./probe.ts";

const library = await findLibrary();

const inWorker = (workerData: object, body: string): Promise<unknown> =>
  new Promise((resolve, reject) => {
    const load = compiledUrl("load", import.meta.url).href;
    const worker = new Worker(
      `const { parentPort, workerData } = require("node:worker_threads");
       (async () => {
         const { loadTensorflow } = await import(${JSON.stringify(load)});
         const node = await loadTensorflow(workerData.library, { threads: 1 });
         ${body}
       })().catch((error) => parentPort.postMessage(String(error)));`,
      { eval: true, env: SHARE_ENV, workerData },
    );
    worker.on("message", resolve);
    worker.on("error", reject);
  });

test.skipIf("reason" in library)(
  "a SavedModel runs in a worker, keeps its state for all its signatures, and leaves nothing behind",
  async () => {
    const folder = await mkdtemp(join(tmpdir(), "specc-load-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    await writeFile(join(folder, "saved_model.pb"), Buffer.from(PROBE_SAVED_MODEL, "base64"));
    const body = `
      const start = await node.loadSavedModel(workerData.folder, "start");
      const step = await node.loadSavedModel(workerData.folder, "step");
      const missing = await node.loadSavedModel(workerData.folder, "none").catch(String);
      start.predict({});
      const x = { dtype: "f32", shape: [2], data: Float32Array.of(3, -4) };
      let last;
      for (let i = 0; i < 200; i++) last = step.predict({ x });
      let wrong;
      try { step.predict({}); } catch (error) { wrong = error.message; }
      const { inputs, outputs } = step;
      start.dispose();
      const after = step.predict({ x }).count.data[0];
      step.dispose();
      parentPort.postMessage({ version: node.version, inputs, outputs, last, missing, wrong, after, live: node.liveTensors() });`;
    // twice: the second thread finds the library open in the process
    for (const thread of [1, 2]) {
      expect(await inWorker({ library, folder }, body), `thread ${thread}`).toEqual({
        version: "tensorflow" in library ? library.tensorflow : "",
        inputs: ["x"],
        outputs: ["count", "square"],
        last: {
          count: { dtype: "f32", shape: [], data: Float32Array.of(200) },
          square: { dtype: "f32", shape: [2], data: Float32Array.of(9, 16) },
        },
        missing: "Error: The SavedModel does not have signature: none",
        wrong: "The model signatureDef input names are x, however the provided input names are .",
        after: 201,
        live: 0,
      });
    }
    expect(process.env["TF_NUM_INTRAOP_THREADS"]).toBe("1");
  },
);
