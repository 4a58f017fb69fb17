// The thread that TensorFlow lives in: a run, and the compilation before the first one, block it and nothing else.
import { parentPort } from "node:worker_threads";
import type { HostTensor } from "../../../bundle/tensor.ts";
import type { GraphSession } from "./graph-session.ts";
import { loadTensorflow, type TfNode } from "./load.ts";
import type { Answer, Calls, Kind, Question } from "./protocol.ts";

let tensorflow: TfNode | undefined;
const sessions = new Map<number, GraphSession>();
let opened = 0;

const loaded = (): TfNode => {
  if (tensorflow === undefined) throw new Error("TensorFlow is not loaded");
  return tensorflow;
};
const sessionOf = (id: number): GraphSession => {
  const session = sessions.get(id);
  if (session === undefined) throw new Error("the session is closed");
  return session;
};

const answer = async (question: Question): Promise<Calls[Kind]["answer"]> => {
  switch (question.kind) {
    case "load": {
      tensorflow = await loadTensorflow(question.library, question.options);
      return { version: tensorflow.version, onCard: tensorflow.onCard };
    }
    case "open": {
      const session = loaded().openGraph(question.folder);
      opened += 1;
      sessions.set(opened, session);
      return { session: opened };
    }
    case "run": {
      const results = sessionOf(question.session).run(question.feeds, question.fetches);
      return { results, liveTensors: loaded().liveTensors() };
    }
    case "close": {
      sessionOf(question.session).close();
      sessions.delete(question.session);
      return null;
    }
  }
};

/** Results are moved to the other thread, not copied. */
const buffersOf = (given: Calls[Kind]["answer"]): ArrayBuffer[] => {
  const results: readonly HostTensor[] = given !== null && "results" in given ? given.results : [];
  return results.flatMap(({ data: { buffer } }) => (buffer instanceof ArrayBuffer ? [buffer] : []));
};

const port = parentPort;
if (port === null) throw new Error("the tensorflow worker runs in a worker thread only");
let last = Promise.resolve();
port.on("message", (question: Question) => {
  const { id } = question;
  last = last.then(async () => {
    try {
      const given = await answer(question);
      port.postMessage({ id, answer: given } satisfies Answer, buffersOf(given));
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      port.postMessage({ id, error: message } satisfies Answer);
    }
  });
});
