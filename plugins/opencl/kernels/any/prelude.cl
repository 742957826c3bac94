// What all kernels share.
//
//   floatw   WIDTH floats, what a work-item takes at once where elements are independent
//   item     the element type of a tensor by ONNX's number, for kernels of any type
//   place    where an element is in a tensor with strides

// Sums and products are rounded where they stand: a row has the same bits in every kernel.
#pragma OPENCL FP_CONTRACT OFF

#if WIDTH == 16
typedef float16 floatw;
#define load_w vload16
#define store_w vstore16
#else
typedef float4 floatw;
#define load_w vload4
#define store_w vstore4
#endif

// The first n < WIDTH of a vector; the others are 1, which no op minds.
floatw load_few(global const float* from, int n) {
  float all[WIDTH];
  for (int i = 0; i < WIDTH; i++) all[i] = i < n ? from[i] : 1.0f;
  return load_w(0, all);
}

void store_few(floatw v, int n, global float* to) {
  float all[WIDTH];
  store_w(v, 0, all);
  for (int i = 0; i < n; i++) to[i] = all[i];
}

// Element i of a tensor of `shape`, innermost last, where its neighbours are `stride` apart.
long place(long i, long8 shape, long8 stride) {
  long at = i % shape.s7 * stride.s7;
  i /= shape.s7;
  at += i % shape.s6 * stride.s6;
  i /= shape.s6;
  at += i % shape.s5 * stride.s5;
  i /= shape.s5;
  at += i % shape.s4 * stride.s4;
  i /= shape.s4;
  if (i == 0) return at;
  at += i % shape.s3 * stride.s3;
  i /= shape.s3;
  at += i % shape.s2 * stride.s2;
  i /= shape.s2;
  at += i % shape.s1 * stride.s1;
  return at + i / shape.s1 * stride.s0;
}

#define ITEM_F32 1
#define ITEM_U8 2
#define ITEM_I8 3
#define ITEM_U16 4
#define ITEM_I16 5
#define ITEM_I32 6
#define ITEM_I64 7
#define ITEM_BOOL 9
#define ITEM_F16 10
#define ITEM_U32 12
#define ITEM_U64 13
#define ITEM_BF16 16

bool is_real(int item) { return item == ITEM_F32 || item == ITEM_F16 || item == ITEM_BF16; }

long load_integer(global const void* from, long i, int item) {
  switch (item) {
    case ITEM_I64:
    case ITEM_U64:
      return ((global const long*)from)[i];
    case ITEM_I32:
      return ((global const int*)from)[i];
    case ITEM_U32:
      return ((global const uint*)from)[i];
    case ITEM_I16:
      return ((global const short*)from)[i];
    case ITEM_U16:
      return ((global const ushort*)from)[i];
    case ITEM_I8:
      return ((global const char*)from)[i];
    case ITEM_BOOL:
      return ((global const uchar*)from)[i] != 0;
    default:
      return ((global const uchar*)from)[i];
  }
}

// Low bits are kept; a bool is v != 0.
void store_integer(global void* to, long i, int item, long v) {
  switch (item) {
    case ITEM_I64:
    case ITEM_U64:
      ((global long*)to)[i] = v;
      break;
    case ITEM_I32:
    case ITEM_U32:
      ((global int*)to)[i] = (int)v;
      break;
    case ITEM_I16:
    case ITEM_U16:
      ((global short*)to)[i] = (short)v;
      break;
    case ITEM_BOOL:
      ((global uchar*)to)[i] = v != 0;
      break;
    default:
      ((global uchar*)to)[i] = (uchar)v;
      break;
  }
}

float load_real(global const void* from, long i, int item) {
  switch (item) {
    case ITEM_F16:
      return vload_half(i, (global const half*)from);
    case ITEM_BF16:
      return as_float((uint)((global const ushort*)from)[i] << 16);
    default:
      return ((global const float*)from)[i];
  }
}

void store_real(global void* to, long i, int item, float v) {
  switch (item) {
    case ITEM_F16:
      vstore_half_rte(v, i, (global half*)to);
      break;
    case ITEM_BF16: {  // to the nearest, ties to even; a NaN stays one
      const uint bits = as_uint(v), up = (bits >> 16 & 1) + 0x7FFFu;
      ((global ushort*)to)[i] = (ushort)(isnan(v) ? bits >> 16 | 0x40u : (bits + up) >> 16);
      break;
    }
    default:
      ((global float*)to)[i] = v;
      break;
  }
}

// An index counts from the back where it is negative; one outside means the nearest inside.
long index_of(long given, long size) {
  return clamp(given < 0 ? given + size : given, 0L, size - 1);
}

// One element of 1, 2, 4, 8 or 16 bytes; places in elements.
void move_item(global const void* from, long from_at, global void* to, long to_at, int bytes) {
  switch (bytes) {
    case 16:
      ((global uint4*)to)[to_at] = ((global const uint4*)from)[from_at];
      break;
    case 8:
      ((global ulong*)to)[to_at] = ((global const ulong*)from)[from_at];
      break;
    case 4:
      ((global uint*)to)[to_at] = ((global const uint*)from)[from_at];
      break;
    case 2:
      ((global ushort*)to)[to_at] = ((global const ushort*)from)[from_at];
      break;
    default:
      ((global uchar*)to)[to_at] = ((global const uchar*)from)[from_at];
      break;
  }
}
