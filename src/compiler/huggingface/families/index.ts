// The table of families. Where several could say the same model, the first is written.
import type { Family } from "../family.ts";
import { deepseekV2, deepseekV3 } from "./deepseek.ts";
import { mixtral, olmoe, qwen3Moe } from "./experts.ts";
import { gemma2, gemma3 } from "./gemma.ts";
import { gpt2 } from "./gpt2.ts";
import { llama } from "./llama.ts";
import { mistral } from "./mistral.ts";
import { qwen2, qwen3 } from "./qwen.ts";

export const families: readonly Family[] = [
  llama,
  mistral,
  qwen2,
  qwen3,
  gemma2,
  gemma3,
  gpt2,
  mixtral,
  qwen3Moe,
  olmoe,
  deepseekV2,
  deepseekV3,
];
