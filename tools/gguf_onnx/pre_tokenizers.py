"""What `tokenizer.ggml.pre` stands for: how text is cut before byte-pair merging.

A GGUF names the cutting rule and does not contain it. Each entry is the rule as the model's own
tokenizer.json spells it; "default" (also what a file without the key means) exists only in
llama.cpp (llama-vocab.cpp) and is spelled here as the sequence of its patterns.
"""

import dataclasses

CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
GPT2 = (r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)")


def _word_pattern(digits):
    return (CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|" + digits
            + r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")


def _split(*patterns):
    return [{"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated",
             "invert": False} for pattern in patterns] + [_byte_level(use_regex=False)]


def _byte_level(use_regex):
    return {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True,
            "use_regex": use_regex}


@dataclasses.dataclass(frozen=True)
class PreTokenizer:
    steps: list
    normalizer: str | None = None
    ignore_merges: bool = False     # a piece that is a token as a whole is not merged
    add_bos: bool = False           # where the file does not say


_DIGITS = PreTokenizer([{"type": "Digits", "individual_digits": True}, _byte_level(use_regex=True)])
_LLAMA3 = PreTokenizer(_split(_word_pattern(r"\p{N}{1,3}")), ignore_merges=True, add_bos=True)
_QWEN2 = PreTokenizer(_split(_word_pattern(r"\p{N}")), normalizer="NFC")

KNOWN = {
    "default": PreTokenizer(_split(r"[\p{P}\$\+<=>\^~\|]+", GPT2, r"\p{N}+", "[0-9][0-9][0-9]")),
    "gpt-2": PreTokenizer([_byte_level(use_regex=True)]),
    "llama-bpe": _LLAMA3,
    "llama-v3": _LLAMA3,
    "llama3": _LLAMA3,
    "qwen2": _QWEN2,
    "deepseek-r1-qwen": dataclasses.replace(_QWEN2, add_bos=True),
    "smollm": _DIGITS,
    "starcoder": _DIGITS,
}
