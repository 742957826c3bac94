/* program.c - compile one island, execute it.
 *
 * compile() sees nodes and values once and keeps what a run needs: for each node where its operands
 * live, and the constants' bytes. execute() finds the addresses for this run and does the work.
 *
 * Where a value lives (weft_value):
 *
 *   INPUT, OUTPUT   in the view of the same position in weft_execute_args
 *   CONSTANT        in the copy made here
 *   VIEW            inside its parent, `offset` bytes on
 *   otherwise       in the workspace, `offset` bytes on
 *
 * Dims and offsets are numbers or slots: slot s has the value args->slots[s] in this run.
 */
#include <stdlib.h>
#include <string.h>

#include "null.h"

typedef struct place {
  uint32_t flags;    /* WEFT_VALUE_* */
  uint32_t position; /* among the graph's inputs or outputs */
  uint32_t parent;   /* of a view */
  uint32_t rank;
  weft_dim offset;
  weft_dim dims[WEFT_MAX_RANK];
  weft_buffer constant;
} place;

typedef struct step {
  uint32_t operand[2];
  uint32_t result;
} step;

struct weft_program {
  uint32_t step_count, place_count, input_count, output_count, slot_count;
  uint64_t constant_bytes;
  step* steps;
  place* places; /* one per value of the island */
};

/* ---------------------------------------------------------------- compile */

void WEFT_CALL null_program_destroy(weft_program* program) {
  uint32_t i;
  if (!program) return;
  for (i = 0; program->places && i < program->place_count; i++)
    free(program->places[i].constant.bytes);
  free(program->places);
  free(program->steps);
  free(program);
}

/* Copies what a run needs of one value. A device uploads its constants here; with
 * share_constants_with and content_id it can use one upload for several programs. */
static weft_status keep_value(weft_program* program, place* to, const weft_value* value,
                              weft_error* error) {
  to->flags = value->flags;
  to->parent = value->parent;
  to->offset = value->offset;
  to->rank = value->rank <= WEFT_MAX_RANK ? value->rank : 0; /* no operand has more: claim.c */
  if (to->rank) memcpy(to->dims, value->dims, to->rank * sizeof *to->dims);
  if (!(value->flags & WEFT_VALUE_CONSTANT) || !value->data) return WEFT_OK;
  to->constant.bytes = malloc(value->data_size ? value->data_size : 1);
  if (!to->constant.bytes)
    return null_fail(error, WEFT_E_OUT_OF_MEMORY, WEFT_NONE, "no memory for constant '%s'",
                     value->name ? value->name : "");
  if (value->data_size) memcpy(to->constant.bytes, value->data, value->data_size);
  to->constant.size = value->data_size;
  program->constant_bytes += value->data_size;
  return WEFT_OK;
}

static weft_status build(weft_program* program, const weft_graph* graph, weft_error* error) {
  uint32_t i;
  program->step_count = graph->node_count;
  program->place_count = graph->value_count;
  program->input_count = graph->input_count;
  program->output_count = graph->output_count;
  program->slot_count = graph->slot_count;
  program->steps = calloc(graph->node_count ? graph->node_count : 1, sizeof *program->steps);
  program->places = calloc(graph->value_count ? graph->value_count : 1, sizeof *program->places);
  if (!program->steps || !program->places)
    return null_fail(error, WEFT_E_OUT_OF_MEMORY, WEFT_NONE, "no memory for the program");

  for (i = 0; i < graph->value_count; i++) {
    const weft_value* value = WEFT_AT(weft_value, graph->values, graph->value_stride, i);
    const weft_status status = keep_value(program, &program->places[i], value, error);
    if (status < 0) return status;
  }
  for (i = 0; i < graph->input_count; i++) program->places[graph->inputs[i]].position = i;
  for (i = 0; i < graph->output_count; i++) program->places[graph->outputs[i]].position = i;

  for (i = 0; i < graph->node_count; i++) {
    const weft_node* node = WEFT_AT(weft_node, graph->nodes, graph->node_stride, i);
    const weft_refusal refusal = null_refusal(graph, i);
    if (refusal.why) return null_fail(error, WEFT_E_UNSUPPORTED, i, "%s", refusal.why);
    program->steps[i].operand[0] = node->inputs[0];
    program->steps[i].operand[1] = node->inputs[1];
    program->steps[i].result = node->outputs[0];
  }
  return WEFT_OK;
}

