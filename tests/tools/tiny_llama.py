"""A GGUF of a two-layer llama with tensors of chosen types, and its logits in float64 numpy.

The forward pass follows llama.cpp's conventions (rotary pairs, tensor names), which are not the
ones the converter writes: agreement means that the reordering is right.
"""

import gguf
import numpy as np

Kind = gguf.GGMLQuantizationType
HIDDEN, FFN, HEADS, KV_HEADS, VOCABULARY, LAYERS, BASE = 256, 512, 4, 2, 96, 2, 10000.0
HEAD_DIM = HIDDEN // HEADS


def raw(kind, values, rng):
    """Rows of `kind`: quantized by the gguf package, or random codes where it cannot."""
    try:
        return gguf.quantize(values, kind)
    except NotImplementedError:
        block, size = gguf.GGML_QUANT_SIZES[kind]
        data = rng.integers(0, 256, (values.shape[0], values.shape[1] // block, size), np.uint8)
        for at in {Kind.Q4_K: (0, 2), Kind.Q6_K: (208,)}[kind]:
            scale = rng.uniform(1e-4, 1e-3, data.shape[:2]).astype(np.float16)
            data[..., at:at + 2] = scale[..., None].view(np.uint8)
        return data.reshape(values.shape[0], -1)


class TinyLlama:
    """A GGUF of two layers. `kinds`: tensor name part to type; others are F32."""

    def __init__(self, kinds, tied=True, biases=False, factors=False, arch="llama", **metadata):
        self.rng = np.random.default_rng(7)
        self.kinds, self.tensors, self.arch = kinds, {}, arch
        self.metadata = metadata
        kv = KV_HEADS * HEAD_DIM
        for i in range(LAYERS):
            for part, out, inner in (("attn_q", HIDDEN, HIDDEN), ("attn_k", kv, HIDDEN),
                                     ("attn_v", kv, HIDDEN), ("attn_output", HIDDEN, HIDDEN),
                                     ("ffn_gate", FFN, HIDDEN), ("ffn_up", FFN, HIDDEN),
                                     ("ffn_down", HIDDEN, FFN)):
                self.matrix(f"blk.{i}.{part}.weight", out, inner)
                if biases and part in ("attn_q", "attn_k", "attn_v"):
                    self.vector(f"blk.{i}.{part}.bias", self.rng.normal(0, 1, out))
            self.vector(f"blk.{i}.attn_norm.weight", self.rng.uniform(0.5, 1.5, HIDDEN))
            self.vector(f"blk.{i}.ffn_norm.weight", self.rng.uniform(0.5, 1.5, HIDDEN))
        self.vector("output_norm.weight", self.rng.uniform(0.5, 1.5, HIDDEN))
        self.matrix("token_embd.weight", VOCABULARY, HIDDEN)
        if not tied:
            self.matrix("output.weight", VOCABULARY, HIDDEN)
        if factors:
            self.vector("rope_freqs.weight", self.rng.uniform(1, 8, HEAD_DIM // 2))

    def matrix(self, name, rows, columns):
        kind = next((k for part, k in self.kinds.items() if part in name), Kind.F32)
        values = self.rng.normal(0, 0.08, (rows, columns)).astype(np.float32)
        self.tensors[name] = (values if kind == Kind.F32 else raw(kind, values, self.rng), kind)

    def vector(self, name, values):
        self.tensors[name] = (values.astype(np.float32), Kind.F32)

    def dense(self, name):
        data, kind = self.tensors[name]
        return gguf.dequantize(data, kind).astype(np.float32)

    def write(self, path):
        writer = gguf.GGUFWriter(path, self.arch)
        writer.add_block_count(LAYERS)
        writer.add_context_length(64)
        writer.add_embedding_length(HIDDEN)
        writer.add_feed_forward_length(FFN)
        writer.add_head_count(HEADS)
        writer.add_head_count_kv(KV_HEADS)
        writer.add_layer_norm_rms_eps(1e-5)
        writer.add_rope_freq_base(BASE)
        tokens = ["<s>", "</s>", "a", "b", "ab", "Ġ", "1", "2"]
        options = {"model": "gpt2", "pre": "smollm", "merges": ["a b"], **self.metadata}
        writer.add_tokenizer_model(options["model"])
        writer.add_tokenizer_pre(options["pre"])
        writer.add_token_list(tokens)
        writer.add_token_types([3, 3] + [1] * (len(tokens) - 2))
        writer.add_token_merges(options["merges"])
        writer.add_bos_token_id(0)
        writer.add_eos_token_id(1)
        if "add_bos" in options:
            writer.add_add_bos_token(options["add_bos"])
        for name, (data, kind) in self.tensors.items():
            writer.add_tensor(name, data, raw_dtype=kind)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        return path


def expected_logits(model, ids, factors=None):
    """llama.cpp's forward pass in float64: rotation of neighbouring pairs, grouped heads."""
    def norm(x, name):
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-5) * model.dense(name)

    def project(x, name):
        y = x @ model.dense(f"{name}.weight").astype(np.float64).T
        return y + model.dense(f"{name}.bias") if f"{name}.bias" in model.tensors else y

    frequency = BASE ** (-np.arange(0, HEAD_DIM, 2) / HEAD_DIM)
    frequency = frequency / (1 if factors is None else factors)
    angle = np.outer(np.arange(len(ids)), frequency)[:, None, :]

    def rotate(x):
        even, odd = x[..., 0::2], x[..., 1::2]
        if model.arch == "qwen2":
            even, odd = np.split(x, 2, -1)
        turned = [even * np.cos(angle) - odd * np.sin(angle),
                  even * np.sin(angle) + odd * np.cos(angle)]
        return np.concatenate(turned, -1)      # the order is the same for q and k: enough here

    x = model.dense("token_embd.weight").astype(np.float64)[ids]
    for i in range(LAYERS):
        h = norm(x, f"blk.{i}.attn_norm.weight")
        q, k, v = (project(h, f"blk.{i}.attn_{p}").reshape(len(ids), -1, HEAD_DIM) for p in "qkv")
        q, k = rotate(q), rotate(k)
        k, v = (np.repeat(t, HEADS // KV_HEADS, 1) for t in (k, v))
        score = np.einsum("qhd,khd->hqk", q, k) / np.sqrt(HEAD_DIM)
        score = np.where(np.tri(len(ids), dtype=bool), score, -np.inf)
        weight = np.exp(score - score.max(-1, keepdims=True))
        weight /= weight.sum(-1, keepdims=True)
        y = np.einsum("hqk,khd->qhd", weight, v).reshape(len(ids), -1)
        x = x + project(y, f"blk.{i}.attn_output")
        h = norm(x, f"blk.{i}.ffn_norm.weight")
        gate = project(h, f"blk.{i}.ffn_gate")
        x = x + project(gate / (1 + np.exp(-gate)) * project(h, f"blk.{i}.ffn_up"),
                        f"blk.{i}.ffn_down")
    head = "output" if "output.weight" in model.tensors else "token_embd"
    return project(norm(x, "output_norm.weight"), head)
