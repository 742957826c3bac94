"""One turn of OpenVINO GenAI on a GGUF file; arguments and output as measuring.py says.

Times are the pipeline's own: to the first token (TTFT), and the mean of the others (TPOT). A prompt
has at least one token, so depth 0 is a depth of 1.
"""

import time

import measuring
import openvino
import openvino_genai
from machine_load import Span


def main():
    options = measuring.arguments(__doc__)
    start = time.perf_counter()
    pipeline = openvino_genai.LLMPipeline(options.model, "CPU",
                                          INFERENCE_NUM_THREADS=options.threads)
    load_s = time.perf_counter() - start

    def generate(prompt, count):
        ids = openvino.Tensor(measuring.random_ids(prompt).reshape(1, -1))
        config = openvino_genai.GenerationConfig()
        config.max_new_tokens = count
        config.ignore_eos, config.do_sample, config.apply_chat_template = True, False, False
        with Span() as span:
            metrics = pipeline.generate(ids, config).perf_metrics
        return metrics, span.others

    def prefill(count):
        metrics, others = generate(count, 1)
        return metrics.get_ttft().mean / 1e3, others

    def decode(depth, count):
        metrics, others = generate(max(depth, 1), count + 1)
        return metrics.get_tpot().mean / 1e3 * count, others

    measuring.report(load_s, options, prefill, decode)


if __name__ == "__main__":
    main()
