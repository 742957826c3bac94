"""GGUF quantization blocks as com.microsoft MatMulNBits wants them, without rounding anything.

    value = scale * (code - zero)        code 0..15 or 0..255, float32 scale and zero per block

    GGUF    block  bits  code        scale      zero
    Q4_0       32     4  q           d          8 (the operator's default: no tensor)
    Q4_1       32     4  q           d          -m / d
    Q4_K       32     4  q           d * sc     dmin * mn / (d * sc)
    Q5_0       32     8  q - 16 + 128  d        128 (default)
    Q8_0       32     8  q + 128     d          128 (default)
    Q6_K       16     8  q - 32 + 128  d * sc   128 (default)

Products of a half-precision d and a 6- or 8-bit sc are exact in float32, so types with a default
zero dequantize bit for bit. For Q4_1 and Q4_K the quotient is rounded once; the 11- or 17-bit
minimum is still recovered exactly by rounding -zero * scale, so nothing of the file is lost, and
scale * (code - zero) is within a few float32 ulps of the larger of |minimum| and |value|.

A block with d = 0 and a minimum m is constant; it becomes scale 1, code 0, zero -m.

Bit layouts: ggml's ggml-common.h and ggml-quants.c (dequantize_row_*).
"""

import dataclasses

import gguf
import numpy as np

Kind = gguf.GGMLQuantizationType


@dataclasses.dataclass
class Blocks:
    """Rows in blocks: codes u8 [rows, blocks, size]; scales and zeros f32 [rows, blocks]."""

    bits: int
    codes: np.ndarray
    scales: np.ndarray
    zeros: np.ndarray | None = None

    def packed(self):
        """u8 [rows, blocks, size * bits / 8]; at 4 bits the even element is in the low nibble."""
        if self.bits == 8:
            return self.codes
        return self.codes[..., 0::2] | self.codes[..., 1::2] << 4


def _half(field):
    """Bytes [..., 2n] holding little-endian float16 as float32 [..., n]."""
    return np.ascontiguousarray(field).view("<f2").astype(np.float32)


def _nibbles(payload):
    """ggml keeps element i in the low nibble of byte i and element i + n/2 in the high one."""
    return np.concatenate([payload & 15, payload >> 4], -1)


def _with_minimum(codes, scale, minimum):
    constant = (scale == 0) & (minimum != 0)
    codes = np.where(constant[..., None], np.uint8(0), codes)
    scale = np.where(constant, np.float32(1), scale)
    zeros = -np.divide(minimum, scale, out=np.zeros_like(scale), where=scale != 0)
    return Blocks(4, codes, scale, zeros)


def _q4_0(blocks):
    return Blocks(4, _nibbles(blocks[..., 2:]), _half(blocks[..., :2])[..., 0])


def _q4_1(blocks):
    fields = _half(blocks[..., :4])
    return _with_minimum(_nibbles(blocks[..., 4:]), fields[..., 0], fields[..., 1])


def _q5_0(blocks):
    fifth = np.unpackbits(blocks[..., 2:6], axis=-1, bitorder="little")
    return Blocks(8, (_nibbles(blocks[..., 6:]) | fifth << 4) + np.uint8(112),
                  _half(blocks[..., :2])[..., 0])


def _q8_0(blocks):
    # Adding 128 modulo 256 maps -128..127 to 0..255.
    return Blocks(8, blocks[..., 2:] ^ np.uint8(128), _half(blocks[..., :2])[..., 0])


def _q4_k(blocks):
    rows, count = blocks.shape[:2]
    fields, packed = _half(blocks[..., :4]), blocks[..., 4:16].reshape(rows, count, 3, 4)
    low, middle, high = packed[..., 0, :], packed[..., 1, :], packed[..., 2, :]
    scale = np.concatenate([low & 63, high & 15 | low >> 2 & 48], -1)
    minimum = np.concatenate([middle & 63, high >> 4 | middle >> 2 & 48], -1)
    # 32 bytes hold two blocks: the low nibbles are one, the high nibbles the next.
    codes = _nibbles(blocks[..., 16:].reshape(rows, count * 4, 32))
    return _with_minimum(codes.reshape(rows, count * 8, 32),
                         (fields[..., :1] * scale).reshape(rows, -1),
                         -(fields[..., 1:] * minimum).reshape(rows, -1))


def _q6_k(blocks):
    rows, count = blocks.shape[:2]
    low = _nibbles(blocks[..., :128].reshape(rows, count, 2, 64)).reshape(rows, count, 2, 4, 32)
    high = blocks[..., 128:192].reshape(rows, count, 2, 1, 32)
    high = high >> np.array([0, 2, 4, 6], np.uint8).reshape(4, 1) & 3
    codes = (low | high << 4) + np.uint8(96)
    scales = _half(blocks[..., 208:]) * blocks[..., 192:208].view(np.int8).astype(np.float32)
    return Blocks(8, codes.reshape(rows, count * 16, 16), scales.reshape(rows, -1))


_SPLITTERS = {Kind.Q4_0: _q4_0, Kind.Q4_1: _q4_1, Kind.Q5_0: _q5_0, Kind.Q8_0: _q8_0,
              Kind.Q4_K: _q4_k, Kind.Q6_K: _q6_k}

# What one type of GGUF tensor becomes: (bits, block size, has a zero tensor).
FORMATS = {Kind.Q4_0: (4, 32, False), Kind.Q4_1: (4, 32, True), Kind.Q5_0: (8, 32, False),
           Kind.Q8_0: (8, 32, False), Kind.Q4_K: (4, 32, True), Kind.Q6_K: (8, 16, False)}

FLOATS = (Kind.F32, Kind.F16, Kind.BF16)


def split(kind, rows):
    """`rows`: the file's bytes, u8 [rows, bytes per row], of a type in FORMATS."""
    size = gguf.GGML_QUANT_SIZES[kind][1]
    return _SPLITTERS[kind](np.ascontiguousarray(rows).reshape(rows.shape[0], -1, size))
