// What a user may decide about a device: WEFT_OPENCL="memory=own,family=gpu", or the options of
// device_open, which win.
//
//   memory   own      the device's buffers are its own, and the host copies to and from them
//            shared   the host's memory is used in place; only where the device works on it
//   family   cpu      kernels without barriers, wide vectors in one work-item
//            gpu      kernels that tile through local memory
//   half     1        4-bit codes become halves by masks, two at once, before they become floats
//            0        they become floats by a shift and a mask each
//   dot      1        of products of codes with more than 8 rows, the rows become int8; family gpu
//            0        products are of floats
//   allocation        the most bytes of one buffer, where less than the device allows
//
//   priority low, normal, high    of the context, where the driver takes such a hint (priority.h)
//   tune     auto     variants of kernels are measured when programs are compiled (tuner.h)
//            0, 1...  that variant is taken, or the last: tests, and starts that must be short
//   report   1        says at the end what was done: kernels, arguments, builds, pauses
//
// What is not said follows from the device; dot from the wish `compute` too, which is the host's.
#pragma once

#include <string>

#include "plugins/opencl/facts.h"
#include "weft/plugin.h"

namespace weft::opencl {

struct Options {
  bool share_memory = false;
  bool tiled = false;
  bool half = false;
  bool dot = false;
  uint64_t allocation_bytes = UINT64_MAX;
  int32_t priority = 0;  // -1, 0, 1
  bool report = false;
  int variant = -1;  // Tuner::kMeasure, or the one to take
};

// `environment` may be null. A name or value that is not known is a WEFT_E_INVALID Failure in
// words, except for names in `given`, which are the host's and passed over; `ignored` lists those.
Options choose_options(const DeviceFacts& facts, const char* environment, const weft_kv* given,
                       uint32_t count, std::string& ignored);

}  // namespace weft::opencl
