/* Answers every claim with an error: the host goes on with the other backends. */
#include <string.h>

#include "bad.h"

static weft_status WEFT_CALL claim(weft_device* device, const weft_graph* graph,
                                   const weft_claim_sink* sink, weft_error* error) {
  (void)device;
  (void)graph;
  (void)sink;
  strcpy(error->message, "the claim desk is closed");
  return WEFT_E_INTERNAL;
}

weft_status WEFT_CALL weft_plugin_entry(const weft_entry_args* args, weft_error* error) {
  const weft_status status = null_entry(args, error);
  args->api->claim = claim;
  args->api->name = "claimfails";
  return status;
}
