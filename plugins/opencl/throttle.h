// Bounds on what a queue puts before a device, so that others get their turn: work in flight, the
// length of a kernel, and pauses (weft.throttle/1). It needs nothing of the driver but timestamps;
// priority hints, where a driver has them, come on top (Transformer-Lite's low priority, spec
// A2.1).
//
//   a kernel longer than kernel_ns     is enqueued in pieces, by global offsets
//   more than in_flight_ns enqueued    waits until the device has none of it, and for pause_ns more
//
// How long a work-group takes is measured per kernel object; of one that is new a sixteenth goes
// ahead and is waited for. Kernels find their group by GROUP_ID (kernels/prelude.cl), since
// get_group_id() does not know about offsets.
#pragma once

#include <deque>
#include <functional>

#include "plugins/opencl/kernel.h"
#include "weft/extensions.h"

namespace weft::opencl {

// Work-items in all and per group; global sizes are rounded up to whole groups, and kernels guard
// their tails.
struct Grid {
  size_t global[3] = {1, 1, 1};
  size_t local[3] = {1, 1, 1};
};

class Throttle {
 public:
  // Enqueues the work-items [offset, offset + size), with a timestamp.
  using Enqueue = std::function<ClEventRef(const size_t (&offset)[3], const size_t (&size)[3])>;

  Throttle(const weft_throttle& bounds, Counters& counters)
      : bounds_(bounds), counters_(counters) {}

  // All of the grid, whose global sizes are whole groups. It may block.
  void launch(const Kernel& kernel, const Grid& grid, const Enqueue& enqueue);

 private:
  struct Piece {
    ClEventRef event;
    Kernel kernel;
    double groups, ns;  // as estimated
  };
  double piece_groups(const Kernel& kernel, double groups) const;
  void make_room(double ns);
  void wait_for_oldest();

  weft_throttle bounds_;
  Counters& counters_;
  std::deque<Piece> under_way_;
  double ns_under_way_ = 0;
};

}  // namespace weft::opencl
