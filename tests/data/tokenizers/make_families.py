"""Makes the tokenizers of this folder that are no byte-level BPE trained the usual way: Unigram,
WordPiece, WordLevel, BPE with affixes, and the pre-tokenizers of single model families.

    python make_families.py              (needs: pip install tokenizers==0.23.3)

Files and goldens are as make_tokenizers.py has them, but for `plain` where the model looks words
up: there the library is asked about a copy whose special tokens have spellings that no text has,
because text that spells a special token must never become one.
"""

import base64
import collections
import json
import math
import random
import struct
import unicodedata

from make_tokenizers import (
    CORPUS,
    GPT4,
    HERE,
    byte_level,
    bytes_as_tokens,
    golden,
    lines,
    special,
    split,
    template,
    texts,
    train,
)
from tokenizers import AddedToken, Regex, Tokenizer
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors


class DoubleArray:
    """A trie as Darts-clone lays it out: unit i's child by byte c is at i ^ offset(i) ^ c."""

    def __init__(self, entries):
        self.units, self.used = [0] * 256, {0}
        tree = {}
        for key, value in entries:
            node = tree
            for byte in key:
                node = node.setdefault(byte, {})
            node[0] = value
        self.place(tree, 0)
        self.units += [0] * (-len(self.units) % 256)

    def place(self, node, at):
        # Offsets above 21 bits are stored in steps of 256; small tries never need them.
        base = next(b for b in range(1, 1 << 20) if all(b ^ c not in self.used for c in node))
        self.used.update(base ^ c for c in node)
        self.units += [0] * (max(base ^ c for c in node) + 1 - len(self.units))
        self.units[at] |= (base ^ at) << 10 | (0x100 if 0 in node else 0)
        for byte, child in sorted(node.items(), key=lambda item: item[0]):
            self.units[base ^ byte] = byte if byte else child | 1 << 31
        for byte, child in sorted(node.items(), key=lambda item: item[0]):
            if byte:
                self.place(child, base ^ byte)


def charsmap():
    """NFKC for some blocks, a few sequences, and what becomes nothing or a space."""
    rules = {}
    for first, last in ((0xA0, 0x180), (0x2000, 0x2070), (0x2100, 0x2190), (0x2460, 0x2480),
                        (0x3000, 0x3002), (0x3380, 0x3390), (0xFB00, 0xFB07), (0xFF01, 0xFF5F)):
        for code in range(first, last):
            mapped = unicodedata.normalize("NFKC", chr(code))
            if mapped != chr(code):
                rules[chr(code)] = mapped
    for base in "aeioucnAEO":
        for mark in "\u0300\u0301\u0302\u0303\u0308\u0327":
            composed = unicodedata.normalize("NFC", base + mark)
            if len(composed) == 1:
                rules[base + mark] = composed
    for code in [*range(1, 9), 0x0B, 0x7F, 0xAD, 0x200D]:
        rules[chr(code)] = ""
    for code in (9, 10, 13, 0x200B, 0x2028, 0x2029, 0xFEFF):
        rules[chr(code)] = " "
    texts, entries = b"", []
    for key, mapped in sorted(rules.items()):
        entries.append((key.encode(), len(texts)))
        texts += mapped.encode() + b"\0"
    units = DoubleArray(entries).units
    trie = struct.pack(f"<{len(units)}I", *units)
    return base64.b64encode(struct.pack("<I", len(trie)) + trie + texts).decode()


def precompiled():
    """The binding takes the map as bytes; a file holds it in base64."""
    return normalizers.Precompiled(base64.b64decode(charsmap()))


def pieces(mark="▁", letters=None):
    """Substrings of words, scored by how often they come."""
    counts = collections.Counter()
    for line in CORPUS:
        for word in line.split():
            word = mark + word
            for begin in range(len(word)):
                for end in range(begin + 1, min(begin + 8, len(word)) + 1):
                    counts[word[begin:end]] += 1 + 2 * (end - begin > 2)
    kept = [(t, c) for t, c in counts.items() if c > 3 or (len(t) == 1 and ord(t) < 0x3100)]
    total = sum(c for _, c in kept)
    scored = [(t, round(math.log(c / total), 6)) for t, c in kept]
    return sorted(scored, key=lambda piece: (-piece[1], piece[0]))


def unigram(vocab, unk_id, normalizer, pre, decoder, byte_fallback=False):
    t = Tokenizer(models.Unigram(vocab, unk_id, byte_fallback))
    if normalizer:
        t.normalizer = normalizer
    if pre:
        t.pre_tokenizer = pre
    t.decoder = decoder
    return t


