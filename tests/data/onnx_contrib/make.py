#!/usr/bin/env python3
"""Makes the cases of this folder: one node each, most of com.microsoft (or a few nodes), random
inputs, and what ONNX Runtime gives for them.

    python3 make.py [NAME...]        numpy, onnx and onnxruntime are needed

The layout is that of ONNX's node tests: <case>/model.onnx, <case>/test_data_set_0/*.pb.
"""
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

HERE = pathlib.Path(__file__).parent
RNG = np.random.default_rng(7)


def real(*shape, dtype=np.float32):
    return (RNG.standard_normal(shape) * 0.5).astype(dtype)


def whole(low, high, *shape, dtype=np.int64):
    return RNG.integers(low, high, shape, dtype=dtype)


def names_of(values, prefix):
    return [f"{prefix}{i}" if present else "" for i, present in enumerate(values)]


def case(name, op, inputs, outputs=1, weights=(), opset=21, domain="com.microsoft", apart=None,
         **attrs):
    """One node. `inputs` are arrays or None (absent); those at `weights` become initializers;
    `outputs` is a count, or a string of 1s and 0s for wanted and not. The results are those of
    inputs `apart`, [batch, sequence, width], where given."""
    wanted = [c == "1" for c in outputs] if isinstance(outputs, str) else [True] * outputs
    ins = names_of([x is not None for x in inputs], "x")
    outs = names_of(wanted, "y")
    node = helper.make_node(op, ins, outs, domain=domain, **attrs)
    save(name, [node], {n: x for n, x in zip(ins, inputs) if n},
         [n for n in outs if n], {f"x{i}" for i in weights}, opset, same_as(op, apart, attrs))


def same_as(op, apart, attrs):
    if apart is None:
        return None
    apart = [x.reshape(*x.shape[:2], -1) for x in apart]
    ins = [f"x{i}" for i in range(len(apart))]
    values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, x.shape)
              for n, x in zip(ins, apart)]
    node = helper.make_node(op, ins, ["y0"], domain="com.microsoft", **attrs)
    return [node], values, dict(zip(ins, apart))


def save(name, nodes, arrays, outs, weights, opset, reference=None):
    if sys.argv[1:] and name not in sys.argv[1:]:
        return
    elem = lambda x: helper.np_dtype_to_tensor_dtype(x.dtype)
    inputs = [helper.make_tensor_value_info(n, elem(x), x.shape)
              for n, x in arrays.items() if n not in weights]
    constants = [x if isinstance(x, onnx.TensorProto) else numpy_helper.from_array(x, n)
                 for n, x in arrays.items() if n in weights]
    run_with(name, nodes, inputs, constants, {n: x for n, x in arrays.items() if n not in weights},
             outs, opset, reference)


def model_of(name, nodes, inputs, outputs, constants, opset):
    return helper.make_model(
        helper.make_graph(nodes, name, inputs, outputs, constants), ir_version=10,
        opset_imports=[helper.make_opsetid("", opset), helper.make_opsetid("com.microsoft", 1)])


def run_with(name, nodes, inputs, constants, feeds, outs, opset, reference):
    untyped = [helper.make_empty_tensor_value_info(n) for n in outs]
    ran = (nodes, inputs, feeds) if reference is None else reference
    source = model_of(name, ran[0], ran[1], untyped, constants, opset)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(source.SerializeToString(), options,
                                           providers=["CPUExecutionProvider"])
    results = session.run(outs, ran[2])
    typed = [helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(y.dtype), y.shape)
             for n, y in zip(outs, results)]
    model = model_of(name, nodes, inputs, typed, constants, opset)
    folder = HERE / name / "test_data_set_0"
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(model, HERE / name / "model.onnx")
    for kind, values in (("input", feeds.items()), ("output", zip(outs, results))):
        for i, (tensor, array) in enumerate(values):
            (folder / f"{kind}_{i}.pb").write_bytes(
                numpy_helper.from_array(np.asarray(array), tensor).SerializeToString())


def activations():
    x, bias = real(2, 3, 8), real(8)
    case("gelu", "Gelu", [x])
    case("fast_gelu", "FastGelu", [x])
    case("fast_gelu_bias", "FastGelu", [x, bias])
    case("bias_gelu", "BiasGelu", [x, bias])
    case("quick_gelu", "QuickGelu", [x], alpha=1.5)


def normal_domain():
    """Ops of ai.onnx that the distribution's node tests lack."""
    case("mish", "Mish", [real(2, 8) * 8], domain="")
    for p in (1, 2):
        case(f"lp_normalization_{p}", "LpNormalization", [real(2, 3, 4)], domain="", axis=1, p=p)


