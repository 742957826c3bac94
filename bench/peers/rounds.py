"""Rounds of turns: in each round every engine has its turn once, one process at a time and all on
the same processors, and the next round starts with another engine. What disturbs one of them then
disturbs all, and a ratio holds though the rates do not.
"""

import dataclasses
import os
import signal
import subprocess
import sys

import engines
import machine_load

TURN_SECONDS = 600


@dataclasses.dataclass(frozen=True)
class Turn:
    engine: engines.Engine
    threads: int
    phase: str  # "prefill" or "decode"


@dataclasses.dataclass
class Results:
    """What was measured: samples[(engine label, threads)][cell], a list of {"rate", "others"}."""

    samples: dict = dataclasses.field(default_factory=dict)
    peak_rss_mib: dict = dataclasses.field(default_factory=dict)   # by engine label
    load_s: dict = dataclasses.field(default_factory=dict)
    problems: dict = dataclasses.field(default_factory=dict)       # by engine label: a sentence
    rounds: int = 0                                                # that were played to their end

    def add(self, turn, result):
        label = turn.engine.label
        cells = self.samples.setdefault((label, turn.threads), {})
        for cell, sample in result["cells"].items():
            cells.setdefault(cell, []).append(sample)
        self.peak_rss_mib[label] = max(self.peak_rss_mib.get(label, 0), result["peak_rss_mib"])
        self.load_s[label] = min(self.load_s.get(label, 1e9), result["load_s"])


def how_it_ended(code, stderr):
    """One sentence about a process that failed."""
    said = [line.strip() for line in stderr.splitlines() if line.strip()]
    last = f": {said[-1][:200]}" if said else ""
    if code < 0:
        return f"ended by {signal.Signals(-code).name}{last}"
    return f"ended with {code}{last}"


def run_pinned(command, cpus):
    """stdout of the command on these processors. Raises RuntimeError with a sentence."""
    try:
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False,
                              timeout=TURN_SECONDS,
                              preexec_fn=lambda: os.sched_setaffinity(0, cpus))
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"took more than {TURN_SECONDS} s") from None
    except OSError as error:
        raise RuntimeError(f"cannot be started: {error.strerror}") from None
    if done.returncode != 0:
        raise RuntimeError(how_it_ended(done.returncode, done.stderr))
    return done.stdout


def take(turn, options, models):
    """Runs one turn and returns its result. Raises RuntimeError with a sentence."""
    prompts = options.prompts if turn.phase == "prefill" else []
    depths = options.depths if turn.phase == "decode" else []
    command = engines.command(turn.engine, models[turn.engine.model], options.weft, turn.threads,
                              prompts, depths, options.tokens)
    output = run_pinned(command, options.cpus)
    try:
        return engines.read_result(turn.engine, output)
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise RuntimeError(f"printed no result ({error!r})") from None


def rotated(items, by):
    by %= max(len(items), 1)
    return items[by:] + items[:by]


def play_round(number, options, models, usable, failed, results):
    """One turn of every engine, number of threads and phase, starting with engine `number`.

    A turn that fails is kept in `failed` and not tried again.
    """
    for turn in [Turn(engine, threads, phase) for threads in options.threads
                 for phase in ("prefill", "decode") for engine in rotated(usable, number)]:
        if turn in failed:
            continue
        machine_load.wait_until_quiet(options.patience)
        try:
            results.add(turn, take(turn, options, models))
        except RuntimeError as error:
            failed.add(turn)
            sentence = f"{turn.phase} with {turn.threads} threads {error}"
            results.problems[turn.engine.label] = sentence
            print(f"peers: {turn.engine.label}: {sentence}", file=sys.stderr)


def play(options, models, chosen, problems):
    """All rounds of the chosen engines; `problems` says of some why they cannot be used.

    An interrupt ends the rounds early; what was measured counts.
    """
    results = Results()
    for engine in chosen:
        if problems.get(engine.name):
            results.problems[engine.label] = problems[engine.name]
    usable = [engine for engine in chosen if engine.label not in results.problems]
    failed = set()
    for number in range(options.repeats):
        try:
            play_round(number, options, models, usable, failed, results)
        except KeyboardInterrupt:
            print(f"peers: interrupted in round {number + 1}", file=sys.stderr)
            break
        results.rounds += 1
        print(f"peers: round {number + 1} of {options.repeats} is done", file=sys.stderr,
              flush=True)
    return results