def t5():
    vocab = [("<pad>", 0), ("</s>", 0), ("<unk>", 0), *pieces(), ("<extra_id_0>", 0)]
    pre = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    t = unigram(vocab, 2, precompiled(), pre, decoders.Metaspace())
    t.add_special_tokens([special(s) for s in ("<pad>", "</s>", "<unk>", "<extra_id_0>")])
    t.post_processor = template(t, "$A </s>", "</s>")
    return t


def xlm_roberta():
    vocab = [("<s>", 0), ("<pad>", 0), ("</s>", 0), ("<unk>", 0), *pieces(), ("<mask>", 0)]
    spaces = normalizers.Replace(Regex(" {2,}"), " ")
    t = unigram(vocab, 3, normalizers.Sequence([precompiled(), spaces]),
                pre_tokenizers.Metaspace(), decoders.Metaspace())
    t.add_special_tokens([special(s) for s in ("<s>", "<pad>", "</s>", "<unk>")])
    t.add_special_tokens([special("<mask>", lstrip=True)])
    t.post_processor = template(t, "<s> $A </s>", "<s>", "</s>")
    return t


def albert():
    vocab = [("<pad>", 0), ("<unk>", 0), ("[CLS]", 0), ("[SEP]", 0), *pieces()]
    normalizer = normalizers.Sequence(
        [
            normalizers.Replace("``", '"'),
            normalizers.Replace("''", '"'),
            normalizers.NFKD(),
            normalizers.StripAccents(),
            normalizers.Lowercase(),
            precompiled(),
        ]
    )
    t = unigram(vocab, 1, normalizer, pre_tokenizers.Metaspace(prepend_scheme="first"),
                decoders.Metaspace(prepend_scheme="first"))
    t.add_special_tokens([special(s) for s in ("<pad>", "<unk>", "[CLS]", "[SEP]")])
    t.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return t


def unigram_bytes():
    """Byte tokens, tokens that occur twice, words that are not cut."""
    vocab = [("<unk>", 0), ("<s>", 0), *[(b, 0) for b in bytes_as_tokens()], *pieces(),
             ("the", -2.5), ("▁world", -3.25), ("  ", -4), ("qq", -60)]
    normalizer = normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC()])
    decoder = decoders.Sequence(
        [decoders.ByteFallback(), decoders.Metaspace(prepend_scheme="never")]
    )
    t = unigram(vocab, 0, normalizer, pre_tokenizers.Metaspace(prepend_scheme="never", split=False),
                decoder, byte_fallback=True)
    t.add_special_tokens([special("<s>")])
    return t


def learn_merges(t, count, alphabet, prefix="", suffix=""):
    """The alphabet of the corpus as `t` cuts it, and the most frequent merges, one by one. (The
    library's trainers number affixed characters in another order at every run.)"""
    counts = collections.Counter()
    for line in CORPUS:
        text = t.normalizer.normalize_str(line) if t.normalizer else line
        counts.update(word for word, _ in t.pre_tokenizer.pre_tokenize_str(text))
    words = {}
    for word, n in counts.items():
        symbols = [word[0], *(prefix + c for c in word[1:])]
        symbols[-1] += suffix
        words[word] = (symbols, n)
    letters = collections.Counter()
    for symbols, n in words.values():
        letters.update({symbol: n for symbol in symbols})
    kept = sorted(letters, key=lambda letter: (-letters[letter], letter))[:alphabet]
    merges, known = [], set(kept)
    while len(merges) < count:
        pairs = collections.Counter()
        for symbols, n in words.values():
            for pair in zip(symbols, symbols[1:]):
                if known.issuperset(pair):
                    pairs[pair] += n
        if not pairs:
            break
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        joined = best[0] + best[1][len(prefix) :]
        merges.append(best)
        known.add(joined)
        for symbols, _ in words.values():
            at = 0
            while at + 1 < len(symbols):
                if (symbols[at], symbols[at + 1]) == best:
                    symbols[at : at + 2] = [joined]
                at += 1
    return kept, merges


def vocabulary(specials, kept, merges, prefix=""):
    tokens = [*specials, *kept, *(a + b[len(prefix) :] for a, b in merges)]
    return {token: id for id, token in enumerate(dict.fromkeys(tokens))}