def products():
    case("fused_mat_mul", "FusedMatMul", [real(2, 4, 3), real(2, 5, 4)], transA=1, transB=1,
         alpha=0.5)
    case("fused_mat_mul_batch_a", "FusedMatMul", [real(3, 2, 4), real(2, 4, 5)], transBatchA=1)
    case("fused_mat_mul_batch_both", "FusedMatMul", [real(4, 2, 3), real(5, 2, 4)], transBatchA=1,
         transBatchB=1, transA=1, transB=1)
    b = whole(-128, 128, 4, 5, dtype=np.int8)
    scale = np.array(0.02, np.float32)
    case("dynamic_quantize_mat_mul", "DynamicQuantizeMatMul", [real(3, 4), b, scale], weights=[1])
    case("dynamic_quantize_mat_mul_channels", "DynamicQuantizeMatMul",
         [real(2, 3, 4), b, np.abs(real(5)), whole(-9, 9, 5, dtype=np.int8), real(5)],
         weights=[1, 2, 3, 4])
    case("mat_mul_integer_to_float", "MatMulIntegerToFloat",
         [whole(0, 256, 3, 4, dtype=np.uint8), b, scale, scale])
    case("mat_mul_integer_to_float_bias", "MatMulIntegerToFloat",
         [whole(0, 256, 3, 4, dtype=np.uint8), b, scale, np.abs(real(5)), np.array(128, np.uint8),
          whole(-9, 9, 5, dtype=np.int8), real(5)])


def normalizations():
    x, skip, gamma, beta = real(2, 3, 8), real(2, 3, 8), real(8), real(8)
    case("skip_layer_norm", "SkipLayerNormalization", [x, skip, gamma, beta], epsilon=1e-5)
    case("skip_layer_norm_bias_sum", "SkipLayerNormalization", [x, skip, gamma, None, beta], "1001")
    case("skip_layer_norm_broadcast", "SkipLayerNormalization", [x, real(1, 3, 8), gamma, beta])
    case("skip_layer_norm_row", "SkipLayerNormalization", [x, real(3, 8), gamma, beta])
    case("skip_rms_norm", "SkipSimplifiedLayerNormalization", [x, skip, gamma], "1001")
    case("skip_rms_norm_bias", "SkipSimplifiedLayerNormalization", [x, skip, gamma, beta])
    ids, tables = whole(0, 10, 2, 4, dtype=np.int32), [real(10, 8), real(6, 8), real(2, 8)]
    segments, mask = whole(0, 2, 2, 4, dtype=np.int32), np.array([[1, 1, 1, 0], [1, 1, 0, 0]], np.int32)
    case("embed_layer_norm", "EmbedLayerNormalization",
         [ids, segments, *tables, gamma, beta, mask], 2, weights=[2, 3, 4, 5, 6])
    case("embed_layer_norm_sum", "EmbedLayerNormalization",
         [ids, None, tables[0], tables[1], None, gamma, beta], "101", weights=[2, 3, 5, 6])
    case("embed_layer_norm_positions", "EmbedLayerNormalization",
         [ids, segments, *tables, gamma, beta, None, whole(0, 6, 2, 4, dtype=np.int32)], 2,
         weights=[2, 3, 4, 5, 6])


def attentions():
    x, w, b = real(2, 3, 8), real(8, 24), real(24)
    heads = dict(num_heads=2)
    case("attention", "Attention", [x, w, b], weights=[1, 2], **heads)
    case("attention_causal_scale", "Attention", [x, w, b], weights=[1, 2], unidirectional=1, scale=0.3,
         **heads)
    case("attention_lengths", "Attention", [x, w, b, np.array([2, 3], np.int32)], weights=[1, 2],
         **heads)
    case("attention_ends_and_starts", "Attention", [x, w, b, np.array([3, 2, 1, 0], np.int32)],
         weights=[1, 2], **heads)
    case("attention_mask", "Attention", [x, w, b, np.array([[1, 1, 0], [0, 1, 1]], np.int32)],
         weights=[1, 2], **heads)
    case("attention_mask_3d", "Attention", [x, w, b, whole(0, 2, 2, 3, 3, dtype=np.int32) |
                                            np.eye(3, dtype=np.int32)], weights=[1, 2], **heads)
    past = real(2, 2, 2, 4, 4)
    case("attention_past", "Attention", [x, w, b, None, past], 2, weights=[1, 2], unidirectional=1,
         **heads)
    case("attention_past_mask", "Attention",
         [x, w, b, np.array([[1] * 7, [0, 0] + [1] * 5], np.int32), past], 2, weights=[1, 2],
         unidirectional=1, **heads)
    case("attention_bias", "Attention", [x, w, b, None, None, real(1, 2, 3, 3)], weights=[1, 2],
         **heads)
    case("attention_value_size", "Attention", [x, real(8, 20), real(20)], weights=[1, 2],
         qkv_hidden_sizes=[8, 8, 4], **heads)
    multi_head(heads)
    rotary()


