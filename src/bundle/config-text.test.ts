// Floats of config.json keep their point, integers stay integers, and the value is the same.
import { expect, test } from "vitest";
import { configText } from "./config-text.ts";

test("floats by their names", () => {
  const config = {
    hidden_size: 32,
    rope_parameters: { rope_theta: 10000, factor: 4, low_freq_factor: 1 },
    final_logit_softcapping: -3,
    rms_norm_eps: 0.000001,
    layer_types: ["full_attention"],
    attention_dropout: 0,
    name: '"factor": 4',
    head_dim: null,
  };
  const text = configText(config);
  expect(JSON.parse(text)).toEqual(config);
  expect(text.split("\n").filter((line) => /\.0,?$/.test(line))).toEqual([
    '    "rope_theta": 10000.0,',
    '    "factor": 4.0,',
    '    "low_freq_factor": 1.0',
    '  "final_logit_softcapping": -3.0,',
    '  "attention_dropout": 0.0,',
  ]);
  expect(text).toContain('"hidden_size": 32,');
});
