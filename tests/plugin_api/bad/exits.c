/* Leaves the process quietly in its entry: a probe calls that a crash too. */
#include <unistd.h>

#include "bad.h"

weft_status WEFT_CALL weft_plugin_entry(const weft_entry_args* args, weft_error* error) {
  (void)args;
  (void)error;
  _exit(3);
}
