/* memory.c - buffers, mapping them for the host, and copies between them.
 *
 * The host asks for few, large buffers and places values in them itself; what arrives later are
 * views (buffer, byte offset, shape, strides). A GPU backend allocates device memory in alloc(),
 * and makes map() invalidate and unmap() flush. Here both sides see the same bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "null.h"

uint32_t null_element_size(weft_dtype dtype) {
  switch (dtype) {
    case WEFT_U8:
    case WEFT_I8:
    case WEFT_BOOL:
      return 1;
    case WEFT_U16:
    case WEFT_I16:
    case WEFT_F16:
    case WEFT_BF16:
      return 2;
    case WEFT_F32:
    case WEFT_I32:
    case WEFT_U32:
      return 4;
    case WEFT_F64:
    case WEFT_I64:
    case WEFT_U64:
      return 8;
    default:
      return 0;
  }
}

weft_status WEFT_CALL null_buffer_alloc(weft_device* device, const weft_buffer_desc* from,
                                        weft_buffer** out, weft_error* error) {
  weft_buffer_desc desc;
  weft_buffer* buffer;
  (void)device;
  if (weft_copy_in(&desc, (uint32_t)sizeof desc, from) < 0)
    return null_fail(error, WEFT_E_UNSUPPORTED, WEFT_NONE,
                     "the buffer description has fields that are not known");
  if (desc.memory_kind & ~(WEFT_MEM_HOST_VISIBLE | WEFT_MEM_HOST_COHERENT))
    return null_fail(error, WEFT_E_UNSUPPORTED, WEFT_NONE, "memory kind %u is not offered",
                     desc.memory_kind);
  buffer = malloc(sizeof *buffer);
  if (buffer) buffer->bytes = desc.size > SIZE_MAX / 2 ? NULL : malloc(desc.size ? desc.size : 1);
  if (!buffer || !buffer->bytes) {
    free(buffer);
    return null_fail(error, WEFT_E_OUT_OF_MEMORY, WEFT_NONE, "no memory for a buffer of %llu bytes",
                     (unsigned long long)desc.size);
  }
  buffer->size = desc.size;
  *out = buffer;
  return WEFT_OK;
}

void WEFT_CALL null_buffer_free(weft_buffer* buffer) {
  if (!buffer) return;
  free(buffer->bytes);
  free(buffer);
}

weft_status WEFT_CALL null_buffer_map(weft_buffer* buffer, uint64_t offset, uint64_t size,
                                      uint32_t mode, void** out, weft_error* error) {
  (void)mode;
  /* Written so that no sum can wrap around. */
  if (offset > buffer->size || size > buffer->size - offset)
    return null_fail(
        error, WEFT_E_INVALID, WEFT_NONE, "bytes %llu and %llu more are outside a buffer of %llu",
        (unsigned long long)offset, (unsigned long long)size, (unsigned long long)buffer->size);
  *out = buffer->bytes + offset;
  return WEFT_OK;
}

weft_status WEFT_CALL null_buffer_unmap(weft_buffer* buffer, void* pointer, weft_error* error) {
  (void)buffer;
  (void)pointer;
  (void)error;
  return WEFT_OK;
}

weft_status null_check_view(const weft_view* view, weft_error* error) {
  const uint64_t element = null_element_size(view->dtype);
  uint64_t room, last = 0; /* in elements: how many fit, and the index of the last one */
  uint32_t i;
  if (!view->buffer || !element || view->rank > WEFT_MAX_RANK || view->byte_offset % element)
    return null_fail(error, WEFT_E_INVALID, WEFT_NONE,
                     "a view lacks a buffer, has an unusable dtype (%u) or rank (%u), or is not "
                     "aligned to its elements",
                     view->dtype, view->rank);
  room = view->byte_offset > view->buffer->size
             ? 0
             : (view->buffer->size - view->byte_offset) / element;
  for (i = 0; i < view->rank; i++)
    if (view->shape[i] == 0) return WEFT_OK; /* nothing is touched */
  for (i = 0; i < view->rank; i++) {
    uint64_t steps, stride;
    if (view->shape[i] < 0 || view->stride[i] < 0)
      return null_fail(error, WEFT_E_INVALID, WEFT_NONE, "a view has a negative dim or stride");
    steps = (uint64_t)view->shape[i] - 1;
    stride = (uint64_t)view->stride[i];
    if (steps && stride > (room - last) / steps)
      last = room; /* past the end: reported below */
    else
      last += steps * stride;
  }
  if (last >= room)
    return null_fail(error, WEFT_E_INVALID, WEFT_NONE,
                     "a view at byte %llu ends outside its buffer of %llu bytes",
                     (unsigned long long)view->byte_offset, (unsigned long long)view->buffer->size);
  return WEFT_OK;
}

/* Copies one row after another; strides make this a gather and a scatter at once. */
static void copy_elements(const weft_view* from, const weft_view* to, uint32_t element) {
  int64_t at[WEFT_MAX_RANK] = {0};
  uint32_t i;
  for (i = 0; i < from->rank; i++)
    if (from->shape[i] == 0) return;
  for (;;) {
    uint64_t source = from->byte_offset, target = to->byte_offset;
    for (i = 0; i < from->rank; i++) {
      source += (uint64_t)(at[i] * from->stride[i]) * element;
      target += (uint64_t)(at[i] * to->stride[i]) * element;
    }
    memcpy(to->buffer->bytes + target, from->buffer->bytes + source, element);
    for (i = from->rank; i > 0; i--) {
      if (++at[i - 1] < from->shape[i - 1]) break;
      at[i - 1] = 0;
    }
    if (i == 0) return;
  }
}

weft_status WEFT_CALL null_copy(weft_queue* queue, const weft_view* from, const weft_view* to,
                                weft_event* const* waits, uint32_t wait_count, weft_event** done,
                                weft_error* error) {
  weft_status status = null_check_view(from, error);
  uint32_t i;
  (void)queue;
  if (status >= 0) status = null_check_view(to, error);
  if (status < 0) return status;
  if (from->dtype != to->dtype || from->rank != to->rank)
    return null_fail(error, WEFT_E_INVALID, WEFT_NONE, "a copy keeps dtype and rank");
  for (i = 0; i < from->rank; i++)
    if (from->shape[i] != to->shape[i])
      return null_fail(error, WEFT_E_INVALID, WEFT_NONE, "a copy keeps dim %u", i);
  status = null_wait_all(waits, wait_count);
  if (status >= 0) copy_elements(from, to, null_element_size(from->dtype));
  return null_new_event(done, status, error);
}
