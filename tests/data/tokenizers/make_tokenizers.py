"""Makes the small tokenizers of this folder and what the `tokenizers` library says about them.

    python make_tokenizers.py            (needs: pip install tokenizers==0.23.3)

For every style, <name>.json is a tokenizer trained on a few sentences, and
<name>.goldens.json holds texts with
    ids       encode(text, add_special_tokens=False)
    plain     the same with encode_special_tokens=True (special tokens are text), where it differs
    framed    encode(text, add_special_tokens=True), where it differs
    decoded   decode(ids, skip_special_tokens=False), where it differs from the text
    skipped   decode(ids, skip_special_tokens=True), where it differs from decoded
Both are the same from run to run.
"""

import json
import pathlib
import random

from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
)
from tokenizers import trainers

HERE = pathlib.Path(__file__).parent

CORPUS = [
    "The engine reads a graph, rewrites it and runs it; "
    "the tokens of the text come out at the other end.",
    "It doesn't matter that we're 12345 miles away, they'll say: \"don't\" isn't I'M or YOU'LL.",
    "naïve café, Über-Größe, señor, Ångström; ÉCOLE école déjà vu",
    "日本語の文字と漢字、かな。한국어 문장도 있다. Привет, мир! Γειά σου Κόσμε",
    "def main(argc, argv):\n    return [x ** 2 for x in range(10)]  # squares"
    "\n\n\n\tif (a != b) { c += 1; }",
    "https://example.org/path?query=1&other=two 3.14159 1,000,000 2024-11-21 0x1F",
    "hello hello world world the the the ing ing ed ed tion tion token tokens tokenizer tokenizers",
    "🙂 👍🏽 👨‍👩‍👧 🇫🇷 𝒳𝒴",
]

GPT4 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN = GPT4.replace(r"\p{N}{1,3}", r"\p{N}")
CASED = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def special(text, **options):
    return AddedToken(text, special=True, normalized=False, **options)


def train(pre=None, normalizer=None, decoder=None, byte_level=True, size=420, specials=(), **model):
    tokenizer = Tokenizer(models.BPE(**model))
    if normalizer:
        tokenizer.normalizer = normalizer
    if pre:
        tokenizer.pre_tokenizer = pre
    if decoder:
        tokenizer.decoder = decoder
    alphabet = pre_tokenizers.ByteLevel.alphabet() if byte_level else []
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        initial_alphabet=sorted(alphabet),
        special_tokens=list(specials),
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS * 3, trainer)
    return tokenizer


def split(pattern, behavior="isolated", invert=False):
    return pre_tokenizers.Split(Regex(pattern), behavior, invert)


def byte_level(pattern):
    return pre_tokenizers.Sequence(
        [split(pattern), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )


def template(tokenizer, text, *names):
    return processors.TemplateProcessing(
        single=text,
        pair=text + " $B",
        special_tokens=[(n, tokenizer.token_to_id(n)) for n in names],
    )


def gpt2():
    return train(
        pre_tokenizers.ByteLevel(add_prefix_space=False),
        decoder=decoders.ByteLevel(),
        specials=[special("<|endoftext|>")],
    )


def roberta():
    t = train(
        pre_tokenizers.ByteLevel(add_prefix_space=True),
        decoder=decoders.ByteLevel(),
        specials=[
            special("<s>"),
            special("</s>"),
            special("<unk>"),
            special("<mask>", lstrip=True),
        ],
        unk_token="<unk>",
    )
    t.post_processor = processors.RobertaProcessing(("</s>", 1), ("<s>", 0))
    return t


def llama3():
    t = train(byte_level(GPT4), decoder=decoders.ByteLevel(), size=480, ignore_merges=True)
    t.add_special_tokens(
        [special("<|begin_of_text|>"), special("<|eot_id|>"), special("<|im_start|>")]
    )
    t.post_processor = processors.Sequence(
        [
            processors.ByteLevel(trim_offsets=False),
            template(t, "<|begin_of_text|> $A", "<|begin_of_text|>"),
        ]
    )
    return t


def qwen2():
    t = train(byte_level(QWEN), normalizers.NFC(), decoders.ByteLevel())
    t.add_special_tokens([special("<|endoftext|>"), special("<|im_start|>"), special("<|im_end|>")])
    t.add_tokens([AddedToken("<tool>", normalized=False), AddedToken("</tool>", normalized=False)])
    return t


def cased():
    return train(byte_level(CASED), decoder=decoders.ByteLevel())


def deepseek():
    pre = pre_tokenizers.Sequence(
        [
            split(r"\p{N}{1,3}"),
            split("[一-龥\u3040-ゟ゠-ヿ]+"),
            split(
                r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+"
                r"|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"
                r"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
            ),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    return train(pre, decoder=decoders.ByteLevel(), specials=[special("<｜begin▁of▁sentence｜>")])


def bytes_as_tokens():
    return [f"<0x{b:02X}>" for b in range(256)]


def llama2():
    t = train(
        normalizer=normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]),
        decoder=decoders.Sequence(
            [
                decoders.Replace("▁", " "),
                decoders.ByteFallback(),
                decoders.Fuse(),
                decoders.Strip(" ", 1, 0),
            ]
        ),
        byte_level=False,
        size=520,
        specials=["<unk>", special("<s>"), special("</s>"), *bytes_as_tokens()],
        unk_token="<unk>",
        fuse_unk=True,
        byte_fallback=True,
    )
    t.post_processor = template(t, "<s> $A", "<s>")
    return t


def gemma():
    return train(
        pre_tokenizers.Split(" ", "merged_with_previous"),
        normalizers.Replace(" ", "▁"),
        decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]),
        byte_level=False,
        size=520,
        specials=["<unk>", special("<bos>"), *bytes_as_tokens()],
        unk_token="<unk>",
        fuse_unk=True,
        byte_fallback=True,
    )


