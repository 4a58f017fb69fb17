"""A tokenizer that specc trains, read by the `tokenizers` library: same ids, same texts back, on any text.

    pip install tokenizers
    npm run build && python test/parity/python/verify_tokenizer.py

The golden tokenizers are compared on the same texts, and the other way round: their files, specc's ids.
"""

import json
import pathlib
import random
import subprocess
import tempfile

from tokenizers import Tokenizer

from common import DATA, ROOT, check, finish

TEXTS = [
    "Hello, world! It's 2024; they'll see.", "naïve Größe — «été» … ½", "日本語のテキスト、中文字符。", "Привет, как дела?",
    "👩‍👩‍👧 🇩🇪 e\u0301 \u200d", "a\t b\n\n  c   ", "", " ", "\u0000\u001f", "مرحبا שלום", "x" * 300, "a<|endoftext|>b",
    "  two  spaces", "\ufeffmark", "1234567 8,900.5", "def f(x):\n    return x**2  # ok\n",
]
random.seed(7)
PLANES = [(32, 126), (160, 591), (880, 1327), (1488, 1610), (0x3040, 0x30FF), (0x4E00, 0x4FFF), (0x1F300, 0x1F6FF)]
for _ in range(300):
    TEXTS.append("".join(chr(random.randint(*random.choice(PLANES))) for _ in range(random.randint(1, 30))))

SCRIPT = """
import { readFileSync } from "node:fs";
import { readTokenizerJson, trainBpe } from "%s/dist/src/runtime/index.js";
const { file, train, texts } = JSON.parse(readFileSync(0, "utf8"));
const tokenizer = train === null ? await readTokenizerJson(readFileSync(file, "utf8"), file) : trainBpe([train], 400);
console.log(JSON.stringify({
  json: tokenizer.toJson(),
  begin: tokenizer.begin,
  ids: texts.map((text) => [...tokenizer.encode(text)]),
  decoded: texts.map((text) => tokenizer.decode([...tokenizer.begin, ...tokenizer.encode(text)])),
}));
"""


def specc_tokenizer(file, train=None):
    done = subprocess.run(
        ["node", "--input-type=module", "-e", SCRIPT % ROOT],
        input=json.dumps({"file": str(file), "train": train, "texts": TEXTS}),
        capture_output=True, text=True, check=True,
    )
    return json.loads(done.stdout)


def compare(what, ours, theirs):
    for add in (True, False):
        ids = [theirs.encode(text, add_special_tokens=add).ids for text in TEXTS]
        begin = ours["begin"] if add else []
        wrong = [text for text, a, b in zip(TEXTS, ids, ours["ids"]) if a != begin + b]
        check(f"{what}: ids {'with' if add else 'without'} special tokens", not wrong, repr(wrong[:2]) if wrong else "")
    decoded = [theirs.decode(theirs.encode(text).ids, skip_special_tokens=False) for text in TEXTS]
    wrong = [(a, b) for a, b in zip(decoded, ours["decoded"]) if a != b]
    check(f"{what}: texts back", not wrong, repr(wrong[:2]) if wrong else "")


def main():
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "tokenizer.json"
        ours = specc_tokenizer(path, train=(" ".join(TEXTS[:14]) + " the cat and the hat ") * 20)
        path.write_text(ours["json"])
        compare("trained by specc", ours, Tokenizer.from_file(str(path)))
    for source in sorted((DATA / "tokenizer").iterdir()):
        file = source / "tokenizer.json"
        compare(source.name, specc_tokenizer(file), Tokenizer.from_file(str(file)))
    finish()


main()
