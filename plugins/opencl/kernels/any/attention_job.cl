// What the attention kernels of both families share: the job as the host packs it, which keys a
// query attends, and the bias of a key. The formula is at the head of core/ops/attention.cpp.
//
// Keys come in blocks of KEYS that begin at its multiples. What a block gives a query depends on
// the two alone, and parts are merged in the order of the keys, so that a row has the same bits
// however many are computed with it, and whether blocks are shared among work-items or not.
//
//   part   [2 + dv] floats per query and block: highest score, sum, weighted values

// Steps from one batch, row, head to the next, in elements.
#define Q_BATCH steps.s0
#define Q_ROW steps.s1
#define Q_HEAD steps.s2
#define K_BATCH steps.s3
#define K_ROW steps.s4
#define K_HEAD steps.s5
#define V_BATCH steps.s6
#define V_ROW steps.s7
#define V_HEAD steps.s8
#define Y_BATCH steps.s9
#define Y_ROW steps.sa
#define Y_HEAD steps.sb
#define MASK_BATCH steps.sc
#define MASK_HEAD steps.sd
#define MASK_ROW steps.se
#define MASK_KEY steps.sf

#define HEADS sizes.s0
#define KV_HEADS sizes.s1
#define QUERIES sizes.s2  // rows of q
#define ALL_KEYS sizes.s3
#define DK sizes.s4
#define DV sizes.s5
#define LEFT sizes.s6
#define RIGHT sizes.s7
#define PAST sizes.s8
#define MASK_ITEM sizes.s9  // 0: there is no mask
#define MASK_KEYS sizes.sa
#define K_ITEM sizes.sb
#define V_ITEM sizes.sc
#define EXTRAS sizes.sd  // 1: sinks, 2: slopes
#define SPLITS sizes.se  // work-items that share the keys of a query; 1 merges as it goes
#define LENGTH sizes.sf  // valid keys of every batch; -1: `lengths` says, -2: all

#define SCALE reals.s0
#define SOFTCAP reals.s1

#define JOB_PARAMETERS                                                                      \
  global const uchar *lengths, long lengths_at, int lengths_item, global const uchar *mask, \
      long mask_at, global const float *sinks, long sinks_at, global const float *slopes,   \
      long slopes_at, global float *parts, long parts_at, long16 steps, int16 sizes, float2 reals

#define JOB                                                                                    \
  lengths, lengths_at, lengths_item, mask, mask_at, sinks, sinks_at, slopes, slopes_at, parts, \
      parts_at, steps, sizes, reals

// The valid keys of a batch, and the position of its query 0.
int2 length_of(global const uchar* lengths, long at, int item, long batch, int16 sizes) {
  if (LENGTH == -2) return (int2)(ALL_KEYS, PAST);
  const int given = LENGTH >= 0 ? LENGTH : (int)load_integer(lengths, at + batch, item);
  return (int2)(clamp(given, 0, ALL_KEYS), given - QUERIES);
}

// The keys [x, y) that the query at `position` attends, but for the mask.
int2 keys_of(int position, int valid, int16 sizes) {
  const int end = MASK_ITEM ? min(valid, MASK_KEYS) : valid;
  return (int2)(max(position - LEFT, 0), max(0, min(position + RIGHT + 1, end)));
}

// What the mask adds to the score of the key at element `at`.
float mask_of(global const uchar* mask, long at, int item) {
  if (item == ITEM_BOOL) return mask[at] ? 0.0f : -INFINITY;
  return ((global const float*)mask)[at];
}
