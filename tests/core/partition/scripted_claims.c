/* The null backend with claims that a test dictates through the environment:
 *
 *   WEFT_TEST_CLAIMS="0,2;1"    one claim of nodes 0 and 2, one of node 1; others are refused
 *   WEFT_TEST_CLAIM_FLAGS="1"   WEFT_CLAIM_* of every claim
 *
 * For tests of what the host does with claims; compiling them is not promised.
 */
#include <stdlib.h>
#include <string.h>
#include <weft/plugin.h>

#define MOST_NODES 64

weft_status WEFT_CALL null_entry(const weft_entry_args* args, weft_error* error);
WEFT_EXPORT weft_status WEFT_CALL weft_plugin_entry(const weft_entry_args* args, weft_error* error);

/* Reads one list of numbers; returns what follows its semicolon, or NULL at the end. */
static const char* read_list(const char* text, uint32_t* list, uint32_t* count) {
  for (*count = 0; *count < MOST_NODES;) {
    char* end;
    list[(*count)++] = (uint32_t)strtoul(text, &end, 10);
    if (*end == ';') return end + 1;
    if (*end != ',') return NULL;
    text = end + 1;
  }
  return NULL;
}

static weft_status WEFT_CALL claim(weft_device* device, const weft_graph* graph,
                                   const weft_claim_sink* sink, weft_error* error) {
  const char* text = getenv("WEFT_TEST_CLAIMS");
  const char* flags = getenv("WEFT_TEST_CLAIM_FLAGS");
  unsigned char claimed[MOST_NODES] = {0};
  uint32_t nodes[MOST_NODES], i;
  (void)device;
  (void)error;
  while (text && *text) {
    weft_claim one;
    memset(&one, 0, sizeof one);
    one.struct_size = (uint32_t)sizeof one;
    one.flags = flags ? (uint32_t)strtoul(flags, NULL, 10) : 0;
    one.nodes = nodes;
    one.reason = "as scripted";
    text = read_list(text, nodes, &one.node_count);
    for (i = 0; i < one.node_count; i++)
      if (nodes[i] < MOST_NODES) claimed[nodes[i]] = 1;
    if (sink->add(sink->ctx, &one) < 0) return WEFT_E_INVALID;
  }
  for (i = 0; i < graph->node_count && i < MOST_NODES; i++) {
    weft_refusal no;
    if (claimed[i]) continue;
    memset(&no, 0, sizeof no);
    no.struct_size = (uint32_t)sizeof no;
    no.node = i;
    no.code = WEFT_REFUSE_OP;
    no.value = WEFT_NONE;
    no.why = "not in the script";
    if (sink->decline(sink->ctx, &no) < 0) return WEFT_E_INVALID;
  }
  return WEFT_OK;
}

weft_status WEFT_CALL weft_plugin_entry(const weft_entry_args* args, weft_error* error) {
  const weft_status status = null_entry(args, error);
  if (status < 0) return status;
  args->api->name = "scripted";
  args->api->claim = claim;
  return status;
}
