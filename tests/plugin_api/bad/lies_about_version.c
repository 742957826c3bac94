/* Answers with a version that the host did not offer: the loader refuses it. */

#include "bad.h"

weft_status WEFT_CALL weft_plugin_entry(const weft_entry_args* args, weft_error* error) {
  const weft_status status = null_entry(args, error);
  args->api->version_minor = WEFT_VERSION_MINOR + 1;
  return status;
}
