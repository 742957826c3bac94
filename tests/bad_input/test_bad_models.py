"""Models that lie, are damaged or are something else: each ends in one sentence that names the file
and what is wrong in it, with the exit code of bad models (3), and never by a signal."""

import pathlib
import sys
import unittest

import numpy
from onnx import TensorProto

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "models"))
from weft_runs import WeftTest

import small_models as small
from small_models import between, external, model, node, with_tensor, write


class BadInputTest(WeftTest):
    def folder(self, content, **files):
        return write(self.scratch / f"m{len(list(self.scratch.iterdir()))}", content, **files)

    def run_model(self, path, *flags, **options):
        return self.weft("run", "-m", path, "--prompt-ids", "1,2,3", "-n", 2, *flags, **options)

    def refused(self, content, *words, code=3, **files):
        path = content if isinstance(content, pathlib.Path) else self.folder(content, **files)
        run = self.run_model(path)
        self.assert_refused(run, code, *words)
        self.assertEqual(len(run.err.strip().splitlines()), 1, run)
        return run

    def accepted(self, content, **files):
        run = self.run_model(self.folder(content, **files))
        self.assertEqual((run.code, run.err), (0, ""), run)


class Files(BadInputTest):
    def test_the_model_that_is_spoiled_below_is_right(self):
        self.accepted(model())

    def test_a_truncated_model_is_named(self):
        whole = model().SerializeToString()
        for size in range(0, len(whole), 17):
            with self.subTest(size=size):
                self.refused(whole[:size], "model.onnx")

    def test_random_bytes_are_no_model(self):
        random = numpy.random.default_rng(3)
        for size in (1, 2, 8, 64, 1000, 20000):
            with self.subTest(size=size):
                self.refused(random.bytes(size), "model.onnx")

    def test_a_changed_byte_never_ends_the_program_by_a_signal(self):
        whole = model().SerializeToString()
        random = numpy.random.default_rng(4)
        for _ in range(60):
            spoiled = bytearray(whole)
            spoiled[random.integers(len(spoiled))] ^= 1 << int(random.integers(8))
            run = self.run_model(self.folder(bytes(spoiled)))
            self.assertIn(run.code, (0, 2, 3, 4, 5), run)
            self.assertEqual(bool(run.err), run.code != 0, run)

    def test_files_of_other_kinds_are_called_by_their_name(self):
        for content, words in (
                (b"", ["empty"]),
                (b"GGUF\3\0\0\0" + bytes(200), ["GGUF", "gguf_to_onnx"]),
                ((60).to_bytes(8, "little") + b'{"w":{"dtype":"F32"}}' + bytes(80),
                 ["safetensors", "export"]),
                (b"PK\3\4" + bytes(200), ["zip", "export"]),
                (b"A text about models.\n" * 20, ["text"]),
                (b"<!DOCTYPE html><html>not found</html>", ["web page"]),
                (b'{"model_type": "llama"}', ["JSON"]),
                (b"version https://git-lfs.github.com/spec/v1\n", ["git lfs pull"])):
            with self.subTest(words=words):
                self.refused(content, "model.onnx", *words)

    def test_a_file_of_another_kind_may_be_named_itself(self):
        file = self.folder(None, model__gguf=b"GGUF\3\0\0\0" + bytes(200)) / "model.gguf"
        self.refused(file, "model.gguf", "GGUF", "gguf_to_onnx")

    def test_a_folder_without_a_model_says_what_it_holds(self):
        self.refused(self.folder(None), "holds no .onnx file")
        self.refused(self.folder(None, model__gguf=b"GGUF"), "holds no .onnx file", "gguf_to_onnx")
        self.refused(self.folder(None, model__safetensors=b"x"), "holds no .onnx file",
                     "model.safetensors is weights without a graph")

    def test_a_folder_with_several_models_lists_them(self):
        folder = self.folder(model(), other__onnx=b"x")
        self.refused(folder, "model.onnx", "other.onnx", "name one")

    def test_what_cannot_be_opened_is_named(self):
        folder = self.folder(None)
        (folder / "model.onnx").symlink_to("model.onnx")
        self.assertEqual(self.run_model(folder / "model.onnx").code, 2)
        self.refused(folder, "model.onnx")
        folder = self.folder(None)
        (folder / "model.onnx").mkdir()
        self.refused(folder, "holds no .onnx file")
        self.refused(folder / "model.onnx", "holds no .onnx file")

    def test_a_configuration_that_is_no_json_is_named(self):
        for name in ("config", "generation_config", "genai_config"):
            with self.subTest(name=name):
                self.refused(model(), f"{name}.json", "JSON", **{name + "__json": b'{"a": '})

    def test_configurations_of_unexpected_types_say_nothing(self):
        for content in (b"[1, 2]", b"null", b'{"eos_token_id": {}, "max_position_embeddings": []}',
                        b'{"max_position_embeddings": -4, "eos_token_id": [null, "x", -1]}'):
            with self.subTest(content=content):
                self.accepted(model(), config__json=content)


