"""weft explain: what text, JSON and page say, and that they agree with the other verbs."""

import html.parser
import json
import unittest

import numpy as np
from onnx import TensorProto, helper, numpy_helper, save

from test_inspect import TINY
from weft_runs import PARIS, WeftTest, model

LLAMA = TINY / "genai-fp32" / "llama"


def save_odd_model(folder):
    """Attention whose mask is a table, and two ops that not every backend has."""
    heads, size, vocabulary = 2, 8, 40
    width = heads * size
    random = np.random.default_rng(1)
    tensors = {
        "embed": random.standard_normal((vocabulary, width)),
        "wq": random.standard_normal((width, width)), "wk": random.standard_normal((width, width)),
        "wv": random.standard_normal((width, width)),
        "head": random.standard_normal((width, vocabulary)), "scale": size ** -0.5,
        "table": random.standard_normal((1, 1, 64, 64)),
    }
    tensors = {name: np.asarray(value, np.float32) for name, value in tensors.items()}
    for name, value in (("split", [0, 0, heads, size]), ("join", [0, 0, width]), ("three", [3]),
                        ("one", [1]), ("zero", [0, 0]), ("axes", [2, 3])):
        tensors[name] = np.asarray(value, np.int64)

    def node(op, inputs, outputs, name, **attributes):
        return helper.make_node(op, inputs.split(), outputs.split(), name=name, **attributes)

    nodes = [node("Gather", "embed input_ids", "x", "embed")]
    for letter, order in (("q", [0, 2, 1, 3]), ("k", [0, 2, 3, 1]), ("v", [0, 2, 1, 3])):
        nodes += [node("MatMul", f"x w{letter}", f"{letter}0", f"{letter}_proj"),
                  node("Reshape", f"{letter}0 split", f"{letter}1", f"{letter}_split"),
                  node("Transpose", f"{letter}1", f"{letter}2", f"{letter}_heads", perm=order)]
    nodes += [node("MatMul", "q2 k2", "s0", "scores"), node("Mul", "s0 scale", "s1", "scaled"),
              node("Shape", "input_ids", "length", "length", start=1, end=2),
              node("Concat", "length length", "ends", "ends", axis=0),
              node("Slice", "table zero ends axes", "mask", "odd_mask"),
              node("Add", "s1 mask", "s2", "masked"),
              node("Softmax", "s2", "p", "softmax", axis=-1),
              node("MatMul", "p v2", "o0", "weigh"),
              node("Transpose", "o0", "o1", "o_heads", perm=[0, 2, 1, 3]),
              node("Reshape", "o1 join", "o2", "o_join"),
              node("Cast", "o2", "o64", "widened", to=TensorProto.DOUBLE),
              node("CumSum", "o64 one", "s64", "odd_sum"),
              node("Cast", "s64", "o3", "narrowed", to=TensorProto.FLOAT),
              node("Add", "x o3", "y", "residual"),
              node("MatMul", "y head", "logits", "lm_head"),
              node("TopK", "logits three", "top top_ids", "best</script><!--")]
    graph = helper.make_graph(
        nodes, "odd", [helper.make_tensor_value_info("input_ids", TensorProto.INT64, [1, "seq"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, "seq", vocabulary]),
         helper.make_tensor_value_info("top_ids", TensorProto.INT64, [1, "seq", 3])],
        [numpy_helper.from_array(value, name) for name, value in tensors.items()])
    folder.mkdir()
    opset = helper.make_opsetid("", 18)
    save(helper.make_model(graph, opset_imports=[opset], ir_version=9), folder / "model.onnx")
    return folder


class PageReader(html.parser.HTMLParser):
    """Elements of a page, what they refer to, and the text of its scripts."""

    def __init__(self, text):
        super().__init__()
        self.open, self.references, self.scripts = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        if tag not in ("meta", "input", "link", "img"):
            self.open.append(tag)
        self.references += [value for name, value in attrs if name in ("src", "href")]
        if tag in ("link", "img", "iframe"):
            self.references.append(tag)
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            raise AssertionError(f"</{tag}> closes nothing")

    def handle_data(self, data):
        if self.open and self.open[-1] == "script":
            self.scripts[-1] += data


class ExplainTest(WeftTest):
    def explain(self, *arguments):
        run = self.weft("explain", *arguments, "--json")
        self.assertEqual(run.code, 0, run)
        return json.loads(run.out)

    def text(self, *arguments):
        run = self.weft("explain", *arguments)
        self.assertEqual((run.code, run.err), (0, ""), run)
        return run.out


