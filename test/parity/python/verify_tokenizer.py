"""A tokenizer that specc trains, read by the `tokenizers` library: same ids, same texts back, on any text.

    pip install tokenizers
    npm run build && python test/parity/python/verify_tokenizer.py

The golden tokenizers are compared on the same texts, and the other way round: their files, specc's ids. So are tokenizers that
the library trains here in the manner of families that people use: other patterns, normalizers, prefixes and added tokens. Parts of
tokenizer.json one by one are in test/parity/data/tokenizer-parts.json, which the tests hold specc to; --write makes it anew.
"""

import json
import pathlib
import random
import subprocess
import sys
import tempfile

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from common import DATA, ROOT, check, finish

TEXTS = [
    "Hello, world! It's 2024; they'll see.", "naïve Größe — «été» … ½", "日本語のテキスト、中文字符。", "Привет, как дела?",
    "👩‍👩‍👧 🇩🇪 e\u0301 \u200d", "a\t b\n\n  c   ", "", " ", "\u0000\u001f", "مرحبا שלום", "x" * 300, "a<|endoftext|>b",
    "a\u0085b \u0085 \ufeffc \ufeff\n d", "x\u00a0y\u2003z\u3000\u3000w \u180e", "\tx", "\n\n x", "\u00a0y", "१२३ ½ ②", "    code",
    "  two  spaces", "\ufeffmark", "1234567 8,900.5", "def f(x):\n    return x**2  # ok\n",
]
NASTY = [
    "a\u0000b \u0000", "   a    b     ", "e\u0301e\u0302\u0323 \u1e69 \ufb01 \u00bd \uff46\uff55\uff4c\uff4c \u212b", "\u200f\u05e9\u05dc\u200e\u202eabc",
    "\u200b\u200d\ufeff", "\U0001d4b3\U0001d516 \u2764\ufe0f\U0001f468\u200d\U0001f466", "\u1112\u1161\u11ab", "\u0928\u092e\u0938\u094d\u0924\u0947",
    "a\u00adb\u2028c\u0085e\u000bf", "one\r\ntwo\rthree\n", "\t\tif x:\n\t\t    y", "DON'T we\u2019ve it'\u017f", "A1B2 3.14159 1,000 \u0661\u0662\u0663",
    "foo_bar-baz/qux?x=1&y=2#z $+<=>^`|~", "<s> hi </s>x<s>", "<unk> <think> <think>x", "ab<think>cd <think>  ef", "_ __ \u2581 \u2581a", "<0x41> <0xFF>",
    "\u0130stanbul \u0131 \u00df \u03a3\u03c2 \u01c5", "\u2460\u2461 \u00b2 \u216b", "\U0010ffff \ue000", "xthinky think_ THINK th-think",
    "\n[MASK]\n [MASK]b [MASK]  [MASK]", "<a><ab><abc>", "\u3000\u5168\u3000x", "a\u0301", " " * 20 + "x",
]
TEXTS += NASTY
random.seed(7)
PLANES = [(32, 126), (160, 591), (880, 1327), (1488, 1610), (0x3040, 0x30FF), (0x4E00, 0x4FFF), (0x1F300, 0x1F6FF)]
for _ in range(300):
    TEXTS.append("".join(chr(random.randint(*random.choice(PLANES))) for _ in range(random.randint(1, 30))))

BYTES = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)


def split(*patterns):
    """Patterns that cut, then bytes."""
    return pre_tokenizers.Sequence([*(pre_tokenizers.Split(Regex(p), "isolated") for p in patterns), BYTES])


REST = r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+"
UPPER, LOWER = r"\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}", r"\p{Ll}\p{Lm}\p{Lo}\p{M}"
START = r"[^\r\n\p{L}\p{N}]?"
LAST = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
STRIPPED = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
STYLES = {
    "threes of digits, whole words first": {"pre": split(rf"{CONTRACTIONS}|\p{{N}}{{1,3}}|{REST}"), "model": {"ignore_merges": True}, "begin": True},
    "single digits, composed": {"normalizer": normalizers.NFC(), "pre": split(rf"{CONTRACTIONS}|\p{{N}}|{REST}")},
    "words by their case": {"pre": split(rf"{START}[{UPPER}]*[{LOWER}]+|{START}[{UPPER}]+[{LOWER}]*|\p{{N}}|{REST}")},
    "digits, scripts, words in turn": {"pre": split(r"\p{N}{1,3}", "[一-龥぀-ゟ゠-ヿ]+", rf"[!-~][A-Za-z]+|[^\r\n\p{{L}}\p{{P}}\p{{S}}]?[\p{{L}}\p{{M}}]+|{REST}")},
    "lines, words, signs, ends": {"pre": pre_tokenizers.Sequence([*(pre_tokenizers.Split(Regex(p), "isolated") for p in (r"[\r\n]", r"\s?[A-Za-zµÀ-ÖØ-ƺА-я]+", r"\s?[!-/:-~]+", r"\s+$", r"\d\d", r"[一-龥가-힣]+")), pre_tokenizers.Digits(individual_digits=True), BYTES])},
    "added tokens of spaces and of no end": {"normalizer": normalizers.NFC(), "pre": pre_tokenizers.ByteLevel(add_prefix_space=False), "added": [AddedToken("    ", normalized=True), AddedToken("<think>", normalized=False, special=False)]},
    "a space put before": {"pre": pre_tokenizers.ByteLevel(add_prefix_space=True)},
    "spaces replaced, bytes as a fallback": {"normalizer": normalizers.Replace(" ", "▁"), "pre": pre_tokenizers.Split(" ", "merged_with_previous"), "decoder": LAST, "begin": True},
    "spaces replaced and put before": {"normalizer": normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]), "decoder": STRIPPED},
    "metaspaces at the start alone": {"pre": pre_tokenizers.Metaspace(prepend_scheme="first", split=False), "decoder": STRIPPED},
}  # fmt: skip


