"""bench/peers: from what engines print to ratios. Nothing is installed, run or timed here."""

import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench" / "peers"))
import command
import engines
import figures
import limits
import published
import rounds
import table

WEFT = engines.ENGINES[0]
OTHER_WEFT, PEER, SLOW_PEER = engines.ENGINES[1], engines.ENGINES[2], engines.ENGINES[4]


def samples(*rates, others=0.0):
    return [{"rate": rate, "others": others} for rate in rates]


def results(cell="pp512", **by_engine):
    out = rounds.Results()
    for name, found in by_engine.items():
        label = {"weft": WEFT, "other": OTHER_WEFT, "peer": PEER, "slow": SLOW_PEER}[name].label
        out.samples[(label, 2)] = {cell: found}
        out.peak_rss_mib[label], out.load_s[label] = 100.0, 0.5
    return out


class Figures(unittest.TestCase):
    def test_a_figure_is_the_median_of_what_others_did_not_disturb(self):
        found = figures.figure(samples(100, 300, 200) + samples(1000, 1, others=40))
        self.assertEqual((found.rate, found.low, found.high, found.samples), (200, 100, 300, 3))
        self.assertEqual(str(found), "200 (100-300)")

    def test_a_figure_without_an_undisturbed_sample_is_marked(self):
        found = figures.figure(samples(100, 200, 300, others=40))
        self.assertEqual(str(found), "200 (100-300) !40%")

    def test_a_share_that_is_not_known_disturbs_nobody(self):
        self.assertEqual(figures.figure(samples(10, others=None)).rate, 10)

    def test_a_ratio_of_disturbed_samples_compares_within_rounds(self):
        # The second and third rounds were slower for both: the ratio does not see it.
        self.assertEqual(figures.ratio(samples(100, 25, 10, others=50),
                                       samples(200, 50, 20, others=60)), 0.5)

    def test_a_ratio_of_undisturbed_figures_is_theirs(self):
        self.assertEqual(figures.ratio(samples(100, 110) + samples(1, others=90),
                                       samples(1, others=90) + samples(50, 20)), 3)

    def test_the_hardest_opponent_is_measured_or_scaled(self):
        played = results(weft=samples(100), peer=samples(200), slow=samples(50))
        chosen = [WEFT, PEER, SLOW_PEER]
        one = figures.column(played, chosen, "pp512", 2, {"pp512": [(150, "elsewhere")]})
        self.assertEqual(one.measured, (0.5, PEER.label))
        self.assertEqual(one.hardest, (0.5, PEER.label, "measured"))
        other = figures.column(played, chosen, "pp512", 2, {"pp512": [(400, "elsewhere")]})
        self.assertEqual(other.hardest, (0.25, "elsewhere", "scaled"))

    def test_another_model_of_weft_is_no_peer(self):
        played = results(weft=samples(100), other=samples(400), peer=samples(50))
        one = figures.column(played, [WEFT, OTHER_WEFT, PEER], "pp512", 2, {})
        self.assertEqual(one.measured, (2, PEER.label))

    def test_a_column_without_peers_has_only_the_scaled_opponent(self):
        one = figures.column(results(weft=samples(100)), [WEFT, PEER], "pp512", 2, {})
        self.assertIsNone(one.measured)
        self.assertIsNone(one.hardest)


class Limits(unittest.TestCase):
    def test_of_two_measurements_the_larger_limits_count(self):
        one, other = {1: {"a": 3.0, "b": 1.0}}, {1: {"a": 2.0, "b": 4.0}, 2: {"a": 5.0}}
        self.assertEqual(limits.better(one, other), {1: {"a": 3.0, "b": 4.0}, 2: {"a": 5.0}})
        self.assertEqual(limits.better({}, one), one)
        self.assertEqual(limits.better(one, {}), one)


class Published(unittest.TestCase):
    def test_a_machine_like_theirs_gets_their_figures(self):
        data = json.loads(published.FILE.read_text(encoding="utf-8"))
        same = {int(threads): limits for threads, limits in data["limits"].items()}
        found = {(round(rate), label) for rate, label in published.scaled(same, 4, 2)["pp512"]}
        self.assertIn((1419, "llama.cpp Q4_0"), found)
        self.assertIn((3714, "openvino-genai (AMX) Q4_0"), found)

    def test_decoding_scales_with_what_is_read_and_prompts_with_arithmetic(self):
        half = {2: {"read_98MiB": 57 / 2, "read_145MiB": 55, "int8_vnni": 978 / 4}}
        found = published.scaled(half, 4, 2)
        self.assertIn((289 / 2, "llama.cpp Q4_0"), found["tg128@0"])
        self.assertIn((1419 / 4, "llama.cpp Q4_0"), found["pp512"])

    def test_a_row_whose_limit_is_not_known_here_is_left_out(self):
        self.assertEqual(published.scaled({2: {"read_98MiB": 10}}, 4, 2).get("pp512"), None)
        self.assertEqual(published.scaled({}, 4, 2), {})

    def test_every_row_names_limits_that_its_machine_has(self):
        data = json.loads(published.FILE.read_text(encoding="utf-8"))
        for row in data["rows"]:
            known = data["limits"][str(row["threads"])]
            self.assertTrue(set(row["prompt_limit"]) & set(known), row)
            self.assertTrue(set(row["decode_limit"]) & set(known), row)


