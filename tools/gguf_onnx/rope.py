"""The rotary tables: cos and sin of every position and frequency.

    angle(p, i) = p / divisor * base^(-2i / d) / factor(i)          p position, i in 0 .. d/2 - 1

The angle is rounded to float32, as the training code's is: at position 8000 that is a difference
of 5e-4 from the exact angle, and the models were trained with it. `factor` is the GGUF's
rope_freqs tensor (the llama 3 frequency scaling, already evaluated), 1 where there is none.
Su et al., "RoFormer", 2021, section 3.4.2.
"""

import numpy as np

SLICE = 1 << 13      # positions computed at a time


def fill(hyper, cos, sin, factors=None):
    """Writes cos and sin, each float32 [context, head_dim / 2]; `factors` is [head_dim / 2]."""
    exponent = np.arange(0, hyper.head_dim, 2, dtype=np.float32) / np.float32(hyper.head_dim)
    power = (hyper.rope_base ** exponent.astype(np.float64)).astype(np.float32)
    frequency = np.float32(1) / power
    if factors is not None:
        frequency = frequency / factors
    for start in range(0, hyper.context, SLICE):
        part = slice(start, min(start + SLICE, hyper.context))
        position = np.arange(part.start, part.stop).astype(np.float32)
        angle = np.outer(position / np.float32(hyper.rope_divisor), frequency)
        cos[part] = np.cos(angle.astype(np.float64))
        sin[part] = np.sin(angle.astype(np.float64))
