/* plugin.c - who this backend is: entry, version, table, and its one device.
 *
 * A vendor's first hour. Change the names below, fill the device's description from the driver, and
 * the host already lists the device (`weft plugins`).
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/note.h> /* the file's mark, in exactly one source file */

#include "null.h"

/* The name is what users type after --backend and what reports show: keep it for ever. */
#define NULL_NAME "null"
#define NULL_VENDOR "Weft"
#define NULL_BUILD "0.1.0"

/* One instance per process. No constructor may run before the entry (R9), so it is plain data. */
static weft_plugin the_plugin;

weft_status null_fail(weft_error* error, weft_status status, uint32_t node, const char* format,
                      ...) {
  weft_error ours;
  va_list arguments;
  if (!error || error->struct_size < sizeof(uint32_t)) return status;
  memset(&ours, 0, sizeof ours);
  ours.status = status;
  ours.node = node;
  va_start(arguments, format);
  (void)vsnprintf(ours.message, sizeof ours.message, format, arguments);
  va_end(arguments);
  weft_copy_out(error, &ours, (uint32_t)sizeof ours);
  /* A shorter struct of the host cuts the text: end it inside. */
  if (error->struct_size < sizeof ours && error->struct_size > offsetof(weft_error, message))
    ((char*)error)[error->struct_size - 1] = 0;
  return status;
}

/* After the last device is closed. Nothing is allocated in the plugin itself here. */
static void WEFT_CALL null_shutdown(weft_plugin* plugin) { plugin->host = NULL; }

/* Devices are counted from 0 without holes; WEFT_E_INVALID tells the host that it has seen all. A
 * backend whose driver is missing has no device, and says why in the message for index 0. */
static weft_status WEFT_CALL null_device_info(weft_plugin* plugin, uint32_t index,
                                              weft_device_info* out, weft_error* error) {
  weft_device_info info;
  (void)plugin;
  if (index != 0)
    return null_fail(error, WEFT_E_INVALID, WEFT_NONE, "there is one device, number 0");
  memset(&info, 0, sizeof info);
  info.type = WEFT_DEV_CPU;
  (void)snprintf(info.name, sizeof info.name, "%s", "null device");
  /* The driver's identity keys stored programs: a new driver must change this text. */
  (void)snprintf(info.driver, sizeof info.driver, "%s %s", NULL_NAME, NULL_BUILD);
  info.max_buffer = UINT64_MAX / 2;
  info.buffer_alignment = 4; /* offsets of views are multiples of it */
  info.memory_kinds = WEFT_MEM_HOST_VISIBLE | WEFT_MEM_HOST_COHERENT;
  info.queue_count = 1;
  info.priority_levels = 1;
  info.dtypes_compute[0] = (uint64_t)1 << WEFT_F32;
  weft_copy_out(out, &info, (uint32_t)sizeof info); /* never past the caller's struct_size (R3) */
  return WEFT_OK;
}

static weft_status WEFT_CALL null_device_open(weft_plugin* plugin, uint32_t index,
                                              const weft_kv* options, uint32_t option_count,
                                              weft_device** out, weft_error* error) {
  weft_device* device;
  uint32_t i;
  if (index != 0)
    return null_fail(error, WEFT_E_INVALID, WEFT_NONE, "there is one device, number 0");
  for (i = 0; i < option_count; i++) {
    char line[160];
    (void)snprintf(line, sizeof line, "option '%.64s' is ignored: there are none", options[i].key);
    plugin->host->log(plugin->host->ctx, WEFT_LOG_WARN, line);
  }
  device = malloc(sizeof *device);
  if (!device) return null_fail(error, WEFT_E_OUT_OF_MEMORY, WEFT_NONE, "no memory for the device");
  device->plugin = plugin;
  *out = device; /* an out-parameter is written on success only (R8) */
  return WEFT_OK;
}

static void WEFT_CALL null_device_close(weft_device* device) { free(device); }

/* The only symbol of the library (R1). `args->host` says which version the host speaks at most and
 * `min_*` at least; while the major is 0 both must be exactly ours. */
WEFT_EXPORT weft_status WEFT_CALL weft_plugin_entry(const weft_entry_args* args, weft_error* error);
WEFT_EXPORT weft_status WEFT_CALL weft_plugin_entry(const weft_entry_args* args,
                                                    weft_error* error) {
  weft_api api;
  const weft_host* host = args->host;
  if (host->version_major != WEFT_VERSION_MAJOR || host->version_minor < WEFT_VERSION_MINOR ||
      args->min_major != WEFT_VERSION_MAJOR || args->min_minor > WEFT_VERSION_MINOR)
    return null_fail(error, WEFT_E_VERSION, WEFT_NONE,
                     "the plugin speaks ABI %u.%u, the host %u.%u to %u.%u", WEFT_VERSION_MAJOR,
                     WEFT_VERSION_MINOR, args->min_major, args->min_minor, host->version_major,
                     host->version_minor);

  memset(&api, 0, sizeof api); /* every entry that is not set is absent (R10) */
  api.version_major = WEFT_VERSION_MAJOR;
  api.version_minor = WEFT_VERSION_MINOR;
  api.vendor = NULL_VENDOR;
  api.name = NULL_NAME;
  api.build = NULL_BUILD;
  api.self = &the_plugin;
  api.shutdown = null_shutdown;
  api.device_info = null_device_info;
  api.device_open = null_device_open;
  api.device_close = null_device_close;
  api.claim = null_claim;
  api.compile = null_compile;
  api.program_info = null_program_info;
  api.program_destroy = null_program_destroy;
  api.buffer_alloc = null_buffer_alloc;
  api.buffer_free = null_buffer_free;
  api.buffer_map = null_buffer_map;
  api.buffer_unmap = null_buffer_unmap;
  api.copy = null_copy;
  api.queue_create = null_queue_create;
  api.queue_destroy = null_queue_destroy;
  api.execute = null_execute;
  api.event_create = null_event_create;
  api.event_signal = null_event_signal;
  api.event_wait = null_event_wait;
  api.event_on_done = null_event_on_done;
  api.event_destroy = null_event_destroy;
  /* Absent: get_extension (none), blob_check and program_save (a program costs nothing to build),
   * queue_flush and device_wait_idle (nothing is ever left running). */

  the_plugin.host = host;
  weft_copy_out(args->api, &api, (uint32_t)sizeof api);
  return WEFT_OK;
}
