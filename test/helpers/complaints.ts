// What the checker says of models that extend a plain one: for a method's own checks.
import { analyzeText } from "../../src/compiler/analyze.ts";

const base = `spec 1
export model Base {
  vocab_size  = 256
  hidden_size = 32
  context     = 64
  blocks 4 {
    norm      = pre(rmsnorm())
    attention = mha(heads: 4)
    ffn       = swiglu(intermediate: 64)
  }
}
`;
/** "SPC3101 error at gpas(): …" for each, with the text that it stands at. */
export const complaints = (source: string): readonly string[] => {
  const text = base + source;
  return analyzeText("model.arch", text).diagnostics.map(
    (d) => `${d.code} ${d.severity} at ${text.slice(d.at.start, d.at.end)}: ${d.message}`,
  );
};
