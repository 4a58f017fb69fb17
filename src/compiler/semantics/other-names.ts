// What other libraries call our words: Hugging Face's configs and trainer, PyTorch, nanoGPT, the LLaMA code. Messages lead from
// there to ours; nothing else knows them. These are the words of the base language; methods bring the names of theirs.

/** By our word. */
export type OtherNames = Readonly<Record<string, readonly string[]>>;

export const otherNames: OtherNames = {
  vocab_size: ["n_vocab", "vocabulary_size"],
  hidden_size: ["d_model", "n_embd", "dim", "embed_dim", "model_dim"],
  context: [
    "max_position_embeddings",
    "block_size",
    "max_seq_len",
    "n_positions",
    "context_length",
  ],
  blocks: ["layers", "num_layers", "n_layer", "n_layers", "num_hidden_layers", "depth"],
  heads: ["num_heads", "n_heads", "n_head", "num_attention_heads"],
  kv: ["num_kv_heads", "n_kv_heads", "kv_heads", "num_key_value_heads"],
  window: ["sliding_window"],
  theta: ["base", "rope_theta"],
  intermediate: ["intermediate_size", "d_ff", "ffn_dim", "hidden_dim", "n_inner"],
  pre: ["pre_ln", "preln", "pre_norm", "prenorm"],
  post: ["post_ln", "postln", "post_norm", "postnorm"],
  norm: ["normalization", "norm_type", "norm_placement"],
  ffn: ["mlp", "feed_forward"],
  attention: ["attn", "self_attn", "self_attention"],
  q: ["query", "q_proj", "wq"],
  k: ["k_proj", "wk"],
  v: ["v_proj", "wv"],
  o: ["o_proj", "out_proj", "wo"],
  gate: ["gate_proj", "w1"],
  up: ["up_proj", "w3"],
  down: ["down_proj", "w2"],
  embedding: ["embed", "embed_tokens", "tok_embeddings", "wte"],
  attention_norm: ["input_layernorm", "ln_1"],
  ffn_norm: ["post_attention_layernorm", "ln_2"],
  tied: ["tie_word_embeddings", "tie_embeddings", "weight_tying"],
  lr: ["learning_rate"],
  betas: ["beta1", "beta2", "adam_beta1", "adam_beta2"],
  eps: ["epsilon", "adam_epsilon", "rms_norm_eps", "layer_norm_eps"],
  schedule: ["scheduler", "lr_schedule", "lr_scheduler", "lr_scheduler_type"],
  warmup: ["warmup_steps", "warmup_ratio", "warmup_iters"],
  floor: ["min_lr", "min_lr_ratio"],
  batch: ["batch_size", "global_batch_size", "train_batch_size"],
  micro: ["micro_batch", "micro_batch_size", "per_device_train_batch_size"],
  length: ["steps", "epochs", "max_steps", "num_train_epochs", "max_iters"],
  clip: ["max_grad_norm", "grad_clip", "gradient_clip"],
  decay: ["weight_decay"],
  precision: ["dtype", "torch_dtype", "mixed_precision"],
  eval_every: ["eval_steps", "eval_interval"],
  save_every: ["save_steps"],
  "*": ["all", "default", "everything", "others", "rest"],
  int: ["integer", "number"],
  float: ["double", "real"],
  bool: ["boolean"],
  string: ["str", "text"],
  f32: ["float32", "fp32", "float"],
  bf16: ["bfloat16", "fp16", "float16", "half", "mixed"],
};
/** Of these candidates, the one that another library calls so. */
export const calledElsewhere = (
  name: string,
  candidates: readonly string[],
  others: OtherNames,
): string | undefined =>
  candidates.find(
    // a candidate may be any name that a file declares, "constructor" too
    (candidate) =>
      Object.hasOwn(others, candidate) && others[candidate]?.includes(name.toLowerCase()),
  );
