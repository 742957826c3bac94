"""The decoder as an ONNX graph, in the dialect of onnxruntime-genai's model builder.

Inputs input_ids, attention_mask, then every layer's past keys, then values; outputs logits and
the presents in the same order. Opset 22 and com.microsoft: the same operators, names and
attributes as the builder's, so that whatever reads its exports reads these.

    ids -> embedding -> [norm -> q,k,v -> GroupQueryAttention -> o -> norm -> gated MLP] x layers
        -> norm -> head -> logits
"""

import numpy as np
import onnx
from onnx import TensorProto, helper

from . import rope

MICROSOFT = "com.microsoft"


class Decoder:
    """Writes weights into `data` (DataFile) while it builds; `finish` gives the ModelProto."""

    def __init__(self, hyper, weights, data):
        self.hyper, self.weights, self.data = hyper, weights, data
        self.nodes, self.inputs, self.outputs, self.constants = [], [], [], {}

    def build(self):
        h = self.hyper
        self._declare_values()
        self._lengths()
        factors = None
        if self.weights.has("rope_freqs.weight"):
            factors = self.weights.vector("rope_freqs.weight", h.head_dim // 2)
        tables = [self.data.new(name, np.float32, [h.context, h.head_dim // 2])
                  for name in ("cos_cache", "sin_cache")]
        rope.fill(h, *tables, factors)
        x = self._embedding()
        branch = None                      # what the next norm adds to the residual stream
        for i in range(h.layers):
            x, normed = self._norm(i, "input_layernorm", f"blk.{i}.attn_norm", x, branch)
            branch = self._attention(i, normed)
            x, normed = self._norm(i, "post_attention_layernorm", f"blk.{i}.ffn_norm", x, branch)
            branch = self._mlp(i, normed)
        _, normed = self._norm(h.layers, "final_norm_layernorm", "output_norm", x, branch)
        self._head(normed)

    def finish(self, properties):
        """The ModelProto, once build() is done; `properties` is its metadata (text to text)."""
        graph = helper.make_graph(self.nodes, "main_graph", self.inputs, self.outputs,
                                  self.data.initializers)
        model = helper.make_model(
            graph, ir_version=10, producer_name="weft gguf_to_onnx",
            opset_imports=[helper.make_opsetid("", 22), helper.make_opsetid(MICROSOFT, 1)])
        helper.set_model_props(model, properties)
        return model

    # --- building blocks ---

    def _node(self, op, name, inputs, domain="", outputs=None, **attributes):
        outputs = outputs or [f"{name}/output_0"]
        self.nodes.append(helper.make_node(op, inputs, outputs, name=name, domain=domain,
                                           **attributes))
        return outputs[0]

    def _constant(self, value):
        """An INT64 constant, shared by everyone who asks for the same value."""
        label = str(value).replace(" ", "")
        if label not in self.constants:
            name = f"/model/constants/INT64/{label}"
            tensor = onnx.numpy_helper.from_array(np.array(value, np.int64), name)
            self._node("Constant", f"/model/constant_nodes/INT64/{label}", [], outputs=[name],
                       value=tensor)
            self.constants[label] = name
        return self.constants[label]

    def _declare_values(self):
        h = self.hyper

        def value(name, kind, *shape):
            return helper.make_tensor_value_info(name, kind, shape)

        def cache(prefix, length):
            return [value(f"{prefix}.{i}.{part}", TensorProto.FLOAT, "batch_size", h.kv_heads,
                          length, h.head_dim)
                    for part in ("key", "value") for i in range(h.layers)]

        self.inputs = [
            value("input_ids", TensorProto.INT64, "batch_size", "sequence_length"),
            value("attention_mask", TensorProto.INT64, "batch_size", "total_sequence_length"),
            *cache("past_key_values", "past_sequence_length")]
        self.outputs = [
            value("logits", TensorProto.FLOAT, "batch_size", "sequence_length", h.vocabulary),
            *cache("present", "total_sequence_length")]

    def _lengths(self):
        """What GroupQueryAttention takes instead of a mask: last position per row, total length."""
        base = "/model/attn_mask_reformat/attn_mask_subgraph"
        one = self._constant([1])
        ones = self._node("ReduceSum", f"{base}/ReduceSum", ["attention_mask", one], keepdims=0)
        last = self._node("Sub", f"{base}/Sub", [ones, one])
        self.last = self._node("Cast", f"{base}/Sub/Cast", [last], to=TensorProto.INT32)
        shape = self._node("Shape", f"{base}/Shape", ["attention_mask"])
        total = self._node("Gather", f"{base}/Gather", [shape, self._constant(1)], axis=0)
        self.total = self._node("Cast", f"{base}/Gather/Cast", [total], to=TensorProto.INT32)

    def _norm(self, i, name, source, x, branch):
        """(residual stream, normed): RMS norm of x + branch; `branch` None means x alone."""
        layer = f"layers.{i}.{name}"
        path = f"/model/layers.{i}/{name}"
        weight = self.data.add(f"model.{layer}.weight",
                               self.weights.vector(f"{source}.weight", self.hyper.hidden))
        normed = f"{path}/output_0"
        if branch is None:
            # In the default domain, as the builder has it; ONNX itself has no such operator.
            self._node("SimplifiedLayerNormalization", f"{path}/LayerNorm", [x, weight],
                       outputs=[normed], epsilon=self.hyper.epsilon, axis=-1, stash_type=1)
            return x, normed
        last = i == self.hyper.layers
        outputs = [normed] if last else [normed, "", "", f"{path}/output_3"]
        self._node("SkipSimplifiedLayerNormalization", f"{path}/SkipLayerNorm", [x, branch, weight],
                   MICROSOFT, outputs, epsilon=self.hyper.epsilon)
        return outputs[-1], normed

    # --- weights ---

    def _dense(self, name, sources, transposed):
        out, inner = self.weights.shape(sources)
        array = self.data.new(name, np.float32, [inner, out] if transposed else [out, inner])
        for start, rows in self.weights.dense(sources):
            if transposed:
                array[:, start:start + len(rows)] = rows.T
            else:
                array[start:start + len(rows)] = rows
        return name

    def _quantized(self, name, sources, flat=False):
        """Adds codes, scales and, where the format has them, zeros: the names of these tensors."""
        bits, size, has_zeros = self.weights.format(sources)
        out, inner = self.weights.shape(sources)
        block_bytes = size * bits // 8
        shape = [out, inner // size, block_bytes]
        names = [f"{name}.weight_Q{bits}", f"{name}.weight_scales", f"{name}.weight_zp"]
        code = self.data.new(names[0], np.uint8, [out, shape[1] * block_bytes] if flat else shape)
        scale = self.data.new(names[1], np.float32, shape[:2])
        zero = self.data.new(names[2], np.float32, shape[:2]) if has_zeros else None
        for start, part in self.weights.blocks(sources):
            rows = slice(start, start + len(part.codes))
            code[rows] = part.packed().reshape(-1, *code.shape[1:])
            scale[rows] = part.scales
            if has_zeros:
                zero[rows] = part.zeros
        return names if has_zeros else names[:2]

    def _linear(self, path, name, x, sources, rows, columns, output=None):
        """[.., columns] to [.., rows]: x times the stacked `sources`, transposed, plus any bias."""
        self.weights.expect(sources, rows, columns)
        biases = [source.removesuffix("weight") + "bias" for source in sources]
        biased = any(map(self.weights.has, biases))
        outputs = [output] if output and not biased else [f"{path}/MatMul/output_0"]
        form = self.weights.format(sources)
        if form == "float":
            weight = self._dense(f"{name}.MatMul.weight", sources, transposed=True)
            y = self._node("MatMul", f"{path}/MatMul", [x, weight], outputs=outputs)
        else:
            y = self._matmul_nbits(path, x, self._quantized(f"{name}.MatMul", sources), sources,
                                   outputs)
        if not biased:
            return y
        parts = []
        for source, bias in zip(sources, biases):
            size = self.weights.shape([source])[0]
            parts.append(self.weights.vector(bias, size) if self.weights.has(bias)
                         else np.zeros(size, np.float32))
        bias = self.data.add(f"{name}.Add.bias", np.concatenate(parts))
        return self._node("Add", f"{path}/Add", [y, bias], outputs=[output] if output else None)

    def _matmul_nbits(self, path, x, weights, sources, outputs):
        bits, size, _ = self.weights.format(sources)
        rows, columns = self.weights.shape(sources)
        return self._node("MatMulNBits", f"{path}/MatMul_Q{bits}", [x, *weights], MICROSOFT,
                          outputs, K=columns, N=rows, bits=bits, block_size=size)

    # --- the model, top to bottom ---

    def _embedding(self):
        """Token rows. A tied table is the head's own tensor, where an exact lookup in it exists."""
        h, path, source = self.hyper, "/model/embed_tokens", ["token_embd.weight"]
        self.weights.expect(source, h.vocabulary, h.hidden)
        self.tied = not self.weights.has("output.weight")
        form = self.weights.format(source)
        self.head_sources = source if self.tied else ["output.weight"]
        self.head_weights = None
        if form == "float" and self.tied:
            self.head_weights = [self._dense("lm_head.MatMul.weight", source, transposed=True)]
            table = self._node("Transpose", f"{path}/Transpose", self.head_weights, perm=[1, 0])
            return self._node("Gather", f"{path}/Gather", [table, "input_ids"])
        if form == "float" or form[2]:
            # GatherBlockQuantized has integer zero points only: a type with minima stays float.
            table = self._dense("model.embed_tokens.weight", source, transposed=False)
            return self._node("Gather", f"{path}/Gather", [table, "input_ids"])
        if self.tied:
            self.head_weights = self._quantized("lm_head.MatMul", source)
            flat = self._constant([h.vocabulary, h.hidden * form[0] // 8])
            codes = self._node("Reshape", f"{path}/Reshape", [self.head_weights[0], flat])
            scales = self.head_weights[1]
        else:
            codes, scales = self._quantized("model.embed_tokens", source, flat=True)
        return self._node("GatherBlockQuantized", f"{path}/GatherBlockQuantized",
                          [codes, "input_ids", scales], MICROSOFT, bits=form[0],
                          block_size=form[1], gather_axis=0, quantize_axis=1)

    def _attention(self, i, x):
        h, path, name = self.hyper, f"/model/layers.{i}/attn", f"model.layers.{i}.attn"
        sources = [f"blk.{i}.attn_{part}.weight" for part in "qkv"]
        rows = [h.heads * h.head_dim, h.kv_heads * h.head_dim, h.kv_heads * h.head_dim]
        if self.weights.format(sources) is not None:
            qkv = [self._linear(f"{path}/qkv_proj", f"{name}.qkv_proj", x, sources, sum(rows),
                                h.hidden), "", ""]
        else:
            qkv = [self._linear(f"{path}/{part}_proj", f"{name}.{part}_proj", x, [source], count,
                                h.hidden) for part, source, count in zip("qkv", sources, rows)]
        past = [f"past_key_values.{i}.key", f"past_key_values.{i}.value"]
        y = f"{path}/GroupQueryAttention/output_0"
        self._node("GroupQueryAttention", f"{path}/GroupQueryAttention",
                   [*qkv, *past, self.last, self.total, "cos_cache", "sin_cache", "", "", ""],
                   MICROSOFT, [y, f"present.{i}.key", f"present.{i}.value"],
                   num_heads=h.heads, kv_num_heads=h.kv_heads, scale=h.head_dim ** -0.5,
                   local_window_size=h.window, softcap=0.0, do_rotary=1, rotary_interleaved=0)
        return self._linear(f"{path}/o_proj", f"{name}.o_proj", y,
                            [f"blk.{i}.attn_output.weight"], h.hidden, rows[0])

    def _mlp(self, i, x):
        h, path, name = self.hyper, f"/model/layers.{i}/mlp", f"model.layers.{i}.mlp"
        gate, up = (self._linear(f"{path}/{part}_proj", f"{name}.{part}_proj", x,
                                 [f"blk.{i}.ffn_{part}.weight"], h.ffn, h.hidden)
                    for part in ("gate", "up"))
        sigmoid = self._node("Sigmoid", f"{path}/act_fn/Sigmoid", [gate])
        silu = self._node("Mul", f"{path}/act_fn/Mul", [gate, sigmoid])
        gated = self._node("Mul", f"{path}/Mul", [silu, up])
        return self._linear(f"{path}/down_proj", f"{name}.down_proj", gated,
                            [f"blk.{i}.ffn_down.weight"], h.hidden, h.ffn)

    def _head(self, x):
        h, sources = self.hyper, self.head_sources
        if self.head_weights is None:
            self._linear("/lm_head", "lm_head", x, sources, h.vocabulary, h.hidden, "logits")
        elif self.weights.format(sources) == "float":
            self._node("MatMul", "/lm_head/MatMul", [x, *self.head_weights], outputs=["logits"])
        else:
            self._matmul_nbits("/lm_head", x, self.head_weights, sources, ["logits"])