class ExternalData(BadInputTest):
    def outside(self, files, **entries):
        return self.folder(external(model(), "head", **entries), **files)

    def refused_at(self, words, files=None, **entries):
        self.refused(self.outside(files or {}, **entries), "model.onnx", "'head'", *words)

    def test_missing_short_and_misplaced_data_is_named(self):
        whole = {"w__bin": bytes(4 * 4 * 8)}
        self.refused_at(["w.bin", "missing"], location="w.bin", offset=0, length=128)
        self.refused_at(["w.bin", "only 100 bytes"], {"w__bin": bytes(100)}, location="w.bin")
        self.refused_at(["does not match"], whole, location="w.bin", length=64)
        self.refused_at(["only 128 bytes"], whole, location="w.bin", offset=4, length=128)
        self.refused_at(["only 128 bytes"], whole, location="w.bin", offset=2**63, length=128)
        self.refused_at(["not a number"], whole, location="w.bin", offset=-1)
        self.refused_at(["not a number"], whole, location="w.bin", length="all")
        self.refused_at(["names no file"], whole, offset=0)

    def test_data_never_comes_from_outside_the_folder(self):
        for location in ("/etc/passwd", "../secret.bin", "a/../../secret.bin", "..", "."):
            with self.subTest(location=location):
                self.refused_at([], location=location)
        folder = self.outside({}, location="link.bin")
        (folder / "link.bin").symlink_to("/etc/passwd")
        self.refused(folder, "link.bin", "outside the model's folder")

    def test_tensors_that_share_some_of_their_bytes_are_refused(self):
        made = external(model(), "head", location="w.bin", offset=0, length=128)
        external(made, "embed", location="w.bin", offset=64, length=128)
        self.refused(made, "'embed'", "'head'", "some but not all", w__bin=bytes(192))

    def test_what_is_no_file_is_refused(self):
        folder = self.outside({}, location="w.bin")
        (folder / "w.bin").mkdir()
        self.refused(folder, "w.bin", "a folder")


class Graphs(BadInputTest):
    def test_an_unknown_op_or_domain_is_named_with_its_node(self):
        self.refused(model(between(node("Frobnicate", ["x"], ["y"], "/odd"))), "model.onnx",
                     "'/odd'", "'Frobnicate'", "not supported")
        self.refused(model(between(node("Relu", ["x"], ["y"], "/odd", domain="com.acme"))),
                     "'/odd'", "com.acme")
        self.refused(model(between(node("Loop", ["", "", "x"], ["y"], "/odd"))), "'/odd'", "Loop")

    def test_an_element_type_without_support_is_named(self):
        for dtype in (TensorProto.COMPLEX64, TensorProto.STRING, TensorProto.FLOAT8E4M3FN, 99):
            with self.subTest(dtype=dtype):
                made = model()
                made.graph.initializer[1].data_type = dtype
                self.refused(made, "model.onnx", "'head'", f"element type {dtype}")

    def test_shapes_that_contradict_themselves_are_refused(self):
        made = model()
        made.graph.initializer[1].dims[0] = 5
        self.refused(made, "'head'", "bytes")
        self.refused(model(logits=("batch", "seq", 9)), "'logits'", "declared with dim 2 = 9")
        self.refused(model(logits=("seq", 8)), "'logits'", "declared with 2 dims")
        self.refused(with_tensor("head", small.weight(7, 8, 1)), "'/head' (MatMul)", "7 rows")
        self.refused(model(between(node("Concat", ["x", "v"], ["y"], axis=1)),
                           ("v", numpy.zeros((3, 3), "f4"))), "'/concat' (Concat)")
        made = model()
        made.graph.output[0].type.tensor_type.elem_type = TensorProto.INT64
        self.refused(made, "'logits'", "declared as i64")

    def test_a_cycle_is_named_by_a_node_in_it(self):
        self.refused(model(between(node("Add", ["x", "z"], ["y"], "/first"),
                                   node("Relu", ["y"], ["z"], "/second"))), "/", "cycle")
        self.refused(model(between(node("Add", ["x", "y"], ["y"], "/self"))), "'/self' (Add)",
                     "cycle")

    def test_names_without_or_with_two_definitions_are_refused(self):
        self.refused(model(between(node("Add", ["x", "nowhere"], ["y"]))), "'nowhere'")
        self.refused(model(between(node("Relu", ["x"], ["y"], "/a"),
                                   node("Neg", ["x"], ["y"], "/b"))), "'/a'", "'/b'", "twice")
        made = model()
        made.graph.initializer.append(made.graph.initializer[0])
        self.refused(made, "'embed'")
        made = model()
        made.graph.ClearField("output")
        self.refused(made, "no outputs")

    def test_dims_of_a_million_millions_are_refused_before_memory_is_asked_for(self):
        huge = 1 << 40
        for dims in ([huge, 8], [huge, huge], [-3, 8]):
            with self.subTest(dims=dims):
                made = model()
                made.graph.initializer[1].dims[:] = dims
                self.refused(made, "model.onnx", "'head'")
        for shape in ([huge, 1, 1], [huge, huge, 1]):
            with self.subTest(shape=shape):
                expand = node("Expand", ["x", "shape"], ["w"], "/expand")
                least = node("ReduceMax", ["w"], ["z"], "/least", keepdims=1)
                self.refused(model(between(expand, least, node("Add", ["x", "z"], ["y"])),
                                   ("shape", numpy.array(shape))), "model", "1099511627776")
        self.refused(model(ids=(huge, huge)), "'input_ids'")
        fill = node("ConstantOfShape", ["shape"], ["w"], "/fill")
        run = self.run_model(self.folder(model(
            between(fill, node("ReduceSum", ["w"], ["z"], keepdims=0),
                    node("Add", ["x", "z"], ["y"])),
            ("shape", numpy.array([huge])))))
        self.assert_refused(run, 5, "memory")

    def test_a_graph_for_one_length_of_text_only_is_refused(self):
        self.refused(model(ids=(1, 3)), "'input_ids' is i64[1, 3]", "not fixed")
        self.refused(model(ids=(1, 1 << 40)), "'input_ids'", "1099511627776")


