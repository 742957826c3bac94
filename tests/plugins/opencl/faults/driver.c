/* A driver that fails when it is told to, over whatever OpenCL loader is there. For LD_PRELOAD.
 *
 *   WEFT_FAULT=clCreateBuffer:40:-4    that call fails with -4 from its 40th time on
 *
 * A failure of clWaitForEvents is a command's that failed on the device: asking for the event's
 * state says the same.
 */
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CL_TARGET_OPENCL_VERSION 200
#include <CL/cl.h>

static atomic_long calls[4];

static void* real(const char* name) {
  void* library = dlopen("libOpenCL.so.1", RTLD_NOW | RTLD_LOCAL);
  void* found = library ? dlsym(library, name) : NULL;
  if (!found) {
    fprintf(stderr, "the faulty driver finds no %s\n", name);
    _Exit(99);
  }
  return found;
}

/* The code to fail with, or 0. */
static cl_int fault(const char* name, atomic_long* count) {
  const char* wish = getenv("WEFT_FAULT");
  const size_t length = strlen(name);
  long first = 0;
  int code = 0;
  if (!wish || strncmp(wish, name, length) != 0 || wish[length] != ':') return 0;
  if (sscanf(wish + length + 1, "%ld:%d", &first, &code) != 2) return 0;
  return atomic_fetch_add(count, 1) + 1 >= first ? code : 0;
}

cl_int clBuildProgram(cl_program program, cl_uint count, const cl_device_id* devices,
                      const char* options, void(CL_CALLBACK* done)(cl_program, void*), void* data) {
  const cl_int code = fault("clBuildProgram", &calls[0]);
  if (code) return code;
  cl_int (*next)(cl_program, cl_uint, const cl_device_id*, const char*,
                 void(CL_CALLBACK*)(cl_program, void*), void*) = real("clBuildProgram");
  return next(program, count, devices, options, done, data);
}

cl_mem clCreateBuffer(cl_context context, cl_mem_flags flags, size_t size, void* host,
                      cl_int* out) {
  const cl_int code = fault("clCreateBuffer", &calls[1]);
  if (code) {
    if (out) *out = code;
    return NULL;
  }
  cl_mem (*next)(cl_context, cl_mem_flags, size_t, void*, cl_int*) = real("clCreateBuffer");
  return next(context, flags, size, host, out);
}

cl_int clEnqueueNDRangeKernel(cl_command_queue queue, cl_kernel kernel, cl_uint axes,
                              const size_t* offset, const size_t* size, const size_t* group,
                              cl_uint count, const cl_event* waits, cl_event* event) {
  const cl_int code = fault("clEnqueueNDRangeKernel", &calls[2]);
  if (code) return code;
  cl_int (*next)(cl_command_queue, cl_kernel, cl_uint, const size_t*, const size_t*, const size_t*,
                 cl_uint, const cl_event*, cl_event*) = real("clEnqueueNDRangeKernel");
  return next(queue, kernel, axes, offset, size, group, count, waits, event);
}

cl_int clWaitForEvents(cl_uint count, const cl_event* events) {
  cl_int (*next)(cl_uint, const cl_event*) = real("clWaitForEvents");
  const cl_int done = next(count, events), code = fault("clWaitForEvents", &calls[3]);
  return code ? CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST : done;
}

cl_int clGetEventInfo(cl_event event, cl_event_info what, size_t size, void* value, size_t* wrote) {
  cl_int (*next)(cl_event, cl_event_info, size_t, void*, size_t*) = real("clGetEventInfo");
  const cl_int code = fault("clWaitForEvents", &calls[3]);
  const cl_int done = next(event, what, size, value, wrote);
  if (code && what == CL_EVENT_COMMAND_EXECUTION_STATUS && value) *(cl_int*)value = code;
  return done;
}