def trained(style):
    """By the library, with a vocabulary of bytes or of characters and byte fallback."""
    fallback = "decoder" in style
    tokenizer = Tokenizer(models.BPE(**({"byte_fallback": True, "fuse_unk": True, "unk_token": "<unk>"} if fallback else {}), **style.get("model", {})))
    if "normalizer" in style:
        tokenizer.normalizer = style["normalizer"]
    if "pre" in style:
        tokenizer.pre_tokenizer = style["pre"]
    tokenizer.decoder = style.get("decoder", decoders.ByteLevel())
    special = ["<unk>", "<s>", "<|endoftext|>"]
    bytes_ = [f"<0x{b:02X}>" for b in range(256)] if fallback else []
    alphabet = [] if fallback else pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=700, special_tokens=special + bytes_, initial_alphabet=alphabet, limit_alphabet=60 if fallback else 1000, show_progress=False
    )
    tokenizer.train_from_iterator([" ".join(TEXTS[:24]) + " the cat and the hat "] * 20, trainer)
    # The trainer makes special tokens of the bytes, which they are in no family.
    plain = json.loads(tokenizer.to_str())
    plain["added_tokens"] = [token for token in plain["added_tokens"] if token["content"] in special]
    tokenizer = Tokenizer.from_str(json.dumps(plain))
    tokenizer.add_tokens(style.get("added", []))
    if style.get("begin"):
        ids = [("<s>", tokenizer.token_to_id("<s>"))]
        tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=ids)
    return tokenizer


def byte_level(*parts):
    return pre_tokenizers.Sequence([*parts, BYTES])


def added(content, **flags):
    return [AddedToken(content, **{"normalized": False, **flags})]


