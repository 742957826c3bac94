"""What a driver can do wrong in the middle of things: a sentence and the right exit code, and an
end. The driver is the one that is installed, made to fail by tests/plugins/opencl/faults.

WEFT_FAULTY_DRIVER   that library (set by CMake)
"""

import os
import unittest

from weft_runs import PARIS, WeftTest, model

PLUGIN, MEMORY = 4, 5


class Faults(WeftTest):

    def setUp(self):
        super().setUp()
        self.require_device("opencl")

    def run_with(self, fault, *arguments, backends="opencl"):
        return self.weft("run", "-m", model("smollm2-float"), "--temp", 0, "-n", 4, "-p", PARIS,
                         "--backend", backends, "--no-cache", *arguments,
                         variables={"LD_PRELOAD": os.environ["WEFT_FAULTY_DRIVER"],
                                    "WEFT_FAULT": fault})

    # What was answered before the fault stays on stdout.
    def assert_one_sentence(self, run, code, *words):
        self.assertEqual(run.code, code, run)
        self.assertEqual(len(run.err.strip().splitlines()), 1, run)
        for word in words:
            self.assertIn(word, run.err)

    def test_without_a_fault_the_driver_is_as_it_was(self):
        run = self.run_with("none")
        self.assertEqual((run.code, run.out), (0, "The capital of France\n"), run)

    def test_kernels_that_do_not_build(self):
        self.assert_one_sentence(self.run_with("clBuildProgram:1:-11"), PLUGIN,
                                 "the kernels do not build", "CL_BUILD_PROGRAM_FAILURE")

    def test_no_memory_for_weights(self):
        self.assert_one_sentence(self.run_with("clCreateBuffer:100:-4"), MEMORY,
                                 "no device memory", "CL_MEM_OBJECT_ALLOCATION_FAILURE")

    def test_no_memory_while_it_runs(self):
        self.assert_one_sentence(self.run_with("clEnqueueNDRangeKernel:1000:-5"), MEMORY,
                                 "CL_OUT_OF_RESOURCES")

    def test_a_device_that_is_lost_when_work_is_handed_over(self):
        for code, name in ((-36, "CL_INVALID_COMMAND_QUEUE"), (-2, "CL_DEVICE_NOT_AVAILABLE")):
            with self.subTest(code=code):
                self.assert_one_sentence(self.run_with(f"clEnqueueNDRangeKernel:700:{code}"),
                                         PLUGIN, "lost", name)

    def test_a_command_that_fails_on_the_device(self):
        self.assert_one_sentence(self.run_with("clWaitForEvents:3:-9999"), PLUGIN,
                                 "a command failed on the device")

    def test_a_throttled_queue_fails_as_well(self):
        self.assert_one_sentence(
            self.run_with("clEnqueueNDRangeKernel:700:-36", "--throttle", 4), PLUGIN, "lost")


if __name__ == "__main__":
    unittest.main(verbosity=2)
