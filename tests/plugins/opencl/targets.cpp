// Backends of test_opencl: both families of kernels, on the host's memory and on memory of its own.
// Memory of its own is what a GPU has, so copies are tested where there is none.
#include "tests/plugins/targets.h"

namespace weft::test {

std::vector<Target> targets() {
  std::vector<Target> out;
  for (const char* family : {"cpu", "gpu"})
    for (const char* memory : {"shared", "own"})
      out.push_back({std::string(family) + "_" + memory,
                     "opencl",
                     {{"family", family}, {"memory", memory}},
                     memory == std::string("shared"),
                     false});
  return out;
}

std::vector<Target> op_targets() { return targets(); }

}  // namespace weft::test
