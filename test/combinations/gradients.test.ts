// Every placement of norms x scaling x feed-forward layer x attention.
import { describe, it } from "vitest";
import { decoders, labelOf, product } from "./models.ts";
import { verify } from "./verify.ts";

const { axisOf } = decoders;

const others = product(["scaling", "ffn", "attention"].map((key) => axisOf(key).plain));
describe.each(axisOf("norm").plain.map((norm) => [norm.text, norm] as const))(
  "%s",
  (_text, norm) => {
    it.each(others.map((rest) => [labelOf(rest), rest] as const))("%s", (_label, rest) => {
      verify(decoders, [norm, ...rest]);
    });
  },
);
