/* event.c - queues and events.
 *
 *   PENDING --work ends, or event_signal()--> DONE (status 0) or POISONED (status < 0), for ever
 *
 * The host builds its schedule from events: execute() takes the events it must wait for and returns
 * the one that says it is done. An error travels along: whoever waits for a poisoned event is
 * poisoned with the same status and does not run.
 *
 * This backend works inside execute(), so its own events are born done. Only an event the host
 * makes (event_create) is ever pending; it carries what other devices finish. A GPU backend keeps a
 * fence or a cl_event here.
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "null.h"

typedef struct callback {
  void(WEFT_CALL* fn)(void*, weft_status);
  void* argument;
  struct callback* next;
} callback;

/* Two kinds of owner share an event: the host's handle, and threads that are inside wait(). The
 * last one to leave frees it, so the host may destroy an event that somebody waits for. */
struct weft_event {
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  weft_status status; /* WEFT_PENDING until done */
  uint32_t owners;
  callback* callbacks;
};

weft_status null_new_event(weft_event** out, weft_status status, weft_error* error) {
  pthread_condattr_t attributes;
  weft_event* event = malloc(sizeof *event);
  if (!event) return null_fail(error, WEFT_E_OUT_OF_MEMORY, WEFT_NONE, "no memory for an event");
  (void)pthread_condattr_init(&attributes);
  (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  (void)pthread_cond_init(&event->changed, &attributes);
  (void)pthread_condattr_destroy(&attributes);
  (void)pthread_mutex_init(&event->mutex, NULL);
  event->status = status;
  event->owners = 1;
  event->callbacks = NULL;
  *out = event;
  return WEFT_OK;
}

/* Called with the mutex held; releases it. */
static void leave(weft_event* event) {
  const int last = --event->owners == 0;
  (void)pthread_mutex_unlock(&event->mutex);
  if (!last) return;
  while (event->callbacks) {
    callback* next = event->callbacks->next;
    free(event->callbacks);
    event->callbacks = next;
  }
  (void)pthread_cond_destroy(&event->changed);
  (void)pthread_mutex_destroy(&event->mutex);
  free(event);
}

void WEFT_CALL null_event_destroy(weft_event* event) {
  if (!event) return;
  (void)pthread_mutex_lock(&event->mutex);
  leave(event);
}

weft_status WEFT_CALL null_event_create(weft_device* device, weft_event** out, weft_error* error) {
  (void)device;
  return null_new_event(out, WEFT_PENDING, error);
}

weft_status WEFT_CALL null_event_signal(weft_event* event, weft_status result, weft_error* error) {
  callback* waiting;
  (void)pthread_mutex_lock(&event->mutex);
  if (event->status != WEFT_PENDING || result > 0) {
    (void)pthread_mutex_unlock(&event->mutex);
    return null_fail(error, WEFT_E_INVALID, WEFT_NONE,
                     "an event is signalled once, with WEFT_OK or an error");
  }
  event->status = result;
  waiting = event->callbacks;
  event->callbacks = NULL;
  (void)pthread_cond_broadcast(&event->changed);
  (void)pthread_mutex_unlock(&event->mutex);
  /* Outside the lock: a callback may use, and even destroy, the event. */
  while (waiting) {
    callback* next = waiting->next;
    waiting->fn(waiting->argument, result);
    free(waiting);
    waiting = next;
  }
  return WEFT_OK;
}

weft_status WEFT_CALL null_event_wait(weft_event* event, uint64_t timeout_ns, weft_error* error) {
  struct timespec until;
  weft_status status;
  int waited = 0;
  const int forever = timeout_ns / 1000000000u > INT32_MAX; /* beyond what a clock can say */
  (void)pthread_mutex_lock(&event->mutex);
  event->owners++;
  if (event->status == WEFT_PENDING && timeout_ns && !forever) {
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    timeout_ns += (uint64_t)until.tv_nsec;
    until.tv_sec += (time_t)(timeout_ns / 1000000000u);
    until.tv_nsec = (long)(timeout_ns % 1000000000u);
  }
  while (event->status == WEFT_PENDING && timeout_ns && waited != ETIMEDOUT)
    waited = forever ? pthread_cond_wait(&event->changed, &event->mutex)
                     : pthread_cond_timedwait(&event->changed, &event->mutex, &until);
  status = event->status;
  leave(event);
  if (status < 0)
    return null_fail(error, status, WEFT_NONE, "the work behind the event failed (status %d)",
                     (int)status);
  return status;
}

weft_status WEFT_CALL null_event_on_done(weft_event* event, void(WEFT_CALL* fn)(void*, weft_status),
                                         void* argument, weft_error* error) {
  weft_status status;
  callback* added = malloc(sizeof *added);
  if (!added) return null_fail(error, WEFT_E_OUT_OF_MEMORY, WEFT_NONE, "no memory for a callback");
  added->fn = fn;
  added->argument = argument;
  (void)pthread_mutex_lock(&event->mutex);
  status = event->status;
  if (status == WEFT_PENDING) {
    added->next = event->callbacks;
    event->callbacks = added;
  }
  (void)pthread_mutex_unlock(&event->mutex);
  if (status != WEFT_PENDING) {
    free(added);
    fn(argument, status);
  }
  return WEFT_OK;
}

weft_status null_wait_all(weft_event* const* waits, uint32_t count) {
  weft_status first = WEFT_OK;
  uint32_t i;
  for (i = 0; i < count; i++) {
    const weft_status status = null_event_wait(waits[i], UINT64_MAX, NULL);
    if (status < 0 && first >= 0) first = status;
  }
  return first;
}

weft_status WEFT_CALL null_queue_create(weft_device* device, const weft_queue_desc* from,
                                        weft_queue** out, weft_error* error) {
  weft_queue_desc desc;
  weft_queue* queue;
  if (weft_copy_in(&desc, (uint32_t)sizeof desc, from) < 0)
    return null_fail(error, WEFT_E_UNSUPPORTED, WEFT_NONE,
                     "the queue description has fields that are not known");
  queue = malloc(sizeof *queue);
  if (!queue) return null_fail(error, WEFT_E_OUT_OF_MEMORY, WEFT_NONE, "no memory for a queue");
  queue->device = device;
  *out = queue;
  return WEFT_OK;
}

/* A queue drains before it dies; here nothing is ever left in it. */
void WEFT_CALL null_queue_destroy(weft_queue* queue) { free(queue); }
