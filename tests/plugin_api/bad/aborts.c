/* Ends the process in its entry: only a child process survives looking at it. */
#include <stdio.h>
#include <stdlib.h>

#include "bad.h"

weft_status WEFT_CALL weft_plugin_entry(const weft_entry_args* args, weft_error* error) {
  (void)args;
  (void)error;
  (void)fputs("the device caught fire\n", stderr);
  abort();
}