def with_bpe(t, specials, count, alphabet=500, prefix="", suffix="", **options):
    kept, merges = learn_merges(t, count, alphabet, prefix, suffix)
    if prefix:
        options["continuing_subword_prefix"] = prefix
    if suffix:
        options["end_of_word_suffix"] = suffix
    t.model = models.BPE(vocabulary(specials, kept, merges, prefix), merges, **options)
    t.add_special_tokens([special(s) for s in specials])
    return t


def word_piece(normalizer, specials, count=220, **model):
    t = Tokenizer(models.WordPiece({"[UNK]": 0}, unk_token="[UNK]"))
    t.normalizer = normalizer
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    kept, merges = learn_merges(t, count, 150, "##")
    vocab = vocabulary(specials, kept, merges, "##")
    t.model = models.WordPiece(vocab, unk_token="[UNK]", **model)
    t.add_special_tokens([special(s) for s in specials])
    return t


BERT = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def bert():
    t = word_piece(normalizers.BertNormalizer(), BERT)
    t.decoder = decoders.WordPiece()
    t.post_processor = template(t, "[CLS] $A [SEP]", "[CLS]", "[SEP]")
    return t


def bert_cased():
    t = word_piece(
        normalizers.BertNormalizer(lowercase=False, handle_chinese_chars=False), BERT,
        max_input_chars_per_word=9,
    )
    t.add_special_tokens([special("[MASK]", lstrip=True)])
    t.decoder = decoders.WordPiece(cleanup=False)
    t.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return t


def accents():
    """BERT's normalizer with the accents kept apart from the case."""
    t = word_piece(
        normalizers.BertNormalizer(clean_text=False, strip_accents=True, lowercase=False),
        ["[UNK]"], count=120,
    )
    t.decoder = decoders.WordPiece(prefix="##", cleanup=True)
    return t


def word_level():
    words = sorted({word for line in CORPUS for word in line.split()})
    vocab = {word: id for id, word in enumerate(["<unk>", "<s>", *words])}
    t = Tokenizer(models.WordLevel(vocab, unk_token="<unk>"))
    t.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    t.add_special_tokens([special("<unk>"), special("<s>")])
    return t


def clip():
    t = Tokenizer(models.BPE())
    t.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    pattern = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
    t.pre_tokenizer = pre_tokenizers.Sequence(
        [split(pattern, "removed", invert=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    t.decoder = decoders.ByteLevel()
    with_bpe(t, ["<|startoftext|>", "<|endoftext|>"], 200, suffix="</w>",
             unk_token="<|endoftext|>")
    t.post_processor = processors.RobertaProcessing(
        ("<|endoftext|>", 1), ("<|startoftext|>", 0), trim_offsets=False, add_prefix_space=False
    )
    return t


def gpt1():
    t = Tokenizer(models.BPE())
    t.normalizer = normalizers.BertNormalizer()
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    t.decoder = decoders.BPEDecoder(suffix="</w>")
    return with_bpe(t, ["<unk>"], 220, suffix="</w>", unk_token="<unk>")


def continued():
    """BPE whose tokens inside words carry a prefix; runs of unknown characters are one token."""
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.Whitespace()
    t.decoder = decoders.WordPiece(cleanup=False)
    return with_bpe(t, ["<unk>"], 200, 70, prefix="##", unk_token="<unk>", fuse_unk=True)


def mistral():
    decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(),
         decoders.Strip(" ", 1, 0)]
    )
    t = train(
        pre_tokenizers.Metaspace(prepend_scheme="first", split=False), decoder=decoder,
        byte_level=False, size=520,
        specials=["<unk>", special("<s>"), special("</s>"), *bytes_as_tokens()],
        unk_token="<unk>", fuse_unk=True, byte_fallback=True,
    )
    t.add_special_tokens([special("[INST]"), special("[/INST]")])
    t.post_processor = template(t, "<s> $A", "<s>")
    return t


def falcon():
    pre = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Punctuation("contiguous"),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
            pre_tokenizers.Digits(individual_digits=False),
            split("[0-9][0-9][0-9]"),
        ]
    )
    return train(pre, decoder=decoders.ByteLevel(), specials=[special("<|endoftext|>")])


def starcoder():
    pre = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True),
         pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    return train(pre, decoder=decoders.ByteLevel(), specials=[special("<|endoftext|>")])


def phi():
    t = train(pre_tokenizers.ByteLevel(add_prefix_space=False), decoder=decoders.ByteLevel(),
              specials=[special("<|endoftext|>")])
    t.add_tokens([AddedToken(" " * n, normalized=True) for n in range(31, 1, -1)])
    t.add_tokens([AddedToken("\t" * n, normalized=True) for n in range(9, 1, -1)])
    return t


