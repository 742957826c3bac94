#!/usr/bin/env python3
"""Writes model.onnx: token ids to logits through integer matrix products.

    python3 make.py [OUT]      needs onnx and numpy

The weights are pseudo-random; what matters is the ops between the floats of both ends:

  embedding -> QuantizeLinear -> MatMulInteger -> Cast, Mul -> QuantizeLinear -> QLinearMatMul
  (a scale per column) -> QLinearMatMul (one scale) -> DequantizeLinear -> MatMul -> logits

and beside the last MatMul a product with unsigned codes and a zero point, which is not symmetric.
"""

import pathlib
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

VOCABULARY, WIDE, INNER, NARROW = 96, 24, 40, 33


def main():
    random = np.random.default_rng(7)
    tensors = []

    def keep(name, array):
        tensors.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def codes(name, *shape):
        return keep(name, random.integers(-127, 128, shape).astype(np.int8))

    def real(name, value):
        return keep(name, np.float32(value))

    keep("table", random.normal(size=(VOCABULARY, WIDE)).astype(np.float32))
    zero, uzero = keep("zero", np.int8(0)), keep("middle", np.uint8(128))
    node = helper.make_node
    nodes = [
        node("Gather", ["table", "input_ids"], ["x"]),
        node("QuantizeLinear", ["x", real("x_scale", 0.03), zero], ["x_codes"]),
        node("MatMulInteger", ["x_codes", codes("w1", WIDE, INNER)], ["sums"], "up"),
        node("Cast", ["sums"], ["sums_f"], to=TensorProto.FLOAT),
        node("Mul", ["sums_f", keep("w1_scale", random.uniform(1e-4, 4e-4, INNER).astype(np.float32))],
             ["h"]),
        node("QuantizeLinear", ["h", real("h_scale", 0.05), zero], ["h_codes"]),
        node("QLinearMatMul", ["h_codes", "h_scale", zero, codes("w2", INNER, NARROW),
                               keep("w2_scale", random.uniform(2e-3, 2e-2, NARROW).astype(np.float32)),
                               keep("zeros", np.zeros(NARROW, np.int8)), real("g_scale", 0.3), zero],
             ["g_codes"], "across"),
        node("QLinearMatMul", ["g_codes", "g_scale", zero, codes("w3", NARROW, WIDE),
                               real("w3_scale", 0.004), zero, real("d_scale", 0.2), zero],
             ["d_codes"], "down"),
        node("DequantizeLinear", ["d_codes", "d_scale", zero], ["d"]),
        node("MatMul", ["d", keep("w4", random.normal(size=(WIDE, VOCABULARY)).astype(np.float32))],
             ["left"], "float_head"),
        node("QuantizeLinear", ["d", real("u_scale", 0.25), uzero], ["u_codes"]),
        node("MatMulInteger", ["u_codes", codes("w5", WIDE, VOCABULARY), uzero], ["right_sums"],
             "unsigned_head"),
        node("Cast", ["right_sums"], ["right_f"], to=TensorProto.FLOAT),
        node("Mul", ["right_f", real("w5_scale", 1e-3)], ["right"]),
        node("Add", ["left", "right"], ["logits"]),
    ]
    graph = helper.make_graph(
        nodes, "integer",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "seq"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", "seq", VOCABULARY])],
        tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    out = sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).with_name("model.onnx")
    onnx.save(model, out)


if __name__ == "__main__":
    main()
