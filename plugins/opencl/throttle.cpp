// Pieces, room and pauses; see throttle.h.
#include "plugins/opencl/throttle.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <thread>

namespace weft::opencl {

namespace {

// Part of a kernel that goes ahead to be measured.
constexpr double kProbe = 1.0 / 16;
// Pieces whose ends are still to be looked at, where nothing else bounds them.
constexpr size_t kMostPieces = 64;
// Of the new in the mean of what a group has taken.
constexpr double kNew = 0.5;

size_t groups_along(const Grid& grid, int axis) { return grid.global[axis] / grid.local[axis]; }

}  // namespace

// Groups of the next piece of a kernel that has `groups` left.
double Throttle::piece_groups(const Kernel& kernel, double groups) const {
  if (bounds_.kernel_ns == 0) return groups;
  const double cost = kernel.group_ns();
  if (cost == 0) return std::ceil(groups * kProbe);
  return std::max(1.0, std::min(groups, std::floor(double(bounds_.kernel_ns) / cost)));
}

void Throttle::launch(const Kernel& kernel, const Grid& grid, const Enqueue& enqueue) {
  int axis = 0;
  for (int d = 1; d < 3; d++)
    if (groups_along(grid, d) > groups_along(grid, axis)) axis = d;
  const size_t slices = groups_along(grid, axis);
  const double across =
      double(groups_along(grid, 0) * groups_along(grid, 1) * groups_along(grid, 2)) /
      double(slices);
  size_t offset[3] = {0, 0, 0}, size[3] = {grid.global[0], grid.global[1], grid.global[2]};
  for (size_t done = 0; done < slices;) {
    const bool is_known = kernel.group_ns() > 0;
    const double groups = piece_groups(kernel, double(slices - done) * across);
    const size_t now = std::clamp<size_t>(size_t(groups / across), 1, slices - done);
    const double ns = double(now) * across * kernel.group_ns();
    make_room(ns);
    offset[axis] = done * grid.local[axis];
    size[axis] = now * grid.local[axis];
    under_way_.push_back({enqueue(offset, size), kernel, double(now) * across, ns});
    ns_under_way_ += ns;
    if (now < slices) counters_.pieces++;
    done += now;
    if (!is_known)
      while (!under_way_.empty()) wait_for_oldest();
  }
}

void Throttle::make_room(double ns) {
  while (under_way_.size() >= kMostPieces) wait_for_oldest();
  if (bounds_.in_flight_ns == 0 || under_way_.empty() ||
      ns_under_way_ + ns <= double(bounds_.in_flight_ns))
    return;
  while (!under_way_.empty()) wait_for_oldest();
  counters_.pauses++;
  if (bounds_.pause_ns) std::this_thread::sleep_for(std::chrono::nanoseconds(bounds_.pause_ns));
}

// What went wrong with a command is said by the event of the whole submission.
void Throttle::wait_for_oldest() {
  const Piece piece = std::move(under_way_.front());
  under_way_.pop_front();
  ns_under_way_ = under_way_.empty() ? 0 : ns_under_way_ - piece.ns;
  const cl_event event = piece.event.get();
  cl_ulong begin = 0, end = 0;
  if (clWaitForEvents(1, &event) != CL_SUCCESS ||
      clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_START, sizeof begin, &begin, nullptr) !=
          CL_SUCCESS ||
      clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_END, sizeof end, &end, nullptr) !=
          CL_SUCCESS)
    return;
  const double ns = std::max(double(end - begin) / piece.groups, 1e-3);
  double& mean = piece.kernel.group_ns();
  mean = mean == 0 ? ns : mean + kNew * (ns - mean);
}

}  // namespace weft::opencl
