// Backends of test_plugins: those on host memory.
#include "tests/plugins/targets.h"

namespace weft::test {

std::vector<Target> targets() { return {{"cpu", "cpu"}, {"reference", "reference"}}; }

// The reference is what the others are compared with.
std::vector<Target> op_targets() { return {{"cpu", "cpu"}}; }

}  // namespace weft::test
