"""Residual networks of each unit against the same in PyTorch, written from the papers: logits, loss and gradients with running
statistics, then two updates in training, whose batch norms normalise by the batch and move their statistics.

    pip install torch==2.13.0 safetensors
    npm run build && python test/parity/python/verify_units.py

PyTorch's modules have the names of specc's parameters, so weights go over by name, both ways.
"""

import pathlib
import random
import tempfile

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn.functional import avg_pool2d, cross_entropy, relu

from common import check, finish, specc

IMAGES, CLASSES, STEPS = 10, 10, 2
MEAN, STD = [0.49, 0.48, 0.45], [0.25, 0.24, 0.26]
RATE, MOMENTUM, DECAY = 0.05, 0.9, 5e-4


def conv(inputs, outputs, kernel, stride=1):
    return nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)


class Unit(nn.Module):
    """The parts that units share: a 1x1 convolution of the shortcut where size or channels change."""

    def __init__(self, inputs, outputs, stride, normed):
        super().__init__()
        self.changes = inputs != outputs or stride != 1
        if self.changes:
            self.shortcut = conv(inputs, outputs, 1, stride)
            if normed:
                self.shortcut_norm = nn.BatchNorm2d(outputs)

    def joined(self, x, branch):
        skip = self.shortcut_norm(self.shortcut(x)) if self.changes else x
        return relu(skip + branch)


class WideBasic(Unit):
    """arXiv 1605.07146: norms first."""

    def __init__(self, inputs, channels, stride):
        super().__init__(inputs, channels, stride, normed=False)
        self.conv1_norm, self.conv1 = nn.BatchNorm2d(inputs), conv(inputs, channels, 3, stride)
        self.conv2_norm, self.conv2 = nn.BatchNorm2d(channels), conv(channels, channels, 3)
        self.outputs = channels

    def forward(self, x):
        active = relu(self.conv1_norm(x))
        branch = self.conv2(relu(self.conv2_norm(self.conv1(active))))
        return branch + (self.shortcut(active) if self.changes else x)


class Basic(Unit):
    """arXiv 1512.03385, figure 5, left."""

    def __init__(self, inputs, channels, stride):
        super().__init__(inputs, channels, stride, normed=True)
        self.conv1, self.conv1_norm = conv(inputs, channels, 3, stride), nn.BatchNorm2d(channels)
        self.conv2, self.conv2_norm = conv(channels, channels, 3), nn.BatchNorm2d(channels)
        self.outputs = channels

    def forward(self, x):
        return self.joined(x, self.conv2_norm(self.conv2(relu(self.conv1_norm(self.conv1(x))))))


class Bottleneck(Unit):
    """arXiv 1512.03385, figure 5, right; the 3x3 convolution strides."""

    def __init__(self, inputs, channels, stride):
        super().__init__(inputs, 4 * channels, stride, normed=True)
        self.conv1, self.conv1_norm = conv(inputs, channels, 1), nn.BatchNorm2d(channels)
        self.conv2, self.conv2_norm = conv(channels, channels, 3, stride), nn.BatchNorm2d(channels)
        self.conv3, self.conv3_norm = conv(channels, 4 * channels, 1), nn.BatchNorm2d(4 * channels)
        self.outputs = 4 * channels

    def forward(self, x):
        narrow = relu(self.conv1_norm(self.conv1(x)))
        return self.joined(x, self.conv3_norm(self.conv3(relu(self.conv2_norm(self.conv2(narrow))))))


