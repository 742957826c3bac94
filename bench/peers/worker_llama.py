"""One turn of llama.cpp (the library inside llama-cpp-python) on a GGUF file; arguments and output
as measuring.py says.

The C functions are called as llama-bench calls them, so Python's share is one call per token. Flash
attention is on for prompts and off for decoding: the better of the two in each case.
"""

import ctypes
import time

import llama_cpp
import measuring
from machine_load import Span


class Model:
    def __init__(self, path, threads, flash_attention):
        llama_cpp.llama_log_set(_silent, ctypes.c_void_p(0))
        llama_cpp.llama_backend_init()
        model_params = llama_cpp.llama_model_default_params()
        self._model = llama_cpp.llama_model_load_from_file(path.encode(), model_params)
        if not self._model:
            raise SystemExit(f"llama.cpp cannot load {path}")
        params = llama_cpp.llama_context_default_params()
        params.n_ctx, params.n_batch, params.n_ubatch = 2048, 2048, 512
        params.n_threads = params.n_threads_batch = threads
        if hasattr(params, "flash_attn_type"):
            params.flash_attn_type = int(flash_attention)
        else:
            params.flash_attn = flash_attention
        self._context = llama_cpp.llama_init_from_model(self._model, params)
        if not self._context:
            raise SystemExit(f"llama.cpp cannot make a context for {path}")

    def clear(self):
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(self._context), True)

    def feed(self, ids):
        tokens = (llama_cpp.llama_token * len(ids))(*map(int, ids))
        batch = llama_cpp.llama_batch_get_one(tokens, len(ids))
        if llama_cpp.llama_decode(self._context, batch) != 0:
            raise SystemExit("llama_decode failed")
        llama_cpp.llama_synchronize(self._context)


@llama_cpp.llama_log_callback
def _silent(_level, _text, _data):
    pass


def main():
    options = measuring.arguments(__doc__)
    start = time.perf_counter()
    model = Model(options.model, options.threads, flash_attention=not options.depths)
    load_s = time.perf_counter() - start

    def prefill(count):
        ids = measuring.random_ids(count)
        model.clear()
        with Span() as span:
            model.feed(ids)
        return span.seconds, span.others

    def decode(depth, count):
        model.clear()
        if depth:
            model.feed(measuring.random_ids(depth))
        ids = measuring.random_ids(count)
        with Span() as span:
            for i in range(count):
                model.feed(ids[i:i + 1])
        return span.seconds, span.others

    measuring.report(load_s, options, prefill, decode)


if __name__ == "__main__":
    main()
