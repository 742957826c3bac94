// The fixture of tests that run a graph on the reference and on a backend, and expect the same
// floats, or the same bytes for other types. Tests in every_backend/ are part of each binary, and
// run on its op_targets(); a new backend has them by its targets alone.
#pragma once

#include "tests/plugins/problems.h"
#include "tests/plugins/targets.h"

namespace weft::test {

class BackendTest : public TargetTest {
 protected:
  // One device for the test: its kernels are built once.
  Device& device() {
    if (!device_) device_.reset(new Device(open()));
    return *device_;
  }

  // Runs with views at two addresses; the cpu plugin on every instruction set.
  void expect_like_reference(Graph& g, const std::string& what, float tolerance = 1e-5f,
                             RunOptions options = {}) {
    if (GetParam().plugin == "cpu")
      return weft::test::expect_like_reference(g, what, tolerance, options);
    const std::vector<Data> want = reference_.run(g, options);
    for (const uint64_t offset : {0, 72}) {
      options.view_offset = offset;
      options.workspace_offset = offset ? 128 : 0;
      const std::vector<Data> got = device().run(g, options);
      ASSERT_EQ(got.size(), want.size());
      for (size_t i = 0; i < got.size(); i++) {
        if (want[i].dtype == WEFT_F32) {
          expect_near(got[i].floats(), want[i].floats(), tolerance, what);
        } else {
          ASSERT_EQ(got[i].bytes, want[i].bytes) << what << ", output " << i;
        }
      }
    }
  }

 private:
  Device reference_{"reference"};
  std::unique_ptr<Device> device_;
};

// The suite, on every target.
#define WEFT_BACKEND_SUITE(Suite) \
  struct Suite : BackendTest {};  \
  INSTANTIATE_TEST_SUITE_P(Backends, Suite, testing::ValuesIn(op_targets()), name_of_target)

}  // namespace weft::test
