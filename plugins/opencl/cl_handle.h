// OpenCL's C handles as C++ objects, and its error codes as sentences.
//
// Each handle releases what it holds; a copy retains, so that an event or a buffer may be held from
// several places. check() turns a code into a Failure that names the call and the code.
#pragma once

#include <CL/cl.h>

#include <string>
#include <utility>

#include "weft/plugin.hpp"

namespace weft::opencl {

using plugin::Failure;
using plugin::text;

// "CL_INVALID_WORK_GROUP_SIZE (-54)".
std::string error_name(cl_int code);
// The same with what it means for the user, where it means the device.
std::string words_of(cl_int code);
// The status of the ABI that a code means.
weft_status status_of(cl_int code);
// Throws a Failure unless `code` is CL_SUCCESS.
void check(cl_int code, const char* call);

template <typename T, auto kRetain, auto kRelease>
class Handle {
 public:
  Handle() = default;
  // Takes over a reference that the caller owns.
  explicit Handle(T raw) : raw_(raw) {}
  Handle(const Handle& other) : raw_(other.raw_) {
    if (raw_) kRetain(raw_);
  }
  Handle(Handle&& other) noexcept : raw_(std::exchange(other.raw_, nullptr)) {}
  Handle& operator=(Handle other) noexcept {
    std::swap(raw_, other.raw_);
    return *this;
  }
  ~Handle() {
    if (raw_) kRelease(raw_);
  }
  T get() const { return raw_; }
  explicit operator bool() const { return raw_ != nullptr; }

 private:
  T raw_ = nullptr;
};

using ClContext = Handle<cl_context, clRetainContext, clReleaseContext>;
using ClQueue = Handle<cl_command_queue, clRetainCommandQueue, clReleaseCommandQueue>;
using ClMemory = Handle<cl_mem, clRetainMemObject, clReleaseMemObject>;
using ClProgram = Handle<cl_program, clRetainProgram, clReleaseProgram>;
using ClKernel = Handle<cl_kernel, clRetainKernel, clReleaseKernel>;
using ClEventRef = Handle<cl_event, clRetainEvent, clReleaseEvent>;

}  // namespace weft::opencl
