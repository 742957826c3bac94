/* A plugin whose driver is missing: usable, with no device and a reason. */
#include <string.h>

#include "bad.h"

static weft_status WEFT_CALL no_device(weft_plugin* plugin, uint32_t index, weft_device_info* out,
                                       weft_error* error) {
  (void)plugin;
  (void)index;
  (void)out;
  strcpy(error->message, "no driver is installed");
  return WEFT_E_INVALID;
}

weft_status WEFT_CALL weft_plugin_entry(const weft_entry_args* args, weft_error* error) {
  const weft_status status = null_entry(args, error);
  args->api->device_info = no_device;
  args->api->name = "nodevice";
  return status;
}
