// A recipe against the image model it trains: what the data holds, and what has no meaning without tokens.
import { isVariant, numberOf, variantOf } from "./spec-values.ts";
import { InternalError, type Span } from "../diagnostics/types.ts";
import type { Report } from "./context.ts";
import { note, placeOf } from "./shapes.ts";
import type { ImageSpec, Known, Origin, RecipeSpec, Value, Variant } from "./spec.ts";

interface Holds {
  /** Height, width, channels. */
  readonly size: readonly number[];
  readonly classes: number;
}
/** NaN is no size that fits. */
const sizeOf = (value: Value | undefined): number => numberOf(value) ?? NaN;

/** What a source of images holds, known without opening it. */
const holdingsOf = (source: Variant): Holds => {
  switch (source.is) {
    case "mnist":
      return { size: [28, 28, 1], classes: 10 };
    case "cifar10":
      return { size: [32, 32, 3], classes: 10 };
    case "cifar100":
      return { size: [32, 32, 3], classes: source["labels"] === "coarse" ? 20 : 100 };
    case "shapes": {
      const side = sizeOf(source["size"]);
      return { size: [side, side, 3], classes: 10 };
    }
    default:
      throw new InternalError(`no source of images ${source.is}`);
  }
};

export const checkImages = (
  model: Known<ImageSpec>,
  recipe: Known<RecipeSpec>,
  origins: ReadonlyMap<string, Origin>,
  report: Report,
): void => {
  const at = (path: string): Span => placeOf(`recipes.${recipe.name}.${path}`, origins);
  const { data, length, sample } = recipe;
  const source = variantOf(data?.["source"]);
  if (data !== undefined && (data.is !== "images" || source === undefined)) {
    const args = { data: data.is, gives: "tokens", model: model.name, reads: "images" };
    report("data-of-other-input", at("data"), args, {
      help: ["use data = images(…), or train a model that reads tokens"],
    });
    return;
  }
  if (source !== undefined) checkSource(source, model, at, origins, report);
  checkCrops(model, recipe, at, report);
  // null: none is wanted
  if (isVariant(sample))
    report("not-of-images", at("sample"), { key: "sample", model: model.name });
  if (length?.unit === "token")
    report(
      "not-of-images",
      at("length"),
      { key: "a length in tokens", model: model.name },
      { help: ["give it in steps or epochs"] },
    );
};

/** What the data holds against what the model takes and tells. */
const checkSource = (
  source: Variant,
  { name, input, head }: Known<ImageSpec>,
  at: (path: string) => Span,
  origins: ReadonlyMap<string, Origin>,
  report: Report,
): void => {
  const m = `models.${name}`;
  const { size, classes } = holdingsOf(source);
  const wanted = ["height", "width", "channels"].map((key) => sizeOf(input?.[key]));
  if (input !== undefined && size.some((n, i) => n !== wanted[i]))
    report(
      "image-size-mismatch",
      at("data.source"),
      { source: source.is, given: size.join("×"), model: name, wanted: wanted.join("×") },
      {
        notes: [note(`${m}.input`, origins, "the input is set here")],
        help: [`use input = image(${size.join(", ")})`],
      },
    );
  const known = sizeOf(head?.["classes"]);
  if (known < classes)
    report(
      "too-few-classes",
      at("data.source"),
      { source: source.is, given: classes, model: name, wanted: known },
      {
        notes: [note(`${m}.head.classes`, origins, "classes is set here")],
        help: [`use classifier(${classes})`],
      },
    );
};

/** A window further away than the image is long would show nothing of it. */
const checkCrops = (
  model: Known<ImageSpec>,
  recipe: Known<RecipeSpec>,
  at: (path: string) => Span,
  report: Report,
): void => {
  const side = Math.min(sizeOf(model.input?.["height"]), sizeOf(model.input?.["width"]));
  const steps = recipe.data?.["augment"];
  (Array.isArray(steps) ? (steps as readonly Value[]) : []).forEach((step, i) => {
    const padding = sizeOf(variantOf(step)?.["padding"]);
    if (padding >= side)
      report(
        "crop-past-image",
        at(`data.augment.${i}.padding`),
        { padding, side },
        { help: [`use a padding below ${side}; 4 is usual for images of 32×32`] },
      );
  });
};