def multi_head(heads):
    q, k, v = real(2, 3, 8), real(2, 5, 8), real(2, 5, 8)
    case("mha", "MultiHeadAttention", [q, k, v], **heads)
    case("mha_bias", "MultiHeadAttention", [q, k, v, real(24)], **heads)
    # The CPU has no kernel for packed projections: the results are those of the parts.
    packed = real(2, 3, 2, 3, 4)
    case("mha_packed", "MultiHeadAttention", [packed], apart=[packed[:, :, :, i] for i in range(3)],
         **heads)
    packed = real(2, 5, 2, 2, 4)
    case("mha_packed_kv", "MultiHeadAttention", [q, packed],
         apart=[q, packed[:, :, :, 0], packed[:, :, :, 1]], **heads)
    case("mha_cross", "MultiHeadAttention", [q, real(2, 2, 5, 4), real(2, 2, 5, 4)], **heads)
    case("mha_lengths", "MultiHeadAttention", [q, k, v, None, np.array([5, 3], np.int32)], **heads)
    padding = np.array([[1, 1, 1, 1, 0], [0, 1, 1, 1, 1]], np.int32)
    case("mha_padding", "MultiHeadAttention", [q, k, v, None, padding], **heads)
    case("mha_padding_bias", "MultiHeadAttention", [q, k, v, None, padding, real(2, 2, 3, 5)], **heads)
    case("mha_past", "MultiHeadAttention",
         [q, real(2, 3, 8), real(2, 3, 8), None, None, None, real(2, 2, 4, 4), real(2, 2, 4, 4)], 3,
         unidirectional=1, **heads)


def rotary():
    cos, sin = real(16, 4), real(16, 4)
    case("rotary", "RotaryEmbedding", [real(2, 3, 16), whole(0, 16, 2, 3), cos, sin])
    case("rotary_first", "RotaryEmbedding", [real(2, 3, 16), np.array([5]), cos, sin])
    case("rotary_4d_first", "RotaryEmbedding", [real(2, 2, 3, 8), np.array([2]), cos, sin],
         interleaved=1)
    case("rotary_partial", "RotaryEmbedding", [real(2, 3, 24), whole(0, 16, 2, 3), cos, sin],
         num_heads=2, rotary_embedding_dim=8)


def grouped(name, sink=None, past=2, positions=False, query=None, **attrs):
    # 4 heads and 2 of keys and values, of 8; the lengths come from a mask, as exporters' do.
    qkv, seq = (real(1, 3, 64), 3) if query is None else (query, query.shape[1])
    arrays = {"qkv": qkv, "k": real(1, 2, past, 8), "v": real(1, 2, past, 8),
              "mask": np.ones((1, past + seq), np.int64)}
    node = helper.make_node("GroupQueryAttention",
                            ["qkv", "", "", "k", "v", "lengths", "total", "", "", "", "",
                             "sink" if sink is not None else ""],
                            ["y", "present_k", "present_v"], domain="com.microsoft", num_heads=4,
                            kv_num_heads=2, **attrs)
    nodes = [helper.make_node("ReduceSum", ["mask", "one"], ["sum"], keepdims=0),
             helper.make_node("Sub", ["sum", "one"], ["last"]),
             helper.make_node("Cast", ["last"], ["lengths"], to=TensorProto.INT32),
             helper.make_node("Shape", ["mask"], ["shape"]),
             helper.make_node("Gather", ["shape", "one"], ["long"]),
             helper.make_node("Squeeze", ["long"], ["scalar"]),
             helper.make_node("Cast", ["scalar"], ["total"], to=TensorProto.INT32), node]
    arrays["one"] = np.array([1])
    if sink is not None:
        arrays["sink"] = sink
    save(name, nodes, arrays, ["y", "present_k", "present_v"], {"one", "sink"}, 21)


def groups():
    grouped("gqa")
    grouped("gqa_sink", sink=real(4) * 4)
    grouped("gqa_smooth", smooth_softmax=1)
    grouped("gqa_window_sink", sink=real(4), local_window_size=3, softcap=5.0, scale=0.2)