weft_status WEFT_CALL null_compile(weft_device* device, const weft_compile_args* from,
                                   weft_program** out, weft_error* error) {
  weft_compile_args args;
  weft_graph graph;
  weft_program* program;
  weft_status status;
  (void)device;
  if (weft_copy_in(&args, (uint32_t)sizeof args, from) < 0)
    return null_fail(error, WEFT_E_UNSUPPORTED, WEFT_NONE,
                     "the compile arguments have fields that are not known");
  if (args.blob)
    return null_fail(error, WEFT_E_STALE_BLOB, WEFT_NONE, "programs are not stored here");
  status = null_read_graph(&graph, args.graph, error);
  if (status < 0) return status;
  program = calloc(1, sizeof *program);
  if (!program) return null_fail(error, WEFT_E_OUT_OF_MEMORY, WEFT_NONE, "no memory for a program");
  status = build(program, &graph, error);
  if (status < 0) {
    null_program_destroy(program);
    return status;
  }
  *out = program;
  return WEFT_OK;
}

weft_status WEFT_CALL null_program_info(weft_program* program, weft_program_info* out,
                                        weft_error* error) {
  weft_program_info info;
  (void)error;
  memset(&info, 0, sizeof info);
  info.flags = WEFT_PROGRAM_DETERMINISTIC;
  info.constant_bytes = program->constant_bytes;
  strcpy(info.blob_key, "null");
  weft_copy_out(out, &info, (uint32_t)sizeof info);
  return WEFT_OK;
}

/* ---------------------------------------------------------------- execute */

static int64_t number(const weft_dim* dim, const weft_execute_args* args) {
  return dim->slot == WEFT_NONE ? dim->value : args->slots[dim->slot];
}

/* A value without a view of its own is row-major and tight. */
static void tight(weft_view* view, const place* at, const weft_execute_args* args) {
  int64_t stride = 1;
  uint32_t i;
  view->dtype = WEFT_F32;
  view->rank = at->rank;
  for (i = at->rank; i > 0; i--) {
    view->shape[i - 1] = number(&at->dims[i - 1], args);
    view->stride[i - 1] = stride;
    /* A product that is not representable fails the range check: no buffer is that large. */
    if (__builtin_mul_overflow(stride, view->shape[i - 1], &stride)) stride = INT64_MAX;
  }
}

/* Where value `index` lives in this run, checked against its buffer. */
static weft_status locate(weft_program* program, uint32_t index, const weft_execute_args* args,
                          weft_view* view, weft_error* error) {
  place* at = &program->places[index];
  uint64_t offset = 0;
  uint32_t depth, i;
  memset(view, 0, sizeof *view);
  tight(view, at, args);
  /* A view of a view: offsets add up. Parents come from the host, so the walk has an end. */
  for (depth = 0; at->flags & WEFT_VALUE_VIEW; depth++) {
    if (at->parent >= program->place_count || depth == program->place_count)
      return null_fail(error, WEFT_E_INVALID, WEFT_NONE, "value %u has no parent", index);
    offset += (uint64_t)number(&at->offset, args);
    at = &program->places[at->parent];
  }
  if (at->flags & (WEFT_VALUE_INPUT | WEFT_VALUE_OUTPUT)) {
    const int input = (at->flags & WEFT_VALUE_INPUT) != 0;
    const weft_view* given =
        WEFT_AT(weft_view, input ? args->inputs : args->outputs, args->view_stride, at->position);
    if (at == &program->places[index]) {
      const weft_view expected = *view;
      *view = *given;
      if (given->dtype != WEFT_F32 || given->rank != expected.rank)
        return null_fail(error, WEFT_E_INVALID, WEFT_NONE, "the view of value %u has another type",
                         index);
      for (i = 0; i < given->rank; i++)
        if (given->shape[i] != expected.shape[i])
          return null_fail(error, WEFT_E_INVALID, WEFT_NONE,
                           "the view of value %u has dim %u = %lld", index, i,
                           (long long)given->shape[i]);
    } else {
      view->buffer = given->buffer;
      view->byte_offset = given->byte_offset + offset;
    }
  } else if (at->flags & WEFT_VALUE_CONSTANT) {
    view->buffer = &at->constant;
    view->byte_offset = offset;
  } else {
    view->buffer = args->workspace;
    view->byte_offset = args->workspace_offset + (uint64_t)number(&at->offset, args) + offset;
  }
  return null_check_view(view, error);
}

