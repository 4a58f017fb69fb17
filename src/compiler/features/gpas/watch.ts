// When a gate is worth a look: it keeps next to nothing of what it scales, turns its sign, or lets it grow.
import { measureText, percentText } from "../../../bundle/numbers.ts";
import { text } from "../../model/config.ts";
import type { Watch } from "../../model/watch.ts";
import { gateActivations } from "./gate.ts";

/** Of 1 - f(gate): below, what came before is all but gone; with silu that is a gate above 1.1775, and above 1.2785 a turned sign. */
const LITTLE = 0.1;
/** Above, it grows at every gate that it passes; silu never gets there, whose 1 - f lies below 1.2785. */
const MUCH = 2;

export const gateWatch: Watch = {
  quantity: "gates",
  finding: ({ scaling }, values) => {
    const gate = values.at(-1)?.value;
    if (scaling?.is !== "gpas" || typeof gate !== "number") return undefined;
    const kept = 1 - gateActivations[text(scaling, "gate")]!.of(gate);
    const at = `(gate ${measureText(gate)})`;
    if (kept < 0)
      return `turns the sign of what it scales and keeps ${percentText(-kept)} of it ${at}`;
    if (kept < LITTLE) return `keeps ${percentText(kept)} of what it scales ${at}`;
    if (kept > MUCH) return `makes what it scales ${measureText(kept)} times as large ${at}`;
    return undefined;
  },
};
