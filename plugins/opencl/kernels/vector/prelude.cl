// What kernels of the vector family share: a work-item does a whole row or block by itself, sixteen
// elements at a time, without barriers.

// The sum of sixteen, in a fixed order.
float sum16(float16 v) {
  const float8 a = v.lo + v.hi;
  const float4 b = a.lo + a.hi;
  const float2 c = b.lo + b.hi;
  return c.x + c.y;
}

float max16(float16 v) {
  const float8 a = fmax(v.lo, v.hi);
  const float4 b = fmax(a.lo, a.hi);
  const float2 c = fmax(b.lo, b.hi);
  return fmax(c.x, c.y);
}

// The first `n` < 16 of a vector.
void store_some(float16 v, int n, global float* to) {
  float all[16];
  vstore16(v, 0, all);
  for (int i = 0; i < n; i++) to[i] = all[i];
}

// The exponential as a lane of sixteen has it: one and many elements agree to the bit.
float exp_like(float x) { return exp((float16)x).s0; }