class Documents(ExplainTest):
    def test_keys_are_those_of_version_1(self):
        got = self.explain(LLAMA)
        self.assertEqual(list(got), ["version", "model", "options", "nodes_in_file", "import_notes",
                                     "passes", "notes", "backends", "placement", "nodes", "gone",
                                     "repeats", "symbols", "phases", "linears", "memory"])
        self.assertEqual(got["version"], 1)
        self.assertEqual([node["id"] for node in got["nodes"]], list(range(len(got["nodes"]))))

    def test_counts_are_those_of_inspect(self):
        for backends in ("cpu,reference", "reference", "null,reference"):
            with self.subTest(backends=backends):
                got = self.explain(LLAMA, "--backend", backends)
                short = json.loads(
                    self.weft("inspect", LLAMA, "--backend", backends, "--json").out)
                counts = {}
                for node in got["nodes"]:
                    where = node["phases"][0]["backend"]
                    counts[where] = counts.get(where, 0) + 1
                self.assertEqual(counts, {row["backend"]: row["nodes"]
                                          for row in short["placement"]["backends"]})
                self.assertEqual(got["placement"]["reasons"], short["placement"]["reasons"])
                for key, value in short["memory"].items():
                    self.assertEqual(got["memory"][key], value, key)
                self.assertEqual(len(got["notes"]), len(short["rewrites"]))

    def test_programs_are_those_that_a_run_compiles(self):
        got = self.explain(model(), "-c", 1024, "--chunk", 64)
        run = self.answer("-m", model(), "-p", PARIS, "-n", 1, "-c", 1024, "--chunk", 64)
        self.assertEqual(sum(len(phase["islands"]) for phase in got["phases"]),
                         run["programs"]["cached"] + run["programs"]["compiled"])
        self.assertEqual({row["backend"]: row["nodes"] for row in got["placement"]["backends"]},
                         {row["backend"]: row["nodes"] for row in run["placement"]["backends"]})
        # Layers are alike: folded, they cover most of the graph.
        folded = sum(one["period"] * one["count"] for one in got["repeats"])
        self.assertGreater(folded, 0.9 * len(got["nodes"]))

    def test_every_node_of_the_file_is_accounted_for(self):
        for name in ("genai-fp32", "optimum", "dynamo-op18"):
            with self.subTest(exporter=name):
                got = self.explain(TINY / name / "llama")
                steps = got["passes"]
                self.assertEqual(steps[0]["nodes_before"], got["nodes_in_file"])
                self.assertEqual(steps[-1]["nodes_after"], len(got["nodes"]))
                for before, after in zip(steps, steps[1:]):
                    self.assertEqual(before["nodes_after"], after["nodes_before"])
                self.assertLessEqual(len(got["gone"]), got["nodes_in_file"])
                self.assertTrue(all(row["became"] for row in got["gone"]))

    def test_lifetimes_never_overlap_in_bytes_and_steps(self):
        arena = self.explain(LLAMA)["phases"][0]["arenas"][0]
        stays = arena["lifetimes"]
        self.assertGreater(len(stays), 10)
        for i, a in enumerate(stays):
            self.assertLessEqual(a["offset"] + a["bytes"], arena["bytes"])
            for b in stays[:i]:
                apart = (a["last_step"] < b["first_step"] or b["last_step"] < a["first_step"]
                         or a["offset"] + a["bytes"] <= b["offset"]
                         or b["offset"] + b["bytes"] <= a["offset"])
                self.assertTrue(apart, (a, b))

    def test_two_phases_are_told_apart(self):
        got = self.explain(LLAMA, "--prefill", "reference", "--decode", "cpu")
        self.assertEqual([phase["name"] for phase in got["phases"]], ["prompt", "tokens"])
        self.assertEqual([place["backend"] for place in got["nodes"][0]["phases"]],
                         ["reference", "cpu"])
        self.assertEqual(len(self.explain(LLAMA)["phases"]), 1)


