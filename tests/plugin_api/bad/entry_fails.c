/* The entry says no with a sentence: the loader repeats it. */

#include "bad.h"

weft_status WEFT_CALL weft_plugin_entry(const weft_entry_args* args, weft_error* error) {
  static const char why[] = "the driver is too old";
  uint32_t i;
  (void)args;
  for (i = 0; i < sizeof why; i++) error->message[i] = why[i];
  return WEFT_E_INTERNAL;
}