def mixtures():
    x, router = real(5, 8), real(5, 4) * 4
    w1, w2, w3 = real(4, 6, 8), real(4, 8, 6), real(4, 6, 8)
    b1, b2 = real(4, 6), real(4, 8)
    case("moe_relu", "MoE", [x, router, w1, b1, w2, b2], weights=[2, 3, 4, 5], k=2)
    case("moe_gelu_3d", "MoE", [real(2, 3, 8), real(6, 4), w1, None, w2], weights=[2, 4], k=1,
         activation_type="gelu")
    case("moe_silu_normalized", "MoE", [x, router, w1, None, w2, None], weights=[2, 4], k=2,
         activation_type="silu", normalize_routing_weights=1)
    case("moe_identity", "MoE", [x, router, w1, b1, w2, b2], weights=[2, 3, 4, 5], k=4,
         activation_type="identity", normalize_routing_weights=1)
    fused = real(4, 12, 8)
    swiglu = dict(activation_type="swiglu", normalize_routing_weights=1, activation_alpha=1.702,
                  activation_beta=1.0, swiglu_limit=0.5)
    case("moe_swiglu", "MoE", [x, router, fused, real(4, 12), w2, b2], weights=[2, 3, 4, 5], k=2,
         swiglu_fusion=1, **swiglu)
    x, router = real(3, 32), real(3, 2)
    codes = [whole(0, 256, 2, n, k, dtype=np.uint8) for n, k in ((64, 16), (32, 16))]
    for name, block in (("qmoe_4_bits", 0), ("qmoe_4_bits_blocks", 16)):
        scales = [np.abs(real(2, n, *([32 // block] if block else []))) * 0.05 for n in (64, 32)]
        extra = dict(block_size=block) if block else {}
        case(name, "QMoE", [x, router, codes[0], scales[0], real(2, 64), codes[1], scales[1]],
             weights=range(2, 7), k=1, expert_weight_bits=4, swiglu_fusion=1, **swiglu, **extra)
    bytes8 = [whole(0, 256, 2, n, 32, dtype=np.uint8) for n in (64, 32)]
    scales = [np.abs(real(2, n)) * 0.004 for n in (64, 32)]
    case("qmoe_8_bits", "QMoE", [x, router, bytes8[0], scales[0], None, bytes8[1], scales[1]],
         weights=[2, 3, 5, 6], k=2, expert_weight_bits=8, swiglu_fusion=1, **swiglu)


def dequantized(name, reader, codes, scale, zero=None, **attrs):
    """x * DequantizeLinear(codes), or rows of it; codes and zero are arrays, or 4-bit values."""
    kind = attrs.pop("kind", None)
    x = real(3, codes.shape[0]) if reader == "MatMul" else whole(0, codes.shape[0], 2, 3)
    four = lambda n, v: helper.make_tensor(n, kind, v.shape, v.flatten().tolist()) if kind else v
    arrays = {"x": x, "codes": four("codes", codes), "scale": scale}
    if zero is not None:
        arrays["zero"] = four("zero", zero)
    nodes = [helper.make_node("DequantizeLinear", [n for n in arrays if n != "x"], ["w"], **attrs),
             helper.make_node(reader, ["x", "w"] if reader == "MatMul" else ["w", "x"], ["y"])]
    save(name, nodes, arrays, ["y"], set(arrays) - {"x"}, 21)


def quantizations():
    signed = whole(-128, 128, 8, 6, dtype=np.int8)
    unsigned = whole(0, 256, 8, 6, dtype=np.uint8)
    one = np.array(0.03, np.float32)
    dequantized("dq_matmul", "MatMul", signed, one)
    dequantized("dq_matmul_zero", "MatMul", unsigned, one, np.array(130, np.uint8))
    dequantized("dq_matmul_columns", "MatMul", signed, np.abs(real(6)), whole(-9, 9, 6, dtype=np.int8),
                axis=1)
    dequantized("dq_gather_rows", "Gather", unsigned, np.abs(real(8)),
                whole(100, 150, 8, dtype=np.uint8), axis=0)
    four = dict(kind=TensorProto.UINT4, block_size=16)
    dequantized("dq_matmul_4_bit_blocks", "MatMul", whole(0, 16, 32, 6), np.abs(real(2, 6)),
                whole(0, 16, 2, 6), axis=0, **four)
    dequantized("dq_gather_4_bit_blocks", "Gather", whole(0, 16, 6, 32), np.abs(real(6, 2)), axis=1,
                **four)
    dequantized("dq_matmul_signed_4_bit", "MatMul", whole(-8, 8, 32, 6), np.abs(real(2, 6)),
                whole(-8, 8, 2, 6), axis=0, kind=TensorProto.INT4, block_size=16)
    x, zero = real(2, 8), np.array(120, np.uint8)
    nodes = [helper.make_node("QuantizeLinear", ["x", "scale", "zero"], ["q"]),
             helper.make_node("DequantizeLinear", ["q", "scale", "zero"], ["y"])]
    save("q_dq_activation", nodes, {"x": x, "scale": one, "zero": zero}, ["y"], {"scale", "zero"}, 13)


GROUPS = [activations, products, normalizations, attentions, groups, mixtures, quantizations, normal_domain]

if __name__ == "__main__":
    for group in GROUPS:
        group()
