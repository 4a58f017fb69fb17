// What the engine and its worker thread say to each other. A worker answers in the order of the questions.
import type { HostTensor } from "../../../bundle/tensor.ts";
import type { LoadOptions } from "./environment.ts";
import type { Feeds } from "./graph-session.ts";
import type { Library } from "./manifest.ts";

/** Question and answer by kind. */
export interface Calls {
  load: {
    question: { readonly library: Library; readonly options: LoadOptions };
    answer: { readonly version: string; readonly onCard: boolean };
  };
  open: { question: { readonly folder: string }; answer: { readonly session: number } };
  run: {
    question: {
      readonly session: number;
      readonly feeds: Feeds;
      readonly fetches: readonly string[];
    };
    /** `liveTensors`: those that the run has left, beside the session's variables. */
    answer: { readonly results: readonly HostTensor[]; readonly liveTensors: number };
  };
  close: { question: { readonly session: number }; answer: null };
}
export type Kind = keyof Calls;
export type Question = {
  [K in Kind]: { readonly id: number; readonly kind: K } & Calls[K]["question"];
}[Kind];
export type Answer =
  | { readonly id: number; readonly answer: Calls[Kind]["answer"] }
  | { readonly id: number; readonly error: string };
