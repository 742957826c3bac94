"""bench/formats: which rows there are, and the tables. No model is read here."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench" / "formats"))
import formats
import w8a8


class Rows(unittest.TestCase):
    def test_each_form_is_measured_at_each_group_and_the_identity_once(self):
        rows = dict(formats.formats((32, 128)))
        self.assertEqual(len(rows), 2 + 2 * sum(map(len, formats.FORMS.values())))
        self.assertEqual(rows["e0m4 half-cell 128"],
                         ["--weights", "e0m4", "--form", "half-cell", "--group", "128"])
        self.assertEqual([name for name, how in rows.items() if "--head" in how],
                         ["e0m4 edge 32, head kept"])

    def test_the_table_compares_with_the_floats(self):
        text = formats.table([
            {"format": "f32", "bits": 32.0, "perplexity": 20.0},
            {"format": "int4 mse 64", "bits": 4.3125, "sqnr_db": 21.456, "perplexity": 21.0,
             "kl": 0.0312345, "same_top": 0.876},
            {"format": "copy", "bits": 5.0, "sqnr_db": None, "perplexity": 20.0, "kl": 0.0,
             "same_top": 1.0}])
        self.assertEqual(text.splitlines()[2:], [
            "| f32 | 32.000 |  | 20.0000 | | | |",
            "| int4 mse 64 | 4.312 | 21.46 | 21.0000 | +5.00 % | 0.03123 | 87.6 % |",
            "| copy | 5.000 |  | 20.0000 | +0.00 % | 0.00000 | 100.0 % |"])

    def test_the_default_of_w8a8_is_a_row_and_every_row_compares_with_the_floats(self):
        self.assertEqual([how for name, how in w8a8.VARIANTS if "default" in name], [[]])
        text = w8a8.table([
            {"variant": "f32", "scales": "", "perplexity": 20.0},
            {"variant": "absmax", "scales": "tensor", "int8_share": 1.0, "pruned": 0.5,
             "perplexity": 25.0, "kl": 0.51234, "same_top": 0.5}])
        self.assertEqual(text.splitlines()[2:], [
            "| f32 | | | | 20.000 | | | |",
            "| absmax | tensor | 100.0 % | 50 % | 25.000 | +25.00 % | 0.5123 | 50.0 % |"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