def glm():
    t = train(byte_level(GPT4), decoder=decoders.ByteLevel(), size=480, ignore_merges=True)
    t.add_special_tokens([special("<|endoftext|>"), special("[gMASK]"), special("<sop>"),
                          special("<|user|>", rstrip=True)])
    t.post_processor = processors.Sequence(
        [processors.ByteLevel(trim_offsets=False), template(t, "[gMASK] <sop> $A", "[gMASK]",
                                                            "<sop>")]
    )
    return t


def bloom():
    return train(byte_level(" ?[^(\\s|[.,!?…。，、।۔،])]+"), decoder=decoders.ByteLevel(),
                 specials=[special("<s>")])


def kimi():
    upper, lower = (
        rf"[{kinds}\p{{Lm}}\p{{Lo}}\p{{M}}&&[^\p{{Han}}]]" for kinds in (r"\p{Lu}\p{Lt}", r"\p{Ll}")
    )
    end = "(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    pattern = (
        rf"[\p{{Han}}]+|[^\r\n\p{{L}}\p{{N}}]?{upper}*{lower}+{end}"
        rf"|[^\r\n\p{{L}}\p{{N}}]?{upper}+{lower}*{end}"
        r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    )
    return train(byte_level(pattern), decoder=decoders.ByteLevel(), size=400,
                 specials=[special("[BOS]"), special("<|im_end|>")])


STYLES = [t5, xlm_roberta, albert, unigram_bytes, bert, bert_cased, accents, word_level, clip, gpt1,
          continued, mistral, falcon, starcoder, phi, glm, bloom, kimi]


def hard_texts():
    """What word models and normalizers trip over, and special tokens of these families."""
    rng = random.Random(11)
    parts = [
        " ", "  ", "\t", "\n", "the", "The world", "unbelievable", "x", "qq", "qqqq", "##ing", "ing",
        "中文", "、。", "한국어", "e\u0301", "e\u0323\u0301", "①", "①\u0301", "ﬁ", "㌔", "Ａ", "\u200b",
        "\ufeff", "\u00ad", "\u0001", "\ufffd", "\u200d", "👨‍👩‍👧", "👍🏽", "🇫🇷", "<s>", "</s>", "[MASK]",
        " [MASK] ", "[CLS]", "<extra_id_0>", "<mask>", "<unk>", "[UNK]", "[INST]", "<|user|> ",
        "<|endoftext|>", "▁", "▁the", "</w>", "don't", "n't", "it 's", " . ", "12345", "१२३", "...",
        "?!", "``", "''", "naïve", "ß", "İ", "ΑΣ", "<0x41>", "<unk><s>", "日本語", "नमस्ते", "שלום",
    ]
    fixed = ["".join(parts), *parts, "word" * 40, "un" * 60 + " end", " ".join("abcdefghij" * 3)]
    return fixed + ["".join(rng.choice(parts) for _ in range(rng.randint(2, 9))) for _ in range(60)]


def looks_words_up(content):
    return content["model"]["type"] in ("Unigram", "WordPiece", "WordLevel")


def with_specials_out_of_reach(content):
    """A copy whose special tokens no text spells; ids and all else stay."""
    copy = json.loads(json.dumps(content))
    names = {t["content"]: f"\U0010fffd{t['id']}" for t in copy["added_tokens"] if t["special"]}
    model = copy["model"]
    if model["type"] == "Unigram":
        model["vocab"] = [[names.get(t, t), score] for t, score in model["vocab"]]
    else:
        model["vocab"] = {names.get(t, t): id for t, id in model["vocab"].items()}
        model["unk_token"] = names.get(model["unk_token"], model["unk_token"])
    copy["added_tokens"] = [t for t in copy["added_tokens"] if not t["special"]]
    copy["post_processor"] = None
    return Tokenizer.from_str(json.dumps(copy))


def main():
    cases = texts(count=50) + hard_texts()
    for style in STYLES:
        tokenizer = style()
        content = json.loads(tokenizer.to_str())
        goldens = [golden(tokenizer, text) for text in cases]
        if looks_words_up(content):
            masked = with_specials_out_of_reach(content)
            for case in goldens:
                plain = masked.encode(case["text"], add_special_tokens=False).ids
                case.pop("plain", None)
                if plain != case["ids"]:
                    case["plain"] = plain
        base = HERE / style.__name__
        base.with_suffix(".json").write_text(json.dumps(content, ensure_ascii=False) + "\n")
        base.with_suffix(".goldens.json").write_text(lines(goldens))


if __name__ == "__main__":
    main()
