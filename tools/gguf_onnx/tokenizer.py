"""tokenizer.json and tokenizer_config.json from a GGUF's own vocabulary and merges.

Byte-level BPE only (`tokenizer.ggml.model` = gpt2). The GGUF holds the tokens in byte-level
spelling, the merges in order and the kind of each token; the cutting rule is looked up by name in
pre_tokenizers.py.
"""

from . import pre_tokenizers
from .reading import ConvertError

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = 1, 2, 3, 4, 5, 6

SPECIAL_IDS = {"bos_token": "bos", "eos_token": "eos", "unk_token": "unknown",
               "pad_token": "padding"}


class Vocabulary:
    """The token list and the ids with a role, checked."""

    def __init__(self, model, rows):
        self.tokens = model.get_list("tokenizer.ggml.tokens", str)
        self.kinds = model.get_list("tokenizer.ggml.token_type", int,
                                    [NORMAL] * len(self.tokens))
        if len(self.tokens) > rows or len(self.kinds) != len(self.tokens):
            raise ConvertError(f"{model.path}: {len(self.tokens)} tokens, {len(self.kinds)} token "
                               f"types and {rows} embedding rows do not fit together")
        self.ids = {token: i for i, token in enumerate(self.tokens)}
        if len(self.ids) != len(self.tokens):
            twice = next(t for i, t in enumerate(self.tokens) if self.ids[t] != i)
            raise ConvertError(f"{model.path}: the token {twice!r} occurs twice in the vocabulary")
        self._model = model

    def special(self, role):
        """The id of `role` ("bos", "eot", ...), or None."""
        value = self._model.get(f"tokenizer.ggml.{role}_token_id", int, None)
        if value is not None and not 0 <= value < len(self.tokens):
            raise ConvertError(f"{self._model.path}: tokenizer.ggml.{role}_token_id is {value}, "
                               f"outside the {len(self.tokens)} tokens")
        return value

    def ends(self):
        """Ids that end a generation: end of text first, then end of turn where it differs."""
        found = [self.special(role) for role in ("eos", "eot", "eom")]
        return list(dict.fromkeys(i for i in found if i is not None))


def build(model, vocabulary):
    """(tokenizer.json, tokenizer_config.json) as dictionaries."""
    kind = model.get("tokenizer.ggml.model", str)
    if kind != "gpt2":
        raise ConvertError(f"{model.path}: tokenizers of type '{kind}' are not supported yet by "
                           "this converter; 'gpt2' (byte-level BPE) is")
    name = model.get("tokenizer.ggml.pre", str, "default")
    if name not in pre_tokenizers.KNOWN:
        raise ConvertError(f"{model.path}: the pre-tokenizer '{name}' is not known; known: "
                           f"{', '.join(sorted(pre_tokenizers.KNOWN))}")
    rule = pre_tokenizers.KNOWN[name]
    added = [_added_token(i, token, vocabulary.kinds[i])
             for i, token in enumerate(vocabulary.tokens)
             if vocabulary.kinds[i] in (UNKNOWN, CONTROL, USER_DEFINED)]
    add_bos = model.get("tokenizer.ggml.add_bos_token", bool, rule.add_bos)
    steps = rule.steps
    tokenizer = {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": added,
        "normalizer": rule.normalizer and {"type": rule.normalizer},
        "pre_tokenizer": (steps[0] if len(steps) == 1
                          else {"type": "Sequence", "pretokenizers": steps}),
        "post_processor": _template(vocabulary) if add_bos else None,
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True,
                    "use_regex": True},
        "model": {"type": "BPE", "dropout": None, "unk_token": None,
                  "continuing_subword_prefix": None, "end_of_word_suffix": None, "fuse_unk": False,
                  "byte_fallback": False, "ignore_merges": rule.ignore_merges,
                  "vocab": vocabulary.ids, "merges": _merges(model, vocabulary)},
    }
    return tokenizer, _config(model, vocabulary, added, add_bos)


def _added_token(i, content, kind):
    return {"id": i, "content": content, "single_word": False, "lstrip": False, "rstrip": False,
            "normalized": False, "special": kind != USER_DEFINED}


def _merges(model, vocabulary):
    merges = []
    for merge in model.get_list("tokenizer.ggml.merges", str):
        left, space, right = merge.partition(" ")
        if not space or left + right not in vocabulary.ids:
            raise ConvertError(f"{model.path}: the merge {merge!r} does not make a token")
        merges.append([left, right])
    return merges


def _template(vocabulary):
    """Puts the begin-of-text token first, as llama.cpp does where add_bos_token says so."""
    bos = vocabulary.special("bos")
    if bos is None:
        raise ConvertError("the GGUF asks for a begin-of-text token and does not say which")
    token = vocabulary.tokens[bos]
    special, first, second = ({"SpecialToken": {"id": token, "type_id": 0}},
                              {"Sequence": {"id": "A", "type_id": 0}},
                              {"Sequence": {"id": "B", "type_id": 1}})
    return {"type": "TemplateProcessing", "single": [special, first],
            "pair": [special, first, {"SpecialToken": {"id": token, "type_id": 1}}, second],
            "special_tokens": {token: {"id": token, "ids": [bos], "tokens": [token]}}}


def _config(model, vocabulary, added, add_bos):
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "add_bos_token": add_bos,
        "add_prefix_space": False,
        "clean_up_tokenization_spaces": False,
        "added_tokens_decoder": {str(t["id"]): {k: v for k, v in t.items() if k != "id"}
                                 for t in added},
    }
    architecture = model.get("general.architecture", str)
    config["model_max_length"] = model.get(f"{architecture}.context_length", int)
    for key, role in SPECIAL_IDS.items():
        if (i := vocabulary.special(role)) is not None:
            config[key] = vocabulary.tokens[i]
    template = model.get("tokenizer.chat_template", str, None)
    if template is not None:
        config["chat_template"] = template
    return config
