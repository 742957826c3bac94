// Backends of test_plugins: those on host memory.
#include "tests/plugins/targets.h"

namespace weft::test {

std::vector<Target> targets() { return {{"cpu", "cpu"}, {"reference", "reference"}}; }

}  // namespace weft::test
