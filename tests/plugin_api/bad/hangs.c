/* Never returns from its entry: a probe gives up after its limit. */
#include <unistd.h>

#include "bad.h"

weft_status WEFT_CALL weft_plugin_entry(const weft_entry_args* args, weft_error* error) {
  (void)args;
  (void)error;
  for (;;) (void)pause();
}
