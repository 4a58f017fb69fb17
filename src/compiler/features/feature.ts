// A feature is one paper in one folder: its words for the language, its complaints, and what it does to the model and to
// the training step.
import type { Family } from "../huggingface/family.ts";
import type { Method } from "../model/sites.ts";
import type { Watch } from "../model/watch.ts";
import type { VocabularyPart } from "../semantics/schema.ts";

export interface Feature extends Method {
  readonly paper: { readonly title: string; readonly arxiv: string };
  readonly vocabulary: VocabularyPart;
  /** Layouts of checkpoints that the method's own code writes. */
  readonly families?: readonly Family[];
  /** When what a training measured of it is worth a look. */
  readonly watches?: readonly Watch[];
}
