"""A LLaMA training step in PyTorch on the CPU, f32, AdamW, global-norm clip; eager or compiled. Reads counts of steps from
standard input, a line each, runs them and answers with their times in ms as JSON: the driver takes turns between peers.

    echo 5 | python3 bench/cpu/torch_step.py '{"hidden": 256, "layers": 4, "heads": 4, "ffn": 704, "vocab": 256,
                                               "batch": 8, "sequence": 128, "compile": false}'
"""

import json
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F


class Block(nn.Module):
    def __init__(self, c):
        super().__init__()
        D, f = c["hidden"], c["ffn"]
        linear = lambda a, b: nn.Linear(a, b, bias=False)
        self.heads = c["heads"]
        self.qkvo = nn.ModuleList([linear(D, D) for _ in range(4)])
        self.gate, self.up, self.down = linear(D, f), linear(D, f), linear(f, D)
        self.norm1, self.norm2 = nn.RMSNorm(D, 1e-6), nn.RMSNorm(D, 1e-6)

    def forward(self, x, cos, sin):
        B, T, D = x.shape
        y = self.norm1(x)
        split = lambda z: z.view(B, T, self.heads, -1).transpose(1, 2)
        half = D // self.heads // 2
        rope = lambda z: z * cos + torch.cat([-z[..., half:], z[..., :half]], -1) * sin
        q, k, v, o = self.qkvo
        mixed = F.scaled_dot_product_attention(rope(split(q(y))), rope(split(k(y))), split(v(y)), is_causal=True)
        x = x + o(mixed.transpose(1, 2).reshape(B, T, D))
        z = self.norm2(x)
        return x + self.down(F.silu(self.gate(z)) * self.up(z))


class Llama(nn.Module):
    def __init__(self, c):
        super().__init__()
        D, d, T = c["hidden"], c["hidden"] // c["heads"], c["sequence"]
        self.embedding = nn.Embedding(c["vocab"], D)
        self.blocks = nn.ModuleList([Block(c) for _ in range(c["layers"])])
        self.norm, self.head = nn.RMSNorm(D, 1e-6), nn.Linear(D, c["vocab"], bias=False)
        angles = torch.arange(T)[:, None] * 10000.0 ** (-torch.arange(d // 2) / (d / 2))
        self.register_buffer("cos", torch.cat([angles.cos()] * 2, 1))
        self.register_buffer("sin", torch.cat([angles.sin()] * 2, 1))

    def forward(self, ids):
        x = self.embedding(ids)
        for block in self.blocks:
            x = block(x, self.cos, self.sin)
        logits = self.head(self.norm(x))[:, :-1]
        return F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten())


def main(c):
    torch.manual_seed(0)
    model = Llama(c)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.95), weight_decay=0.1, fused=c.get("fused", True))
    run = torch.compile(model) if c["compile"] else model
    ids = torch.randint(0, c["vocab"], (c["batch"], c["sequence"]))
    for line in sys.stdin:
        times = []
        for _ in range(int(line)):
            began = time.perf_counter()
            loss = run(ids)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            value = loss.item()
            times.append((time.perf_counter() - began) * 1e3)
        print(json.dumps({"ms": times, "loss": value, "version": torch.__version__}), flush=True)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
