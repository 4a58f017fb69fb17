// A recipe against the image model it trains: what the data holds, and what has no meaning without tokens.
import { numberOf, variantOf } from "./spec-values.ts";
import { InternalError } from "../diagnostics/types.ts";
import type { Report } from "./context.ts";
import { note, placeOf } from "./shapes.ts";
import type { ImageSpec, Origin, RecipeSpec, Value, Variant } from "./spec.ts";

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
  model: ImageSpec,
  recipe: RecipeSpec,
  origins: ReadonlyMap<string, Origin>,
  report: Report,
): void => {
  const [m, r] = [`models.${model.name}`, `recipes.${recipe.name}`];
  const at = (path: string): ReturnType<typeof placeOf> => placeOf(`${r}.${path}`, origins);
  const source = variantOf(recipe.data["source"]);
  if (recipe.data.is !== "images" || source === undefined) {
    const args = { data: recipe.data.is, gives: "tokens", model: model.name, reads: "images" };
    report("data-of-other-input", at("data"), args, {
      help: ["use data = images(…), or train a model that reads tokens"],
    });
    return;
  }
  const { size, classes } = holdingsOf(source);
  const wanted = ["height", "width", "channels"].map((key) => sizeOf(model.input[key]));
  if (size.some((n, i) => n !== wanted[i]))
    report(
      "image-size-mismatch",
      at("data.source"),
      { source: source.is, given: size.join("×"), model: model.name, wanted: wanted.join("×") },
      {
        notes: [note(`${m}.input`, origins, "the input is set here")],
        help: [`use input = image(${size.join(", ")})`],
      },
    );
  checkCrops(model, recipe, at, report);
  const known = sizeOf(model.head["classes"]);
  if (known < classes)
    report(
      "too-few-classes",
      at("data.source"),
      { source: source.is, given: classes, model: model.name, wanted: known },
      {
        notes: [note(`${m}.head.classes`, origins, "classes is set here")],
        help: [`use classifier(${classes})`],
      },
    );
  if (recipe.sample !== null)
    report("not-of-images", at("sample"), { key: "sample", model: model.name });
  if (recipe.length.unit === "token")
    report(
      "not-of-images",
      at("length"),
      { key: "a length in tokens", model: model.name },
      { help: ["give it in steps or epochs"] },
    );
};

/** A window further away than the image is long would show nothing of it. */
const checkCrops = (
  model: ImageSpec,
  recipe: RecipeSpec,
  at: (path: string) => ReturnType<typeof placeOf>,
  report: Report,
): void => {
  const side = Math.min(sizeOf(model.input["height"]), sizeOf(model.input["width"]));
  const steps = recipe.data["augment"];
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
