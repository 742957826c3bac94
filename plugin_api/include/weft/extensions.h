/* weft/extensions.h - tables beyond the core of the ABI, by name.
 *
 * The host asks get_extension() of weft_api for a name, and gets the table or NULL. A table never
 * changes once its number is out: what differs gets the next number. Rules are those of
 * weft/plugin.h. Each is optional for both sides.
 */
#ifndef WEFT_EXTENSIONS_H_
#define WEFT_EXTENSIONS_H_
#include <weft/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---------------------------------------------------------------- memory from elsewhere */
#define WEFT_EXT_EXTERNAL_MEMORY "weft.external_memory/1"
#define WEFT_HANDLE_DMABUF 1u
#define WEFT_HANDLE_OPAQUE_FD 2u
#define WEFT_HANDLE_HOST_PTR 3u
#define WEFT_HANDLE_AHB 4u
#define WEFT_HANDLE_VENDOR 0x10000u
typedef struct weft_external {
  uint32_t struct_size;
  uint32_t kind;
  int64_t fd; /* ownership: import dups; export returns a new fd the caller closes */
  void* ptr;  /* host pointer or AHardwareBuffer* */
  uint64_t size, offset;
} weft_external;
typedef struct weft_ext_external_memory_1 {
  uint32_t(WEFT_CALL* kinds)(weft_device*, uint32_t for_export); /* bit i = handle kind i */
  weft_status(WEFT_CALL* import_buffer)(weft_device*, const weft_external*, weft_buffer** out,
                                        weft_error*);
  weft_status(WEFT_CALL* export_buffer)(weft_buffer*, uint32_t kind, weft_external* out,
                                        weft_error*);
  /* sync-fd / opaque-fd semaphores for GPU<->NPU waits without the CPU */
  weft_status(WEFT_CALL* import_event)(weft_device*, const weft_external*, weft_event** out,
                                       weft_error*);
  weft_status(WEFT_CALL* export_event)(weft_event*, uint32_t kind, weft_external* out, weft_error*);
} weft_ext_external_memory_1;

/* ---------------------------------------------------------------- giving way
 * How far a queue may run ahead of others who want the device. It works by what the plugin
 * enqueues, and so without any hint of the driver: work is cut into pieces no longer than
 * `kernel_ns`, at most `in_flight_ns` of it waits on the device, and whenever that much was there
 * the queue pauses for `pause_ns`. 0 = no such bound. Times are aims: a piece has a least size, and
 * how long one takes is known after the first. execute() may block. */
#define WEFT_EXT_THROTTLE "weft.throttle/1"
typedef struct weft_throttle {
  uint32_t struct_size;
  uint32_t reserved0;
  uint64_t in_flight_ns, kernel_ns, pause_ns;
} weft_throttle;
typedef struct weft_ext_throttle_1 {
  /* For what is executed from now on. [obj] */
  weft_status(WEFT_CALL* set)(weft_queue*, const weft_throttle*, weft_error*);
} weft_ext_throttle_1;

#ifdef __cplusplus
}
#endif
#endif
