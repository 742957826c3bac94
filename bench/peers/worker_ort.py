"""One turn of onnxruntime-genai on a model folder; arguments and output as measuring.py says.

A prompt has at least one token, so depth 0 is a depth of 1.
"""

import json
import time

import measuring
import numpy
import onnxruntime_genai
from machine_load import Span


def main():
    options = measuring.arguments(__doc__)
    start = time.perf_counter()
    config = onnxruntime_genai.Config(options.model)
    session = {"intra_op_num_threads": options.threads, "inter_op_num_threads": 1}
    config.overlay(json.dumps({"model": {"decoder": {"session_options": session}}}))
    model = onnxruntime_genai.Model(config)
    load_s = time.perf_counter() - start

    def generator(prompt, count):
        """A generator with room for `count` tokens after `prompt`, and never an earlier end."""
        params = onnxruntime_genai.GeneratorParams(model)
        total = prompt + count + 2
        params.set_search_options(max_length=total, min_length=total, do_sample=False)
        ids = measuring.random_ids(prompt).astype(numpy.int32)
        return onnxruntime_genai.Generator(model, params), ids

    def prefill(count):
        running, ids = generator(count, 0)
        with Span() as span:
            running.append_tokens(ids)
            running.get_logits()
        return span.seconds, span.others

    def decode(depth, count):
        running, ids = generator(max(depth, 1), count)
        running.append_tokens(ids)
        running.generate_next_token()
        with Span() as span:
            for _ in range(count):
                running.generate_next_token()
        return span.seconds, span.others

    measuring.report(load_s, options, prefill, decode)


if __name__ == "__main__":
    main()