class OddGraphs(ExplainTest):
    def test_reasons_are_there(self):
        odd = save_odd_model(self.scratch / "odd")
        got = self.explain(odd)
        by_op = {node["op"]: node for node in got["nodes"]}
        answers = by_op["CumSum"]["phases"][0]["answers"]
        self.assertEqual([(one["backend"], one["answer"]) for one in answers],
                         [("cpu", "refuses"), ("reference", "runs it")])
        self.assertEqual(answers[0]["code"], "dtype")
        self.assertIn("CumSum", answers[0]["why"])
        late = by_op["Attention"]["phases"][0]["answers"]
        self.assertEqual([one["answer"] for one in late], ["runs it", "would run it"])
        left = [note for note in got["notes"] if note["left_as_it_was"]]
        self.assertIn(("read_masks", "weigh"), [(note["pass"], note["node"]) for note in left])
        made = [note for note in got["notes"] if note["pass"] == "fuse_attention"]
        self.assertEqual([note["left_as_it_was"] for note in made], [False])
        self.assertIn("softmax", by_op["Attention"]["made_of"])

    def test_text_says_the_same(self):
        odd = save_odd_model(self.scratch / "odd")
        text = self.text(odd)
        self.assertEqual(text.splitlines()[0][:5], "model")
        for part in ("REWRITES", "are no band along the diagonal", "PLACEMENT",
                     "CumSum on reference; cpu refuses (dtype)", "DIMS", "PROGRAMS TO COMPILE",
                     "TASKS", "MEMORY"):
            self.assertIn(part, text)

    def test_one_node_is_followed_from_the_file_to_its_backend(self):
        odd = save_odd_model(self.scratch / "odd")
        text = self.text(odd, "--node", "softmax")
        self.assertIn("fuse_attention: became part of Attention 'weigh'", text)
        self.assertIn("cpu runs it", text)
        one = self.explain(odd, "--node", "odd_sum")
        self.assertEqual([node["op"] for node in one["nodes"]], ["CumSum"])
        self.assertIn("Slice", self.text(odd, "--node", "mask"), "a result's name will do")
        self.assert_refused(self.weft("explain", odd, "--node", "odd"), 2, "odd_mask", "odd_sum")

    def test_a_backend_that_is_missing_is_said(self):
        text = self.text(LLAMA, "--backend", "nonesuch,cpu")
        self.assertIn("backend 'nonesuch' is asked for but cannot be used", text)


class Pages(ExplainTest):
    def page(self, *arguments):
        path = self.scratch / "page.html"
        run = self.weft("explain", *arguments, "--html", path)
        self.assertEqual((run.code, run.out, run.err), (0, "", ""), run)
        self.assertEqual(list(self.scratch.glob("page.html*")), [path])
        return path.read_text(encoding="utf-8")

    def test_a_page_is_whole_and_needs_nothing_else(self):
        text = self.page(save_odd_model(self.scratch / "odd"))
        page = PageReader(text)
        self.assertEqual(page.open, [])
        self.assertEqual(page.references, [])
        self.assertNotRegex(text, r"https?:|url\(|@import|\bimport\b *[\"'(]|fetch\(")
        self.assertEqual(len(page.scripts), 2, "a name in the model ends no script")

    def test_a_page_holds_the_document_of_json(self):
        odd = save_odd_model(self.scratch / "odd")
        held = json.loads(PageReader(self.page(odd)).scripts[0])
        self.assertEqual(held, self.explain(odd))
        self.assertIn("best</script><!--", [node["name"] for node in held["nodes"]])

    def test_a_page_that_cannot_be_written_leaves_nothing(self):
        target = self.scratch / "no" / "page.html"
        self.assert_refused(self.weft("explain", LLAMA, "--html", target), 2, "cannot write")
        self.assertFalse(target.parent.exists())
        folder = self.scratch / "folder"
        folder.mkdir()
        self.assert_refused(self.weft("explain", LLAMA, "--html", folder), 2, "cannot write")
        self.assertEqual(list(self.scratch.glob("folder*")), [folder])


class Trouble(ExplainTest):
    def test_wrong_usage_says_nothing_on_stdout(self):
        self.assert_refused(self.weft("explain"), 2, "model folder or file")
        self.assert_refused(self.weft("explain", self.scratch / "no"), 2, "no model at")
        self.assert_refused(self.weft("explain", LLAMA, "--strict"), 2, "--strict")
        self.assert_refused(self.weft("explain", LLAMA, "--backend", "nonesuch"), 4, "nonesuch")
        self.assert_refused(self.weft("explain", LLAMA, "--backend", "null"), 4, "no backend")

    def test_nothing_is_compiled_and_no_cache_is_made(self):
        cache = self.scratch / "cache"
        run = self.weft("explain", LLAMA, cache=cache)
        self.assertEqual(run.code, 0, run)
        self.assertFalse(cache.exists())


if __name__ == "__main__":
    unittest.main(verbosity=2)