BEHAVIORS = ["removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"]
PLAIN = pre_tokenizers.ByteLevel(add_prefix_space=False)
# Of byte-level BPE: a normalizer, a pre-tokenizer, added tokens.
PARTS = {
    **{f"spaces {b}": (None, byte_level(pre_tokenizers.Split(" ", b)), []) for b in BEHAVIORS},
    **{f"white space {b}": (None, byte_level(pre_tokenizers.Split(Regex(r"\s+"), b)), []) for b in BEHAVIORS},
    **{f"all but words {b}": (None, byte_level(pre_tokenizers.Split(Regex(r"\w+"), b, invert=True)), []) for b in BEHAVIORS},
    **{f"punctuation {b}": (None, byte_level(pre_tokenizers.Punctuation(b)), []) for b in BEHAVIORS},
    "runs of digits": (None, byte_level(pre_tokenizers.Digits(individual_digits=False)), []),
    "single digits, a space before each": (None, pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=True)]), []),
    "words between spaces": (None, byte_level(pre_tokenizers.WhitespaceSplit()), []),
    "Bert's words": (None, byte_level(pre_tokenizers.BertPreTokenizer()), []),
    "anchors and any sign": (None, split(r"^.|\w+$|\n."), []),
    "ends of words": (None, split(r"\b"), []),
    "not words, not digits": (None, split(r"\W\D|\S\B"), []),
    "scripts, either case": (None, split(r"\p{Han}+|\p{Hiragana}+|(?i:think|'[sk]|m.sk)"), []),
    "signs that need no escape": (None, split(r"[\-_\'\=]+|\<\w\>|[^\S\r\n]+"), []),
    "NFD": (normalizers.NFD(), PLAIN, []),
    "NFKD": (normalizers.NFKD(), PLAIN, []),
    "NFKC, tokens in both texts": (normalizers.NFKC(), PLAIN, [*added("\ufb01", normalized=True), *added("\u00bd")]),
    "lower case": (normalizers.Lowercase(), PLAIN, []),
    "no accents": (normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents()]), PLAIN, []),
    "stripped": (normalizers.Strip(), PLAIN, []),
    "stripped on the left": (normalizers.Strip(left=True, right=False), PLAIN, []),
    "put before": (normalizers.Prepend("x"), PLAIN, []),
    "a text replaced": (normalizers.Replace("a", "$&"), PLAIN, []),
    "a pattern replaced": (normalizers.Replace(Regex(r"\s{2,}"), " "), PLAIN, []),
    **{f"a token with {flag}": (None, PLAIN, added("<think>", **{flag: True})) for flag in ("lstrip", "rstrip", "single_word")},
    "a word as a token": (None, PLAIN, added("think", single_word=True)),
    "a token with all white space": (None, PLAIN, added("[MASK]", lstrip=True, rstrip=True, special=True)),
    "tokens that begin alike": (None, PLAIN, [*added("<a>"), *added("<ab>"), *added("<abc>", normalized=True)]),
}
# tokenizer.json that specc does not read, and what it says of it.
REFUSED = {
    "possessive": ({"pre": split(r"\p{L}++|\s")}, "pre-tokenizer"),
    "atomic": ({"pre": split(r"(?>\p{L}+)|\s")}, "pre-tokenizer"),
    "sets of sets": ({"pre": split(r"[\p{L}&&[^a-z]]+")}, "pre-tokenizer"),
    "POSIX classes": ({"pre": split(r"[[:alpha:]]+")}, "pre-tokenizer"),
    "graphemes": ({"pre": split(r"\X")}, "pre-tokenizer"),
    "scripts": ({"pre": byte_level(pre_tokenizers.UnicodeScripts())}, "pre-tokenizer"),
    "Nmt": ({"pre": PLAIN, "normalizer": normalizers.Nmt()}, "normalizer"),
    "bytes as a normalizer": ({"normalizer": normalizers.ByteLevel()}, "normalizer"),
    "digits before metaspaces": ({"pre": pre_tokenizers.Sequence([pre_tokenizers.Digits(), pre_tokenizers.Metaspace()]), "decoder": STRIPPED}, "pre-tokenizer"),
    "a decoder that keeps a first space": ({"pre": pre_tokenizers.Metaspace(prepend_scheme="never"), "decoder": decoders.Metaspace(prepend_scheme="never")}, "decoder"),
    "a word as a token": ({"normalizer": normalizers.Replace(" ", "▁"), "decoder": LAST, "added": added("think", single_word=True)}, "single_word"),
    "a token that is normalized": ({"normalizer": normalizers.Prepend("▁"), "decoder": LAST, "added": added("think", normalized=True)}, "normalized"),
    "dropout": ({"pre": PLAIN, "model": {"dropout": 0.1}}, "dropout"),
}  # fmt: skip


def parts_of_byte_level():
    """One vocabulary, its parts one by one, and the ids of the library."""
    plain = json.loads(trained({"pre": PLAIN}).to_str())
    texts = [*TEXTS[:8], *NASTY]
    variants = []
    for name, (normalizer, pre, tokens) in PARTS.items():
        tokenizer = Tokenizer.from_str(json.dumps(plain))
        if normalizer is not None:
            tokenizer.normalizer = normalizer
        tokenizer.pre_tokenizer = pre
        tokenizer.add_tokens(tokens)
        made = json.loads(tokenizer.to_str())
        ids = [tokenizer.encode(text, add_special_tokens=False).ids for text in texts]
        variants.append({"name": name, **{key: made[key] for key in ("normalizer", "pre_tokenizer", "added_tokens")}, "ids": ids})
    return {"tokenizer": plain, "texts": texts, "variants": variants}


def refusal(style, path):
    path.write_text(trained(style).to_str())
    done = subprocess.run(
        ["node", "--input-type=module", "-e", SCRIPT % ROOT],
        input=json.dumps({"file": str(path), "train": None, "texts": []}), capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.stderr if done.returncode else ""


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
        for name, style in STYLES.items():
            theirs = trained(style)
            path.write_text(theirs.to_str())
            compare(name, specc_tokenizer(path), theirs)
        for name, (style, said) in REFUSED.items():
            message = refusal(style, path)
            check(f"{name}: refused", "FileFault" in message and said in message and "supported" in message, message[:200] if said not in message else "")
    made = parts_of_byte_level()
    kept = DATA / "tokenizer-parts.json"
    if "--write" in sys.argv:
        rows = ",\n".join(json.dumps(variant, ensure_ascii=True, separators=(",", ":")) for variant in made["variants"])
        head = json.dumps({"tokenizer": made["tokenizer"], "texts": made["texts"]}, ensure_ascii=True, separators=(",", ":"))
        kept.write_text(f'{head[:-1]},\n"variants":[\n{rows}\n]}}\n')
    for ours, theirs in zip(json.loads(kept.read_text())["variants"], made["variants"], strict=True):
        check(f"kept: {theirs['name']}", ours == theirs)
    for source in sorted((DATA / "tokenizer").iterdir()):
        file = source / "tokenizer.json"
        compare(source.name, specc_tokenizer(file), Tokenizer.from_file(str(file)))
    finish()


main()
