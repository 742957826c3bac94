/* Says yes and gives nothing, or names nodes that do not exist: the host believes neither. */
#include "bad.h"

static weft_status WEFT_CALL no_queue(weft_device* device, const weft_queue_desc* desc,
                                      weft_queue** out, weft_error* error) {
  (void)device;
  (void)desc;
  (void)out;
  (void)error;
  return WEFT_OK;
}

static weft_status WEFT_CALL claims_too_much(weft_device* device, const weft_graph* graph,
                                             const weft_claim_sink* sink, weft_error* error) {
  const uint32_t node = graph->node_count;
  weft_claim claim = {0};
  (void)device;
  (void)error;
  claim.struct_size = (uint32_t)sizeof claim;
  claim.nodes = &node;
  claim.node_count = 1;
  (void)sink->add(sink->ctx, &claim);
  return WEFT_OK;
}

weft_status WEFT_CALL weft_plugin_entry(const weft_entry_args* args, weft_error* error) {
  const weft_status status = null_entry(args, error);
  args->api->queue_create = no_queue;
  args->api->claim = claims_too_much;
  args->api->name = "noobject";
  return status;
}
