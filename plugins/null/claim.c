/* claim.c - which nodes this backend runs.
 *
 * The host shows a graph; the answer for every node is a claim or a refusal with its reason, which
 * is what `weft explain` prints to the user. null_refusal() is the only place that decides, and
 * compile() asks it again: a claim that does not compile is a bug the conformance kit looks for.
 *
 * To add an op: let null_refusal() accept it, and add its loop to program.c.
 */
#include <string.h>

#include "null.h"

/* An array element that is longer than the one known here may hold something that must not be
 * overlooked: zero is "as before" (R3). */
static int has_unknown_tail(const void* items, uint32_t count, uint32_t stride, size_t known) {
  const unsigned char* bytes = (const unsigned char*)items;
  uint32_t i;
  size_t at;
  for (i = 0; i < count; i++)
    for (at = known; at < stride; at++)
      if (bytes[(size_t)stride * i + at]) return 1;
  return 0;
}

weft_status null_read_graph(weft_graph* graph, const weft_graph* from, weft_error* error) {
  if (weft_copy_in(graph, (uint32_t)sizeof *graph, from) < 0 ||
      (graph->node_count && graph->node_stride < sizeof(weft_node)) ||
      (graph->value_count && graph->value_stride < sizeof(weft_value)) ||
      has_unknown_tail(graph->nodes, graph->node_count, graph->node_stride, sizeof(weft_node)) ||
      has_unknown_tail(graph->values, graph->value_count, graph->value_stride, sizeof(weft_value)))
    return null_fail(error, WEFT_E_UNSUPPORTED, WEFT_NONE,
                     "the graph has parts that ABI %u.%u does not know", WEFT_VERSION_MAJOR,
                     WEFT_VERSION_MINOR);
  return WEFT_OK;
}

static weft_refusal refuse(uint32_t node, uint32_t code, uint32_t value, const char* why) {
  weft_refusal refusal;
  memset(&refusal, 0, sizeof refusal);
  refusal.struct_size = (uint32_t)sizeof refusal;
  refusal.node = node;
  refusal.code = code;
  refusal.value = value;
  refusal.why = why;
  return refusal;
}

/* Equal for every run: the same constant, or the same slot. */
static int same_dims(const weft_value* a, const weft_value* b) {
  uint32_t i;
  if (a->rank != b->rank) return 0;
  for (i = 0; i < a->rank; i++)
    if (a->dims[i].slot != b->dims[i].slot ||
        (a->dims[i].slot == WEFT_NONE && a->dims[i].value != b->dims[i].value))
      return 0;
  return 1;
}

/* One operand: f32, at most WEFT_MAX_RANK dims, shaped like the result, in memory, not quantised.
 */
static weft_refusal check_operand(const weft_graph* graph, uint32_t node, uint32_t value,
                                  const weft_value* result) {
  const weft_value* v;
  weft_refusal refusal;
  if (value >= graph->value_count)
    return refuse(node, WEFT_REFUSE_OTHER, WEFT_NONE, "an operand is absent");
  v = WEFT_AT(weft_value, graph->values, graph->value_stride, value);
  if (v->dtype != WEFT_F32) {
    refusal = refuse(node, WEFT_REFUSE_DTYPE, value, "only f32 is added here");
    refusal.found = v->dtype; /* numbers for a program, words for people */
    refusal.limit = WEFT_F32;
    return refusal;
  }
  if (v->rank > WEFT_MAX_RANK)
    return refuse(node, WEFT_REFUSE_RANK, value, "the rank is more than a view can hold");
  if (v->quant) return refuse(node, WEFT_REFUSE_QUANT, value, "quantised operands are not decoded");
  if ((v->flags & WEFT_VALUE_CONTENTS) || (v->flags & WEFT_VALUE_CONSTANT && !v->data))
    return refuse(node, WEFT_REFUSE_OTHER, value, "an operand without memory is not read");
  if (v->order != WEFT_ROW_MAJOR)
    return refuse(node, WEFT_REFUSE_OTHER, value, "only row-major constants are read");
  if (!same_dims(v, result))
    return refuse(node, WEFT_REFUSE_SHAPE, value, "operands are not broadcast here");
  return refuse(node, WEFT_REFUSE_OTHER, WEFT_NONE, NULL);
}

weft_refusal null_refusal(const weft_graph* graph, uint32_t index) {
  const weft_node* node = WEFT_AT(weft_node, graph->nodes, graph->node_stride, index);
  const weft_value* result;
  weft_refusal refusal;
  if (node->domain[0] || strcmp(node->op_type, "Add") != 0)
    return refuse(index, WEFT_REFUSE_OP, WEFT_NONE, "only Add is run here");
  if (node->input_count != 2 || node->output_count != 1 || node->outputs[0] >= graph->value_count)
    return refuse(index, WEFT_REFUSE_OTHER, WEFT_NONE, "Add has two operands and one result");
  result = WEFT_AT(weft_value, graph->values, graph->value_stride, node->outputs[0]);
  refusal = check_operand(graph, index, node->outputs[0], result);
  if (!refusal.why) refusal = check_operand(graph, index, node->inputs[0], result);
  if (!refusal.why) refusal = check_operand(graph, index, node->inputs[1], result);
  return refusal;
}

weft_status WEFT_CALL null_claim(weft_device* device, const weft_graph* from,
                                 const weft_claim_sink* sink, weft_error* error) {
  weft_graph graph;
  weft_status status = null_read_graph(&graph, from, error);
  uint32_t i;
  (void)device;
  for (i = 0; i < graph.node_count && status >= 0; i++) {
    const weft_refusal refusal = null_refusal(&graph, i);
    if (refusal.why) {
      status = sink->decline(sink->ctx, &refusal);
    } else {
      /* A claim is a unit of one or more nodes; a backend with a fused kernel claims several. */
      weft_claim claim;
      memset(&claim, 0, sizeof claim);
      claim.struct_size = (uint32_t)sizeof claim;
      claim.nodes = &i;
      claim.node_count = 1;
      claim.reason = "f32 Add";
      status = sink->add(sink->ctx, &claim);
    }
    if (status < 0)
      return null_fail(error, status, i, "the host refused the answer for node %u", i);
  }
  return status < 0 ? status : WEFT_OK;
}
