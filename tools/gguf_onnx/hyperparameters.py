"""The numbers that fix the graph, read from GGUF metadata and checked against each other."""

import dataclasses
import math

from .reading import ConvertError

# Architectures with the llama block. The value: are the rows of attn_q and attn_k in llama.cpp's
# rotary order (pairs 2i, 2i+1) and so in need of reordering to halves (i, i + d/2)?
ARCHITECTURES = {"llama": True, "qwen2": False}


MAX_CONTEXT = 1 << 22       # positions; the tables of a longer context would not fit anywhere


@dataclasses.dataclass(frozen=True)
class Hyperparameters:
    architecture: str
    layers: int
    hidden: int
    ffn: int
    heads: int
    kv_heads: int
    head_dim: int
    context: int            # positions the rotary tables cover
    window: int             # sliding attention window in tokens, -1 for none
    epsilon: float
    rope_base: float
    rope_divisor: float     # linear rope scaling: positions are divided by this
    vocabulary: int

    @property
    def rotary_pairs(self):
        return ARCHITECTURES[self.architecture]


def read(model, context=None):
    """`context` limits the rotary tables; None takes the model's own context length."""
    arch = model.get("general.architecture", str)
    if arch not in ARCHITECTURES:
        raise ConvertError(f"{model.path}: the architecture '{arch}' is not supported; "
                           f"known: {', '.join(ARCHITECTURES)}")
    hidden = model.get(f"{arch}.embedding_length", int)
    heads = model.get(f"{arch}.attention.head_count", int)
    if heads <= 0 or hidden <= 0:
        raise ConvertError(f"{model.path}: {heads} attention heads and {hidden} hidden "
                           "units: both must be positive")
    key_length = model.get(f"{arch}.attention.key_length", int, hidden // heads)
    trained = model.get(f"{arch}.context_length", int)
    if context is not None and not 0 < context <= trained:
        raise ConvertError(f"--context {context} is outside 1..{trained}, "
                           "the model's own context length")
    result = Hyperparameters(
        architecture=arch,
        layers=model.get(f"{arch}.block_count", int),
        hidden=hidden,
        ffn=model.get(f"{arch}.feed_forward_length", int),
        heads=heads,
        kv_heads=model.get(f"{arch}.attention.head_count_kv", int, heads),
        head_dim=key_length,
        context=context or trained,
        window=model.get(f"{arch}.attention.sliding_window", int, 0) or -1,
        epsilon=model.get(f"{arch}.attention.layer_norm_rms_epsilon", float),
        rope_base=model.get(f"{arch}.rope.freq_base", float, 10000.0),
        rope_divisor=_rope_divisor(model, arch),
        vocabulary=int(model.tensor("token_embd.weight").data.shape[0]))
    _check(model, result)
    return result


def _rope_divisor(model, arch):
    kind = model.get(f"{arch}.rope.scaling.type", str, "none")
    if kind not in ("none", "linear"):
        raise ConvertError(f"{model.path}: rope scaling '{kind}' is not supported; "
                           "known: none, linear, and a rope_freqs tensor (llama 3)")
    legacy = model.get(f"{arch}.rope.scale_linear", float, 1.0)
    factor = model.get(f"{arch}.rope.scaling.factor", float, legacy)
    return factor if kind == "linear" or legacy != 1.0 else 1.0


def _check(model, h):
    def refuse(what):
        raise ConvertError(f"{model.path}: {what}")

    arch = h.architecture
    if min(h.layers, h.ffn, h.kv_heads, h.head_dim, h.context) <= 0:
        refuse("a size in the metadata is not positive")
    if h.context > MAX_CONTEXT:
        refuse(f"the context length {h.context} is out of range; --context limits it")
    if not model.has(f"blk.{h.layers - 1}.attn_norm.weight"):
        refuse(f"there are {h.layers} layers by the metadata, but no tensor "
               f"'blk.{h.layers - 1}.attn_norm.weight'")
    if h.heads % h.kv_heads:
        refuse(f"{h.heads} heads cannot share {h.kv_heads} key-value heads")
    if not all(map(math.isfinite, (h.epsilon, h.rope_base, h.rope_divisor))) or h.epsilon < 0:
        refuse(f"norm epsilon {h.epsilon}, rotary base {h.rope_base} and rotary scaling "
               f"{h.rope_divisor} must be finite")
    if h.head_dim % 2 or h.rope_divisor <= 0 or h.rope_base <= 0:
        refuse(f"rotary embedding is undefined for head size {h.head_dim}, "
               f"base {h.rope_base}, scaling {h.rope_divisor}")
    if model.get(f"{arch}.attention.value_length", int, h.head_dim) != h.head_dim:
        refuse("keys and values of different length are not supported")
    if model.get(f"{arch}.rope.dimension_count", int, h.head_dim) != h.head_dim:
        refuse("a rotary embedding over part of the head is not supported")
    if model.get(f"{arch}.expert_count", int, 0):
        refuse("mixtures of experts are not supported")