static float* row(const weft_view* view, const int64_t* at) {
  int64_t offset = 0;
  uint32_t i;
  for (i = 0; i + 1 < view->rank; i++) offset += at[i] * view->stride[i];
  return (float*)(void*)(view->buffer->bytes + view->byte_offset) + offset;
}

/* The kernel. All three have one shape; the last axis is the inner loop, the others count like an
 * odometer. */
static void add(const weft_view* a, const weft_view* b, const weft_view* sum) {
  int64_t at[WEFT_MAX_RANK] = {0};
  const uint32_t rank = sum->rank;
  const int64_t n = rank ? sum->shape[rank - 1] : 1;
  const int64_t step_a = rank ? a->stride[rank - 1] : 0, step_b = rank ? b->stride[rank - 1] : 0;
  const int64_t step_sum = rank ? sum->stride[rank - 1] : 0;
  uint32_t axis;
  for (axis = 0; axis < rank; axis++)
    if (sum->shape[axis] == 0) return;
  for (;;) {
    const float *x = row(a, at), *y = row(b, at);
    float* z = row(sum, at);
    int64_t i;
    for (i = 0; i < n; i++) z[i * step_sum] = x[i * step_a] + y[i * step_b];
    for (axis = rank ? rank - 1 : 0; axis > 0; axis--) {
      if (++at[axis - 1] < sum->shape[axis - 1]) break;
      at[axis - 1] = 0;
    }
    if (axis == 0) return;
  }
}

/* All addresses of a node are found before it runs, so nothing is written outside a buffer. */
static weft_status run(weft_program* program, const weft_execute_args* args, weft_error* error) {
  uint32_t i;
  for (i = 0; i < program->step_count; i++) {
    const step* now = &program->steps[i];
    weft_view a, b, sum;
    weft_status status = locate(program, now->operand[0], args, &a, error);
    if (status >= 0) status = locate(program, now->operand[1], args, &b, error);
    if (status >= 0) status = locate(program, now->result, args, &sum, error);
    if (status < 0) return status;
    add(&a, &b, &sum);
  }
  return WEFT_OK;
}

weft_status WEFT_CALL null_execute(weft_queue* queue, const weft_execute_args* from,
                                   weft_event** done, weft_error* error) {
  weft_execute_args args;
  weft_program* program;
  weft_status status;
  (void)queue;
  if (weft_copy_in(&args, (uint32_t)sizeof args, from) < 0)
    return null_fail(error, WEFT_E_UNSUPPORTED, WEFT_NONE,
                     "the execute arguments have fields that are not known");
  program = args.program;
  if (args.input_count != program->input_count || args.output_count != program->output_count ||
      args.view_stride < sizeof(weft_view) || (program->slot_count && !args.slots))
    return null_fail(error, WEFT_E_INVALID, WEFT_NONE,
                     "%u inputs, %u outputs and slots are needed, %u and %u are given",
                     program->input_count, program->output_count, args.input_count,
                     args.output_count);
  status = null_wait_all(args.waits, args.wait_count);
  if (status >= 0) {
    /* A wrong argument is the caller's to know at once; it is not the event that fails. */
    status = run(program, &args, error);
    if (status < 0) return status;
  }
  return null_new_event(done, status, error);
}
