"""weft bench: which tests it runs and what it says about them. No figure is judged."""

import csv
import json
import unittest

from weft_runs import WeftTest, model


class Bench(WeftTest):
    def bench(self, *flags):
        run = self.weft("bench", "-m", model(), "-r", 2, *flags)
        self.assertEqual(run.code, 0, run)
        return run.out

    def test_every_thread_count_runs_every_test(self):
        out = json.loads(self.bench("-t", "1,2", "-p", "8,16", "-n", 4, "-d", "0,32", "-o", "json"))
        self.assertEqual([run["threads"] for run in out["runs"]], [1, 2])
        for run in out["runs"]:
            self.assertEqual([test["test"] for test in run["tests"]],
                             ["pp8", "pp16", "tg4", "pp8 @ d32", "pp16 @ d32", "tg4 @ d32"])
            self.assertGreater(run["peak_rss_bytes"], 0)
            for test in run["tests"]:
                rates = [repeat["tokens_per_s"] for repeat in test["repeats"]]
                self.assertEqual(len(rates), 2)
                self.assertAlmostEqual(sum(rates) / 2, test["tokens_per_s"], places=3)
                self.assertEqual(test["ttft_ms"] is None, test["test"].startswith("tg"))
                self.assertEqual(test["tpot_ms"] is None, test["test"].startswith("pp"))
                self.assertTrue(0 <= test["others_percent"] <= 100)

    def test_csv_has_a_header_and_a_row_for_each_test(self):
        rows = list(csv.DictReader(self.bench("-t", 1, "-p", 8, "-n", 0, "-d", "0,8",
                                              "-o", "csv").splitlines()))
        self.assertEqual([(row["test"], row["threads"], row["repeats"]) for row in rows],
                         [("pp8", "1", "2"), ("pp8 @ d8", "1", "2")])
        self.assertGreater(float(rows[0]["tokens_per_s"]), 0)

    def test_the_table_names_every_thread_count(self):
        out = self.bench("-t", "1,2", "-p", 8, "-n", 0)
        self.assertEqual(out.count("| pp8 |"), 2)
        self.assertIn("\n1 thread: peak RSS", out)
        self.assertIn("\n2 threads: peak RSS", out)

    def test_what_cannot_be_measured_is_wrong_usage(self):
        for flags, words in ((["-o", "xml"], "csv"), (["-p", 0, "-n", 0], "nothing to measure"),
                             (["-t", "1,-2"], "-t"), (["-d", "-1"], "-d"),
                             (["-p", 100000], "context")):
            with self.subTest(flags=flags):
                self.assert_refused(self.weft("bench", "-m", model(), *flags), 2, words)


if __name__ == "__main__":
    unittest.main()