class Network(nn.Module):
    def __init__(self, unit, stem, final):
        super().__init__()
        kernel, stride, pooled = stem
        self.stem = conv(3, 8, kernel, stride)
        if pooled:
            self.stem_norm, self.pool = nn.BatchNorm2d(8), nn.MaxPool2d(3, 2, 1)
        self.pooled, self.final = pooled, final
        units, width = [], 8
        for channels, stride in [(4, 1), (4, 1), (8, 2), (8, 1)]:
            units.append(unit(width, channels, stride))
            width = units[-1].outputs
        self.blocks = nn.ModuleList(units)
        if final:
            self.final_norm = nn.BatchNorm2d(width)
        self.head = nn.Linear(width, CLASSES)

    def forward(self, x):
        x = (x - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
        x = self.stem(x)
        if self.pooled:
            x = self.pool(relu(self.stem_norm(x)))
        for unit in self.blocks:
            x = unit(x)
        if self.final:
            x = relu(self.final_norm(x))
        return self.head(avg_pool2d(x, x.shape[-1]).flatten(1))

    def tensors(self):
        return {k: v.clone().contiguous() for k, v in self.state_dict().items() if "num_batches" not in k}


CASES = {
    "wide_basic": (WideBasic, (3, 1, False), True, "conv(8)"),
    "basic": (Basic, (3, 1, False), False, "conv(8)"),
    "bottleneck": (Bottleneck, (7, 2, True), False, "conv(8, kernel: 7, stride: 2, norm: batchnorm(), pool: max_pool())"),
}


def arch(unit, stem, final):
    return f"""spec 1
model Net {{
  input = image(32, 32, 3, mean: {MEAN}, std: {STD})
  stem = {stem}
  blocks 2 {{ unit = {unit}(4) }}
  blocks 2 {{ unit = {unit}(8, stride: first(2)) }}
  final_norm = {"batchnorm()" if final else "none"}
  head = classifier({CLASSES})
}}
recipe Train for Net {{
  data = images(cifar10(folder: "cifar"))
  optimizer = sgd(lr: {RATE}, momentum: {MOMENTUM}, nesterov: true)
  schedule = constant(warmup: 0 steps)
  batch = {IMAGES} samples
  length = {STEPS} epochs
  decay {{ * => constant({DECAY}) }}
}}
"""


def write_cifar(folder, pixels, labels):
    """Two images in each of the five files: an epoch is one batch of all, in whatever order."""
    folder.mkdir()
    records = [bytes([label]) + bytes(image.flatten().tolist()) for image, label in zip(pixels, labels)]
    for i in range(5):
        (folder / f"data_batch_{i + 1}.bin").write_bytes(b"".join(records[2 * i : 2 * i + 2]))
    (folder / "test_batch.bin").write_bytes(records[0])


def compare(what, ours, theirs, tolerance):
    missing = set(theirs) - set(ours)
    worst, where = max(((ours[k] - v).abs().max().item() / max(1, v.abs().max().item()), k) for k, v in theirs.items() if k in ours)
    check(what, not missing and worst < tolerance, f"{worst:.1e} at {where}" if not missing else f"missing {missing}")


def verify(name, work, pixels, labels):
    unit, stem, final, stem_text = CASES[name]
    torch.manual_seed(3)
    net = Network(unit, stem, final)
    with torch.no_grad():
        for norm in (m for m in net.modules() if isinstance(m, nn.BatchNorm2d)):
            norm.weight.uniform_(0.5, 1.5), norm.bias.uniform_(-0.5, 0.5)
            norm.running_mean.uniform_(-0.5, 0.5), norm.running_var.uniform_(0.5, 1.5)
    (work / "net.arch").write_text(arch(name, stem_text, final))
    save_file(net.tensors(), work / "net.safetensors")
    images = torch.tensor(pixels, dtype=torch.float32) / 255
    targets = torch.tensor(labels)
    inputs = {"images": images.permute(0, 2, 3, 1).contiguous(), "labels": targets.to(torch.int32)}
    save_file(inputs, work / "inputs.safetensors")

    net.eval()
    logits = net(images)
    loss = cross_entropy(logits, targets)
    loss.backward()
    weights = ["--weights", "net.safetensors", "-q"]
    specc("forward", "net.arch", "--inputs", "inputs.safetensors", "--grad", "--out", "ours.safetensors", *weights, cwd=work)
    ours = load_file(work / "ours.safetensors")
    compare(f"{name}: logits and loss", ours, {"logits": logits.detach(), "loss": loss.detach()}, 1e-5)
    compare(f"{name}: gradients", ours, {f"grad.{k}": p.grad for k, p in net.named_parameters()}, 1e-5)

    net.train()
    updates = torch.optim.SGD(net.parameters(), RATE, MOMENTUM, weight_decay=DECAY, nesterov=True)
    before = net.tensors()
    for _ in range(STEPS):
        updates.zero_grad()
        cross_entropy(net(images), targets).backward()
        updates.step()
    moved = min((v - before[k]).abs().max().item() for k, v in net.tensors().items())
    check(f"{name}: every tensor moves", moved > 1e-4, f"{moved:.1e}")
    specc("train", "net.arch", "--out-dir", f"run-{name}", *weights, cwd=work)
    # what rounds to the other side of a ReLU's kink grows with each update
    compare(f"{name}: after {STEPS} updates", load_file(work / f"run-{name}" / "model.safetensors"), net.tensors(), 5e-5)


def main():
    random.seed(5)
    labels = [random.randrange(CLASSES) for _ in range(IMAGES)]
    pixels = torch.randint(0, 256, (IMAGES, 3, 32, 32), generator=torch.Generator().manual_seed(1)).numpy()
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        (work / "package.json").write_text("{}")
        write_cifar(work / "cifar", pixels, labels)
        for name in CASES:
            verify(name, work, pixels, labels)
    finish()


main()
