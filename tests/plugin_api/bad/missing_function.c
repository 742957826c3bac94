/* Leaves out a mandatory function: the loader names it. */

#include "bad.h"

weft_status WEFT_CALL weft_plugin_entry(const weft_entry_args* args, weft_error* error) {
  const weft_status status = null_entry(args, error);
  args->api->execute = NULL;
  return status;
}
