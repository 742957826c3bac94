/* Offers event_create without event_signal: the loader refuses it. */

#include "bad.h"

weft_status WEFT_CALL weft_plugin_entry(const weft_entry_args* args, weft_error* error) {
  const weft_status status = null_entry(args, error);
  args->api->event_signal = NULL;
  return status;
}
