/* null.h - the objects of the null backend, and what its files share.
 *
 * Read the files in this order; it is the order in which a new backend is written:
 *
 *   plugin.c    who am I: entry, version, table, the device
 *   claim.c     what can I run: one function decides, for claim() and compile() alike
 *   memory.c    buffers, mapping them for the host, copies
 *   event.c     queues and events: order, waiting, failing
 *   program.c   compile an island, execute it
 *
 * weft/plugin.h leaves the handles opaque, so each backend defines these structs as it likes.
 */
#ifndef WEFT_NULL_H_
#define WEFT_NULL_H_
#include <weft/plugin.h>

struct weft_plugin {
  const weft_host* host; /* the host's services, valid until shutdown() returns */
};

/* A real device holds its context, its driver handles, its kernels. */
struct weft_device {
  weft_plugin* plugin;
};

/* Work runs inside execute() here, so a queue has nothing to hold. A real one holds a command
 * queue. */
struct weft_queue {
  weft_device* device;
};

/* `bytes` stands for device memory: only this backend touches it, the host goes through map(). */
struct weft_buffer {
  unsigned char* bytes;
  uint64_t size;
};

/* Fills `error` (which may be NULL, or shorter than ours) and returns `status`, so that a failing
 * function ends in one line. `node` is a node index or WEFT_NONE. */
weft_status null_fail(weft_error* error, weft_status status, uint32_t node, const char* format,
                      ...);

/* Bytes of one element, or 0 for types packed below a byte and unknown ones. */
uint32_t null_element_size(weft_dtype dtype);

/* A graph struct of the host in ours, with its arrays checked: see claim.c. */
weft_status null_read_graph(weft_graph* graph, const weft_graph* from, weft_error* error);
/* Why node `index` cannot run here, or WEFT_REFUSE_OTHER with why == NULL when it can. */
weft_refusal null_refusal(const weft_graph* graph, uint32_t index);

/* Whether `view` lies in its buffer and has the strides and rank a view may have. */
weft_status null_check_view(const weft_view* view, weft_error* error);

/* An event that is done with `status`; WEFT_PENDING makes one that is not done yet. */
weft_status null_new_event(weft_event** out, weft_status status, weft_error* error);
/* Blocks until all are done: WEFT_OK, or the first error among them. */
weft_status null_wait_all(weft_event* const* waits, uint32_t count);

/* ---- the table's functions, one declaration per entry the backend has ---- */
weft_status WEFT_CALL null_claim(weft_device*, const weft_graph*, const weft_claim_sink*,
                                 weft_error*);

weft_status WEFT_CALL null_buffer_alloc(weft_device*, const weft_buffer_desc*, weft_buffer**,
                                        weft_error*);
void WEFT_CALL null_buffer_free(weft_buffer*);
weft_status WEFT_CALL null_buffer_map(weft_buffer*, uint64_t, uint64_t, uint32_t, void**,
                                      weft_error*);
weft_status WEFT_CALL null_buffer_unmap(weft_buffer*, void*, weft_error*);
weft_status WEFT_CALL null_copy(weft_queue*, const weft_view*, const weft_view*, weft_event* const*,
                                uint32_t, weft_event**, weft_error*);

weft_status WEFT_CALL null_queue_create(weft_device*, const weft_queue_desc*, weft_queue**,
                                        weft_error*);
void WEFT_CALL null_queue_destroy(weft_queue*);
weft_status WEFT_CALL null_event_create(weft_device*, weft_event**, weft_error*);
weft_status WEFT_CALL null_event_signal(weft_event*, weft_status, weft_error*);
weft_status WEFT_CALL null_event_wait(weft_event*, uint64_t, weft_error*);
weft_status WEFT_CALL null_event_on_done(weft_event*, void(WEFT_CALL*)(void*, weft_status), void*,
                                         weft_error*);
void WEFT_CALL null_event_destroy(weft_event*);

weft_status WEFT_CALL null_compile(weft_device*, const weft_compile_args*, weft_program**,
                                   weft_error*);
weft_status WEFT_CALL null_program_info(weft_program*, weft_program_info*, weft_error*);
void WEFT_CALL null_program_destroy(weft_program*);
weft_status WEFT_CALL null_execute(weft_queue*, const weft_execute_args*, weft_event**,
                                   weft_error*);
#endif
