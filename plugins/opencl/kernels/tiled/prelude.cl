// What kernels of the tiled family share: a work-group of GROUP items does a row, its partial
// results meet in local memory. Every item reaches every barrier.

// The sum over a work-group of GROUP (a power of two); every item gets it.
float group_sum(local float* shared, float mine) {
  const int id = get_local_id(0);
  shared[id] = mine;
  barrier(CLK_LOCAL_MEM_FENCE);
  for (int half_size = GROUP / 2; half_size > 0; half_size /= 2) {
    if (id < half_size) shared[id] += shared[id + half_size];
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  const float sum = shared[0];
  barrier(CLK_LOCAL_MEM_FENCE);
  return sum;
}

float group_max(local float* shared, float mine) {
  const int id = get_local_id(0);
  shared[id] = mine;
  barrier(CLK_LOCAL_MEM_FENCE);
  for (int half_size = GROUP / 2; half_size > 0; half_size /= 2) {
    if (id < half_size) shared[id] = fmax(shared[id], shared[id + half_size]);
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  const float most = shared[0];
  barrier(CLK_LOCAL_MEM_FENCE);
  return most;
}

// The exponential as other kernels of the family have it.
float exp_like(float x) { return exp(x); }