class Turns(unittest.TestCase):
    def test_a_worker_ends_with_its_result(self):
        said = 'loading\n{"load_s": 1, "peak_rss_mib": 2, "cells": {}}\n'
        self.assertEqual(engines.read_result(PEER, said)["peak_rss_mib"], 2)
        with self.assertRaises((ValueError, IndexError)):
            engines.read_result(PEER, "")

    def test_tests_of_weft_become_cells(self):
        def test(name, tokens, depth, ttft, tpot):
            return {"test": name, "tokens": tokens, "depth": depth, "tokens_per_s": 7.0,
                    "ttft_ms": ttft, "tpot_ms": tpot, "others_percent": 1.0}

        run = {"import_ms": 500, "prepare_ms": 250, "peak_rss_bytes": 3 << 20,
               "tests": [test("pp512", 512, 0, 9.0, None),
                         test("tg128 @ d1024", 128, 1024, None, 9.0)]}
        found = engines.read_result(WEFT, json.dumps({"runs": [run]}))
        self.assertEqual(sorted(found["cells"]), ["pp512", "tg128@1024"])
        self.assertEqual((found["load_s"], found["peak_rss_mib"]), (0.75, 3))

    def test_weft_is_asked_for_one_phase_at_a_time(self):
        words = list(map(str, engines.command(WEFT, "m", ["weft"], 2, [256, 512], [], 128)))
        self.assertEqual(words[words.index("-p") + 1], "256,512")
        self.assertEqual(words[words.index("-n") + 1], "0")
        words = list(map(str, engines.command(WEFT, "m", ["weft"], 2, [], [0, 1024], 128)))
        self.assertEqual(words[words.index("-p") + 1], "0")
        self.assertEqual(words[words.index("-d") + 1], "0,1024")

    def test_a_turn_that_fails_says_how_it_ended(self):
        self.assertEqual(rounds.how_it_ended(-4, ""), "ended by SIGILL")
        self.assertEqual(rounds.how_it_ended(1, "a\nb: no such file\n"),
                         "ended with 1: b: no such file")
        with self.assertRaisesRegex(RuntimeError, "ended with 3: why"):
            rounds.run_pinned(["sh", "-c", "echo why >&2; exit 3"],
                              command.parse([]).cpus)
        with self.assertRaisesRegex(RuntimeError, "cannot be started"):
            rounds.run_pinned(["/no/such/program"], command.parse([]).cpus)

    def test_each_round_starts_with_another_engine(self):
        self.assertEqual([rounds.rotated([1, 2, 3], by) for by in range(4)],
                         [[1, 2, 3], [2, 3, 1], [3, 1, 2], [1, 2, 3]])

    def test_a_peer_that_cannot_be_used_is_said_and_the_others_run(self):
        options = command.parse(["--repeats", "2", "--threads", "1", "--prompts", "8",
                                 "--depths", "0", "--weft", "/no/such/weft"])
        played = rounds.play(options, {WEFT.model: "m", PEER.model: "m"}, [WEFT, PEER],
                             {PEER.name: "it cannot be installed: no compiler"})
        self.assertEqual(played.problems[PEER.label], "it cannot be installed: no compiler")
        self.assertIn("cannot be started", played.problems[WEFT.label])


class Table(unittest.TestCase):
    def markdown(self, played):
        return table.markdown("About.", played, [WEFT, PEER, SLOW_PEER], ["pp512"], [2],
                              {2: {"int8_vnni": 978.0}})

    def test_the_table_has_figures_ratios_memory_and_limits(self):
        text = self.markdown(results(weft=samples(100), peer=samples(200), slow=samples(50)))
        self.assertIn("| weft Q4_0 | 100 (100-100) |", text)
        self.assertIn(f"| Weft / best measured | **0.50** {PEER.label} |", text)
        self.assertIn("| best published, scaled | 1419 llama.cpp Q4_0 |", text)
        self.assertIn("| Weft / best of both | **0.07** llama.cpp Q4_0 scaled |", text)
        self.assertIn("| weft Q4_0 | 100 | 0.50 |", text)
        self.assertIn("| int8_vnni | 978.0 |", text)

    def test_a_peer_that_did_not_run_stands_below_with_its_sentence(self):
        played = results(weft=samples(100))
        played.problems[PEER.label] = "prefill with 2 threads ended by SIGILL"
        self.assertIn(f"- {PEER.label}: prefill with 2 threads ended by SIGILL",
                      self.markdown(played))


if __name__ == "__main__":
    unittest.main()