class Weights(BadInputTest):
    """NaN and infinity, in whatever form a weight has."""

    def spoiled(self, shape, value, at):
        made = numpy.random.default_rng(5).normal(size=shape).astype(numpy.float32)
        made[at] = value
        return made

    def test_products_tables_and_norms_are_checked(self):
        for value, word in ((numpy.nan, "NaN"), (numpy.inf, "infinite"), (-numpy.inf, "infinite")):
            with self.subTest(value=value):
                self.refused(with_tensor("head", self.spoiled((4, 8), value, (2, 5))), "model",
                             "'/head' (MatMul)", "'head'", f"{word} at [2, 5]")
                self.refused(with_tensor("embed", self.spoiled((8, 4), value, (7, 3))),
                             "'/gather' (Gather)", "'embed'", f"{word} at [7, 3]")
                norm = node("SimplifiedLayerNormalization", ["x", "scale"], ["y"], "/norm")
                self.refused(model(between(norm), ("scale", self.spoiled(4, value, 3))),
                             "'/norm'", "'scale'", f"{word} at [3]")

    def test_half_precision_weights_are_checked(self):
        half = self.spoiled((4, 8), numpy.inf, (1, 1)).astype(numpy.float16)
        made = model([small.embed(), node("Cast", ["half"], ["head32"], to=TensorProto.FLOAT),
                      node("MatMul", ["x", "head32"], ["logits"], "/head")], ("half", half))
        self.refused(made, "/head", "infinite at [1, 1]")

    def quantized(self, scales, zeros):
        codes = numpy.random.default_rng(6).integers(0, 255, (8, 1, 16)).astype(numpy.uint8)
        wide = small.weight(8, 32, 3)
        product = node("MatMulNBits", ["x", "codes", "scales", "zeros"], ["logits"], "/head",
                       domain="com.microsoft", K=32, N=8, bits=4, block_size=32)
        made = model([small.embed(), product], ("codes", codes), ("scales", scales),
                     ("zeros", zeros))
        made.graph.initializer[0].CopyFrom(small.tensor("embed", wide))
        return made

    def test_scales_and_zero_points_of_quantized_weights_are_checked(self):
        ones, eights = numpy.ones(8, "f4"), numpy.full(8, 8, "f4")
        self.accepted(self.quantized(ones, eights))
        for value in (numpy.nan, numpy.inf):
            with self.subTest(value=value):
                scales = ones.copy()
                scales[6] = value
                self.refused(self.quantized(scales, eights), "/head", "the scale of", "[6, 0]")
                zeros = eights.copy()
                zeros[2] = value
                self.refused(self.quantized(ones, zeros), "/head", "the zero point of", "[2, 0]")

    def test_nan_is_refused_in_any_constant(self):
        bias = self.spoiled(4, numpy.nan, 2)
        self.refused(model(between(node("Add", ["x", "bias"], ["y"])), ("bias", bias)),
                     "'/add' (Add)", "'bias'", "NaN at [2]")

    def test_masks_of_minus_infinity_are_meant(self):
        mask = numpy.array([0, -numpy.inf, 0, 0, -numpy.inf, 0, 0, 0], "f4")
        body = [small.embed(), node("MatMul", ["x", "head"], ["all"])]
        self.accepted(model([*body, node("Add", ["all", "mask"], ["logits"])], ("mask", mask)))
        rows = node("Gather", ["masks", "input_ids"], ["mask"], "/rows")
        self.accepted(model([*body, rows, node("Add", ["all", "mask"], ["logits"])],
                            ("masks", numpy.tile(mask, (8, 1)))))
        choose = node("Where", ["some", "all", "never"], ["logits"])
        self.accepted(model([*body, choose], ("some", numpy.arange(8) % 2 == 0),
                            ("never", numpy.float32(-numpy.inf))))

    def test_a_model_that_was_refused_is_refused_again(self):
        folder = self.folder(with_tensor("head", self.spoiled((4, 8), numpy.nan, (0, 0))))
        for _ in range(2):
            self.refused(folder, "NaN at [0, 0]")


if __name__ == "__main__":
    unittest.main(verbosity=2)