def metaspace():
    return train(
        pre_tokenizers.Metaspace(prepend_scheme="first", split=True),
        decoder=decoders.Metaspace(prepend_scheme="first"),
        byte_level=False,
        size=300,
        specials=["<unk>", special("<s>")],
        unk_token="<unk>",
    )


def words():
    t = train(
        pre_tokenizers.Sequence(
            [
                pre_tokenizers.Whitespace(),
                pre_tokenizers.Punctuation("contiguous"),
                pre_tokenizers.Digits(individual_digits=False),
            ]
        ),
        normalizers.Sequence(
            [normalizers.NFKC(), normalizers.Lowercase(), normalizers.Strip(True, False)]
        ),
        byte_level=False,
        size=260,
        specials=["[UNK]"],
        unk_token="[UNK]",
    )
    t.add_tokens(
        [
            AddedToken("zed", single_word=True, normalized=True),
            AddedToken("zword", lstrip=True, rstrip=True),
            AddedToken("ab"),
            AddedToken("abc", rstrip=True),
            AddedToken("ﬁn", normalized=False),
        ]
    )
    return t


def splits():
    pre = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split("-", "merged_with_next"),
            pre_tokenizers.Split(Regex("[aeiou]+"), "merged_with_previous"),
            pre_tokenizers.Split(",", "removed"),
            split(r"\d", "contiguous"),
            split(r"[\w\s]", "contiguous", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    return train(
        pre,
        normalizers.Sequence(
            [
                normalizers.NFD(),
                normalizers.StripAccents(),
                normalizers.Replace(Regex(r"\s{2,}"), " "),
            ]
        ),
        decoders.ByteLevel(),
    )


STYLES = [gpt2, roberta, llama3, qwen2, cased, deepseek, llama2, gemma, metaspace, words, splits]

POOLS = [
    "abcdefghijklmnopqrstuvwxyz",
    "ABCXYZ",
    " ",
    "  \t\n\r",
    " \n",
    "0123456789",
    "'sStTreEvVmMlLdD",
    '!?.,;:-_()[]{}<>|/\\@#$%^&*+=~`"',
    "éèüñçßÅİıſ",
    "日本語漢字かなカナ",
    "한국어",
    "اللغة العربية",
    "हिन्दी",
    "\u0301\u0300\u0327\u093f\u200d\u200c",
    "🙂👍🏽👨‍👩‍👧🇫🇷",
    "\u00a0\u3000\u2028\u2029\u0085\u180e\u200b\ufeff\u000b\u001c",
    "½²ⅷ①٣९",
    "ﬁﬀＡ１㎏ⓐ",
    "ÅḍẛΣςΑ",
    "\x00\x01\x7f",
    "▁Ġ",
    [
        "<|endoftext|>",
        "<|im_start|>",
        "<|eot_id|>",
        "<s>",
        "</s>",
        "<mask>",
        " <mask>",
        "<unk>",
        "<tool>",
        "<0x41>",
        "Zed",
        " ZWORD ",
        "abc",
        "ﬁn",
    ],
    ["the ", "hello", " world", "don't", "I'LL ", "ing", "token", "   x", "\n\n"],
]


def texts(count=90):
    rng = random.Random(7)
    out = [
        "",
        " ",
        "  ",
        "\n",
        " hello",
        "Hello world",
        *CORPUS,
        "a" * 70,
        " " * 40 + "x",
        "hello" * 30,
    ]
    for _ in range(count):
        pools = rng.sample(POOLS, rng.randint(1, 5))
        out.append("".join(rng.choice(rng.choice(pools)) for _ in range(rng.randint(1, 20))))
    return out


def golden(tokenizer, text):
    tokenizer.encode_special_tokens = False
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    framed = tokenizer.encode(text, add_special_tokens=True).ids
    tokenizer.encode_special_tokens = True
    plain = tokenizer.encode(text, add_special_tokens=False).ids
    decoded = tokenizer.decode(ids, skip_special_tokens=False)
    skipped = tokenizer.decode(ids, skip_special_tokens=True)
    case = {"text": text, "ids": ids}
    for name, value, usual in (
        ("plain", plain, ids),
        ("framed", framed, ids),
        ("decoded", decoded, text),
        ("skipped", skipped, decoded),
    ):
        if value != usual:
            case[name] = value
    return case


def lines(cases):
    return "[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]\n"


def main():
    for style in STYLES:
        tokenizer = style()
        content = json.loads(tokenizer.to_str())
        if style is gpt2:  # the older spelling of merges
            content["model"]["merges"] = [" ".join(m) for m in content["model"]["merges"]]
        (HERE / f"{style.__name__}.json").write_text(
            json.dumps(content, ensure_ascii=False) + "\n", "utf-8"
        )
        (HERE / f"{style.__name__}.goldens.json").write_text(
            lines([golden(tokenizer, t) for t in texts()]), "utf-8"
        )


if __name__ == "__main__":
    main()
