/* weft/plugin.h - the contract between Weft and a backend plugin. ABI 0.9: minors may still break.
 *
 *   note in the file --> dlopen --> weft_plugin_entry --> PLUGIN
 *   PLUGIN --device_open--> DEVICE --claim (may I have these nodes?)--> the host decides islands
 *   DEVICE --compile (one island)--> PROGRAM --execute on a QUEUE--> EVENT (done, or poisoned)
 *
 * The host plans all memory a graph needs and says in the graph where each value lives
 * (weft_value.parent, .offset): a plugin without a memory planner is complete.
 *
 * Shapes cross as constants or as slots of an int64 table that the host fills before each run
 * (weft_dim, weft_execute_args.slots): a plugin needs no algebra.
 *
 * Pure C99; needs <stdint.h> and <stddef.h> only. Rules, each with a conformance case:
 *  R1  One exported symbol: WEFT_ENTRY_SYMBOL. Everything else is reached through tables.
 *  R2  No C enum, bool, long, size_t, bit-field, union or by-value struct crosses the boundary;
 *      enums are uint32_t constants, and a reader tolerates values it does not know. No struct
 *      has implicit padding (-Wpadded clean), so sizeof() grows with every appended field.
 *  R3  An extensible struct begins with uint32_t struct_size = the WRITER's sizeof. A missing tail
 *      reads as zero, and zero always means "as before the field existed". Nobody reads or writes
 *      past the other side's struct_size. In an input, an unknown NON-zero tail is
 *      WEFT_E_UNSUPPORTED. A larger size alone is never an error. For an out struct the caller sets
 *      struct_size and the callee leaves it as it is.
 *  R4  Arrays of structs that may grow carry a stride: walk them with WEFT_AT(). The rest (weft_kv,
 *      weft_dim) never change.
 *  R5  Handles are opaque and die by the matching *_destroy, *_free or *_close of the side that
 *      made them; all of these accept NULL. Neither side frees the other's memory. Strings are
 *      UTF-8 and NUL-terminated. A pointer passed INTO a call is borrowed until it returns unless
 *      stated. Children die before their parent: plugin > device > queue, buffer, program, event.
 *  R6  Nothing may throw, longjmp or abort across the boundary; a plugin leaves signal handlers,
 *      locale, environment and working directory of the process alone.
 *  R7  Each function is marked: [any] any thread, concurrently; [dev] the host serialises calls
 *      per device; [obj] the host serialises calls per object.
 *  R8  On error every out-parameter stays untouched (the weft_error is filled).
 *  R9  No work in static constructors.
 *  R10 A NULL table entry marked [may] means "absent", and the host does without; [must] entries
 *      are checked at loading. WEFT_E_UNSUPPORTED is never fatal to the host.
 */
#ifndef WEFT_PLUGIN_H_
#define WEFT_PLUGIN_H_
#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32)
#define WEFT_CALL __cdecl
#define WEFT_EXPORT __declspec(dllexport)
#else
#define WEFT_CALL
#define WEFT_EXPORT __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define WEFT_VERSION_MAJOR 0u
#define WEFT_VERSION_MINOR 9u
#define WEFT_MAX_RANK 8u
#define WEFT_NONE 0xFFFFFFFFu /* no index: an absent input, no parent, no slot */
/* Is member m of *p (of struct type T) present and non-zero, given the size its writer declared? */
#define WEFT_HAS(T, p, m) ((size_t)(p)->struct_size >= offsetof(T, m) + sizeof((p)->m) && (p)->m)
#define WEFT_AT(type, base, stride, i) \
  ((const type*)(const void*)((const char*)(base) + (size_t)(stride) * (size_t)(i)))
typedef char weft_requires_64_bit_pointers[sizeof(void*) == 8 ? 1 : -1];

/* ---------------------------------------------------------------- status and errors */
typedef int32_t weft_status; /* 0 ok, >0 informative, <0 error. Unknown negatives = failure. */
#define WEFT_OK 0
#define WEFT_PENDING 1            /* event not complete, or the wait timed out */
#define WEFT_E_INVALID (-1)       /* the host broke the contract: a bug in the host */
#define WEFT_E_UNSUPPORTED (-2)   /* not implemented; the host falls back, never fatal */
#define WEFT_E_VERSION (-3)       /* no common ABI version */
#define WEFT_E_OUT_OF_MEMORY (-4) /* the host may evict and retry */
#define WEFT_E_DEVICE_LOST (-5)   /* every object of the device is poisoned; reopen */
#define WEFT_E_STALE_BLOB (-6)    /* recompile; not an error for the user */
#define WEFT_E_CANCELLED (-7)     /* the work was given up on request */
#define WEFT_E_IO (-8)            /* a file or a writer of the host failed */
#define WEFT_E_BUSY (-9)          /* the threads are in use */
#define WEFT_E_INTERNAL (-100)    /* a bug in the plugin */

/* Error detail, owned by the caller and passed as the last argument; it may be NULL. A callee fills
 * it only when it returns an error, and never past struct_size. */
typedef struct weft_error {
  uint32_t struct_size;
  weft_status status;
  int64_t vendor_code; /* cl_int, VkResult, errno ... */
  uint32_t node;       /* offending node index or WEFT_NONE */
  uint32_t reserved0;
  char message[488]; /* truncated UTF-8 */
} weft_error;

/* R3 as code. in: copies a peer's struct into ours; a missing tail becomes zero, an unknown
 * non-zero tail is refused. out: writes ours into the peer's struct, never past its size. `in`
 * keeps the writer's struct_size, so that WEFT_HAS works on the copy; `out` keeps the reader's. */
static inline weft_status weft_copy_in(void* dst, uint32_t dst_size, const void* src) {
  const unsigned char* s = (const unsigned char*)src;
  unsigned char* d = (unsigned char*)dst;
  const uint32_t n = *(const uint32_t*)src;
  uint32_t i;
  for (i = dst_size; i < n; i++)
    if (s[i]) return WEFT_E_UNSUPPORTED;
  for (i = 0; i < dst_size; i++) d[i] = i < n ? s[i] : 0;
  return WEFT_OK;
}
static inline void weft_copy_out(void* dst, const void* src, uint32_t src_size) {
  const unsigned char* s = (const unsigned char*)src;
  unsigned char* d = (unsigned char*)dst;
  const uint32_t n = *(const uint32_t*)dst;
  uint32_t i;
  for (i = (uint32_t)sizeof(uint32_t); i < n; i++) d[i] = i < src_size ? s[i] : 0;
}

typedef struct weft_kv {
  const char* key;
  const char* value;
} weft_kv;

/* ---------------------------------------------------------------- element types, quantisation */
typedef uint32_t weft_dtype; /* 1..127 = ONNX TensorProto.DataType; 128..255 ours */
#define WEFT_F32 1u
#define WEFT_U8 2u
#define WEFT_I8 3u
#define WEFT_U16 4u
#define WEFT_I16 5u
#define WEFT_I32 6u
#define WEFT_I64 7u
#define WEFT_BOOL 9u
#define WEFT_F16 10u
#define WEFT_F64 11u
#define WEFT_U32 12u
#define WEFT_U64 13u
#define WEFT_BF16 16u
#define WEFT_U4 21u
#define WEFT_I4 22u
#define WEFT_F4_E2M1 23u
#define WEFT_F4_E0M4 240u /* no exponent bits, 4 mantissa bits: q decodes to 16 + q */

#define WEFT_Q_NONE 0u
#define WEFT_Q_AFFINE 1u   /* real = (code - zero) * scale      */
#define WEFT_Q_CODEBOOK 2u /* real = codebook[code] * scale     */

/* Order of a constant's elements in memory. Rows are tight unless a quant descriptor pads them. */
#define WEFT_ROW_MAJOR 0u
#define WEFT_COLUMN_MAJOR 1u /* rank 2 only: [K, N] is stored as [N][K] */

/* Quantisation of one constant. The value's dtype stays the real one (f32), so that "MatMul" means
 * MatMul whatever its weights are made of. Codes are stored row after row of the storage order,
 * each row padded to whole blocks; 4-bit codes are packed two to a byte, low nibble first. scale
 * and zero point are constants [rows, blocks in a row] in that order. The host folds
 * DequantizeLinear, MatMulNBits and the like into this descriptor once, so no backend matches such
 * patterns again. */
typedef struct weft_quant {
  uint32_t struct_size;
  uint32_t scheme;
  weft_dtype storage;        /* of one code                                                  */
  uint32_t block;            /* elements per scale along the contiguous axis; 0 = a whole row */
  uint32_t scale_value;      /* value index of the scale constant                            */
  uint32_t zero_point_value; /* value index (dtype f32 or u8), or WEFT_NONE: `zero` everywhere */
  uint32_t codebook_value;   /* value index or WEFT_NONE                                     */
  uint32_t reserved0;
  double zero;
} weft_quant;

/* ---------------------------------------------------------------- graph view (read-only POD) */
/* A number that is fixed, or that the host writes into slot `slot` before each run. */
typedef struct weft_dim {
  int64_t value; /* when slot == WEFT_NONE */
  uint32_t slot;
  uint32_t reserved0;
} weft_dim;

/* What a slot holds, for printing and for sizing: its values stay within [min, max]. */
typedef struct weft_slot {
  const char* expr; /* "past + seq", for people */
  int64_t min, max; /* max -1 = unbounded       */
} weft_slot;

#define WEFT_VALUE_INPUT 1u     /* of the graph; lives where weft_execute_args.inputs says     */
#define WEFT_VALUE_OUTPUT 2u    /* of the graph; lives where weft_execute_args.outputs says    */
#define WEFT_VALUE_CONSTANT 4u  /* `data` holds it                                             */
#define WEFT_VALUE_STATE 8u     /* an input that is written in place: a KV cache               */
#define WEFT_VALUE_VIEW 16u     /* lives inside `parent`, from `offset` on                     */
#define WEFT_VALUE_CONTENTS 32u /* a small integer tensor known as `contents`; it has no memory */
typedef struct weft_value {
  const char* name;
  weft_dtype dtype;
  uint32_t rank;
  const weft_dim* dims;
  const weft_quant* quant; /* NULL = none */
  uint32_t flags;
  uint32_t order; /* WEFT_ROW_MAJOR, WEFT_COLUMN_MAJOR */
  /* Where an activation lives: with WEFT_VALUE_VIEW in the value `parent`, else (parent WEFT_NONE)
   * in the workspace from byte `offset` on, row-major, tight (-1: nowhere, within a unit). Views of
   * one parent overlap on purpose: who reads one runs after who wrote the other, in node order. */
  uint32_t parent;
  uint32_t contents_count;
  weft_dim offset; /* bytes */
  const weft_dim* contents;
  /* constants only: borrowed until compile() returns, or until program_destroy() if the plugin
   * set WEFT_PROGRAM_KEEPS_CONSTANTS. fd >= 0 lets a plugin import or mmap instead of copying. */
  const void* data;
  uint64_t data_size;
  uint64_t fd_offset;
  uint64_t content_id[2]; /* equal ids, equal bytes: key for sharing between programs and values */
  int32_t fd;
  uint32_t reserved0;
} weft_value;

#define WEFT_ATTR_FLOAT 1u
#define WEFT_ATTR_INT 2u
#define WEFT_ATTR_STRING 3u
#define WEFT_ATTR_FLOATS 6u
#define WEFT_ATTR_INTS 7u
typedef struct weft_attr {
  const char* name;
  uint32_t type;
  uint32_t count;
  const void* data; /* float[], int64_t[] or const char* */
} weft_attr;

typedef struct weft_node {
  const char* name;
  const char* domain; /* "" = ai.onnx */
  const char* op_type;
  uint32_t since_version; /* opset whose semantics the node has */
  uint32_t unit;          /* compile: nodes of one claim share it. claim: WEFT_NONE */
  const uint32_t* inputs; /* value indices, WEFT_NONE = absent optional */
  const uint32_t* outputs;
  const weft_attr* attrs;
  uint32_t input_count, output_count, attr_count, attr_stride;
} weft_node;

typedef struct weft_graph {
  uint32_t struct_size;
  uint32_t node_count, node_stride;
  uint32_t value_count, value_stride;
  uint32_t slot_count, slot_stride;
  uint32_t input_count, output_count;
  uint32_t reserved0;
  const weft_node* nodes; /* topological order */
  const weft_value* values;
  const weft_slot* slots;
  const uint32_t* inputs;
  const uint32_t* outputs;
  const char* name;
} weft_graph;

/* ---------------------------------------------------------------- claims
 * A claim is a unit: nodes that the plugin runs as one. Values between nodes of one unit get no
 * memory. The host joins neighbouring units of one device into an island, which compile() sees. */
/* One program at fixed shapes, as an NPU needs: compile() and execute() see every dim at the upper
 * bound of its slot (weft_compile_args.slots). A run may be shorter. Its values lie tight from the
 * start of their places, rows (the last axis) whole; what follows them may be anything, and what is
 * computed from it is not read. So only nodes whose result has every row from the same row of their
 * inputs, counted over all leading axes, may be claimed so; rows must have a fixed length. */
#define WEFT_CLAIM_NEEDS_STATIC_SHAPES 1u
#define WEFT_CLAIM_WANTS_CONSTANTS 2u /* weights must be constants of the island */
#define WEFT_CLAIM_PRIVATE_MEMORY 4u  /* values inside an island live in the plugin's memory */
typedef struct weft_claim {
  uint32_t struct_size;
  uint32_t flags;
  const uint32_t* nodes; /* must be convex; the host verifies and may split or refuse */
  uint32_t node_count;
  uint32_t pattern;     /* plugin-chosen id, shown in traces */
  uint64_t est_time_ns; /* 0 = unknown; used by the scheduler (chunk prefill, overlap) */
  uint64_t est_workspace;
  const char* reason; /* shown by `weft explain` */
} weft_claim;

/* Why a node is not claimed: a code a program can group by, and a sentence for people. */
#define WEFT_REFUSE_OTHER 0u
#define WEFT_REFUSE_OP 1u        /* the plugin has no such op */
#define WEFT_REFUSE_DTYPE 2u     /* `value` has a dtype it lacks */
#define WEFT_REFUSE_RANK 3u      /* `value` has a rank it lacks */
#define WEFT_REFUSE_SHAPE 4u     /* `value` has dims it lacks */
#define WEFT_REFUSE_ATTRIBUTE 5u /* `what` names the attribute */
#define WEFT_REFUSE_QUANT 6u     /* `value` is quantised in a way it lacks */
#define WEFT_REFUSE_LIMIT 7u     /* `what` names it: found > limit */
#define WEFT_REFUSE_DYNAMIC 8u   /* it needs static shapes */
typedef struct weft_refusal {
  uint32_t struct_size;
  uint32_t node;
  uint32_t code;
  uint32_t value;   /* value index at issue, or WEFT_NONE */
  const char* what; /* attribute or limit by name, or NULL */
  const char* why;  /* one sentence */
  int64_t found, limit;
} weft_refusal;
typedef struct weft_claim_sink { /* host-implemented */
  uint32_t struct_size;
  uint32_t reserved0;
  void* ctx;
  weft_status(WEFT_CALL* add)(void* ctx, const weft_claim* claim);
  weft_status(WEFT_CALL* decline)(void* ctx, const weft_refusal* refusal);
} weft_claim_sink;

/* ---------------------------------------------------------------- objects */
typedef struct weft_plugin weft_plugin;
typedef struct weft_device weft_device;
typedef struct weft_queue weft_queue;
typedef struct weft_program weft_program;
typedef struct weft_buffer weft_buffer;
typedef struct weft_event weft_event;

#define WEFT_DEV_CPU 1u
#define WEFT_DEV_GPU 2u
#define WEFT_DEV_NPU 3u
#define WEFT_MEM_HOST_VISIBLE 1u
#define WEFT_MEM_HOST_COHERENT 2u
#define WEFT_MEM_DEVICE_LOCAL 4u
#define WEFT_MEM_HOST_CACHED 8u
typedef struct weft_device_info {
  uint32_t struct_size;
  uint32_t type;
  char name[96];
  char driver[96];  /* part of the blob key */
  uint8_t uuid[16]; /* same GPU through OpenCL and Vulkan = same uuid -> zero-copy candidates */
  uint64_t memory_total, memory_free;
  uint64_t max_buffer;
  uint32_t buffer_alignment; /* offset alignment of sub-tensor views */
  uint32_t memory_kinds;     /* WEFT_MEM_* combinations it can allocate */
  uint32_t queue_count, priority_levels;
  uint64_t dtypes_compute[4]; /* bit set over weft_dtype < 256 */
} weft_device_info;

typedef struct weft_queue_desc {
  uint32_t struct_size;
  int32_t priority; /* -1 low (UI-friendly), 0 normal, 1 high; best effort */
  uint32_t flags;   /* 1 = out-of-order allowed */
  uint32_t reserved0;
} weft_queue_desc;

typedef struct weft_buffer_desc {
  uint32_t struct_size;
  uint32_t memory_kind;
  uint64_t size;
  const char* debug_name;
} weft_buffer_desc;

/* Sub-tensor view: KV append = a view at `past` rows; no copy. Strides in elements. */
typedef struct weft_view {
  weft_buffer* buffer;
  uint64_t byte_offset;
  weft_dtype dtype;
  uint32_t rank;
  int64_t shape[8];
  int64_t stride[8];
} weft_view;

typedef struct weft_compile_args {
  uint32_t struct_size;
  uint32_t pattern;
  const weft_graph* graph; /* the island, self-contained */
  /* One per slot, for a program at fixed shapes: the value it has in every run, or -1 for a slot
   * that no value of the island names. NULL = all dynamic. */
  const int64_t* slots;
  const weft_kv* options;
  uint32_t option_count;
  uint32_t reserved0;
  /* What program_save() once wrote for the same island, or NULL; 64-byte aligned, readable until
   * program_destroy(). The plugin may use it in place. WEFT_E_STALE_BLOB asks for a compile
   * without. */
  const void* blob;
  uint64_t blob_size;
  weft_program* share_constants_with; /* chunk programs of one partition: upload weights once */
} weft_compile_args;

#define WEFT_BLOB_OPTIMAL 0u
#define WEFT_BLOB_USABLE 1u
#define WEFT_BLOB_STALE 2u
#define WEFT_BLOB_FOREIGN 3u

#define WEFT_PROGRAM_KEEPS_CONSTANTS 1u
#define WEFT_PROGRAM_DETERMINISTIC 2u
typedef struct weft_program_info {
  uint32_t struct_size;
  uint32_t flags;
  uint64_t scratch_bytes; /* beyond the values' own memory; the host passes it at execute */
  uint64_t constant_bytes;
  uint64_t est_time_ns;
  char blob_key[128]; /* driver+arch+compiler identity; printable */
} weft_program_info;

typedef struct weft_writer { /* host-implemented */
  uint32_t struct_size;
  uint32_t reserved0;
  void* ctx;
  weft_status(WEFT_CALL* write)(void* ctx, const void* bytes, uint64_t size);
} weft_writer;

typedef struct weft_prof_record {
  const char* label; /* borrowed for the call */
  uint32_t node;
  uint32_t kind;             /* 1 kernel 2 copy 3 wait 4 host */
  uint64_t begin_ns, end_ns; /* CLOCK_MONOTONIC after the plugin's calibration */
} weft_prof_record;
typedef struct weft_prof_sink { /* host-implemented, [any] */
  uint32_t struct_size;
  uint32_t level; /* 0 off 1 program 2 kernel */
  void* ctx;
  void(WEFT_CALL* record)(void* ctx, const weft_prof_record* rec);
} weft_prof_sink;

typedef struct weft_execute_args {
  uint32_t struct_size;
  uint32_t flags;
  weft_program* program;
  const weft_view* inputs; /* graph input order */
  const weft_view* outputs;
  weft_event* const* waits;      /* events of THIS device only */
  const int64_t* slots;          /* slot_count of the compiled graph, those that compile() fixed at
                                    their value; borrowed until the done event */
  const weft_prof_sink* profile; /* must outlive the done event */
  weft_buffer* workspace;        /* holds the values' memory (weft_value.offset counts from
                                    workspace_offset) and the scratch */
  uint64_t workspace_offset;
  uint64_t scratch_offset; /* from the start of the buffer, 64-byte aligned */
  uint64_t run_id;
  uint32_t input_count, output_count, view_stride, wait_count;
} weft_execute_args;

/* ---------------------------------------------------------------- host table */
#define WEFT_LOG_ERROR 0u
#define WEFT_LOG_WARN 1u
#define WEFT_LOG_INFO 2u
#define WEFT_LOG_DEBUG 3u
typedef struct weft_host {
  uint32_t struct_size;
  uint32_t version_major, version_minor; /* newest the host speaks */
  uint32_t reserved0;
  uint32_t thread_count; /* most threads parallel_for and run_team use */
  uint32_t reserved1;
  void* ctx;
  const char* name;      /* "weft 0.1.0" */
  const char* cache_dir; /* private to this user; may be NULL */
  /* One line of text for the user; `level` is WEFT_LOG_*. [any] */
  void(WEFT_CALL* log)(void* ctx, uint32_t level, const char* utf8);
  /* Runs fn(arg, i) for every i < n on the host's pool, in any order, and returns when all are
   * done. A plugin starts no pool of its own. Called while the pool is at work, from inside it or
   * from elsewhere, everything runs in the calling thread. [any] */
  weft_status(WEFT_CALL* parallel_for)(void* ctx, uint32_t n, void(WEFT_CALL* fn)(void*, uint32_t),
                                       void* arg);
  /* Runs fn(arg, id), id < n, on n threads that all run at once, so that fn may hold barriers among
   * them; the caller is id 0. WEFT_E_BUSY, with nothing run, when n threads cannot be had: the
   * plugin then asks for fewer, or does the work in the calling thread. [any] */
  weft_status(WEFT_CALL* run_team)(void* ctx, uint32_t n, void(WEFT_CALL* fn)(void*, uint32_t),
                                   void* arg);
  /* A table of the host by id, or NULL for every id it does not know. [any] */
  const void*(WEFT_CALL* get_extension)(void* ctx, const char* id);
} weft_host;

/* ---------------------------------------------------------------- plugin table (26 functions) */
typedef struct weft_api {
  uint32_t struct_size;
  uint32_t version_major, version_minor; /* what both sides speak from here on */
  uint32_t reserved0;
  const char* vendor;
  const char* name; /* stable id, [a-z0-9_.]+: what `--backend` takes */
  const char* build;
  weft_plugin* self; /* NULL is allowed: it is only handed back */

  /* ---- life ---- */
  /* Ends the plugin after all its devices are closed. The library stays loaded; weft_plugin_entry
   * may be called again afterwards and then starts afresh. [must] [any, once per entry] */
  void(WEFT_CALL* shutdown)(weft_plugin*);
  /* A frozen table by id, or NULL for every id it does not know. [may] [any] */
  const void*(WEFT_CALL* get_extension)(weft_plugin*, const char* id);

  /* ---- devices ---- */
  /* Describes device `index`; counts from 0 without holes, and WEFT_E_INVALID is the end. The host
   * calls it before any device is open. [must] [any] */
  weft_status(WEFT_CALL* device_info)(weft_plugin*, uint32_t index, weft_device_info*, weft_error*);
  /* Opens device `index` with `n` options; unknown ones are ignored with a line in the log. The
   * same device may be open more than once. All plugins know `compute`: f32, bf16, int8 or auto,
   * the arithmetic of products with weights; and `priority`: low or high. [must] [any] */
  weft_status(WEFT_CALL* device_open)(weft_plugin*, uint32_t index, const weft_kv* opts, uint32_t n,
                                      weft_device** out, weft_error*);
  void(WEFT_CALL* device_close)(weft_device*); /* [must] [any] */

  /* ---- partition and compile ---- */
  /* Says for every node, through the sink, in which claim it is or why in none. A claimed island
   * must compile and must be right. `graph` is gone when the call returns. [must] [dev] */
  weft_status(WEFT_CALL* claim)(weft_device*, const weft_graph*, const weft_claim_sink*,
                                weft_error*);
  /* Judges a blob by its first n bytes, cheaply: WEFT_BLOB_*. [may: then STALE] [dev] */
  weft_status(WEFT_CALL* blob_check)(weft_device*, const void* head, uint64_t n, uint32_t* verdict,
                                     weft_error*);
  /* Builds one island. The graph is gone when the call returns. [must] [dev] */
  weft_status(WEFT_CALL* compile)(weft_device*, const weft_compile_args*, weft_program** out,
                                  weft_error*);
  /* Describes a program. [must] [obj] */
  weft_status(WEFT_CALL* program_info)(weft_program*, weft_program_info*, weft_error*);
  /* Writes what a later compile() takes as `blob`. [may] [obj] */
  weft_status(WEFT_CALL* program_save)(weft_program*, const weft_writer*, weft_error*);
  void(WEFT_CALL* program_destroy)(weft_program*); /* not in flight. [must] [any] */

  /* ---- memory ---- */
  /* Makes a buffer; its contents are undefined, size 0 is allowed. [must] [any] */
  weft_status(WEFT_CALL* buffer_alloc)(weft_device*, const weft_buffer_desc*, weft_buffer** out,
                                       weft_error*);
  void(WEFT_CALL* buffer_free)(weft_buffer*); /* not in flight. [must] [any] */
  /* Gives the host bytes [off, off + size); a range outside the buffer is WEFT_E_INVALID. `mode`: 1
   * reads, 2 writes, 3 both. With 1 and 3 the bytes are current at map; with 2 they are undefined
   * until the host writes them, and the whole range counts as written: a byte that it leaves out is
   * undefined after unmap too. With 2 and 3 the device sees the range after unmap, which takes the
   * pointer map gave. Bytes outside the range keep their values. Work on the range is done before.
   * [must] [obj] */
  weft_status(WEFT_CALL* buffer_map)(weft_buffer*, uint64_t off, uint64_t size, uint32_t mode,
                                     void** out, weft_error*);
  weft_status(WEFT_CALL* buffer_unmap)(weft_buffer*, void* ptr, weft_error*); /* [must] [obj] */
  /* Copies between buffers of this device; same shape and dtype, no overlap. [may: the host maps]
   * [obj] */
  weft_status(WEFT_CALL* copy)(weft_queue*, const weft_view* src, const weft_view* dst,
                               weft_event* const* waits, uint32_t wait_count, weft_event** done,
                               weft_error*);

  /* ---- queues and execution ---- */
  /* Makes a queue; a priority it lacks becomes the nearest it has. [must] [any] */
  weft_status(WEFT_CALL* queue_create)(weft_device*, const weft_queue_desc*, weft_queue** out,
                                       weft_error*);
  /* Starts what is queued. [may] [obj] */
  weft_status(WEFT_CALL* queue_flush)(weft_queue*, weft_error*);
  void(WEFT_CALL* queue_destroy)(weft_queue*); /* drains. [must] [any] */
  /* Runs a program after `waits` are done; a failed wait poisons `done` with the same status and
   * nothing runs. The arguments are read before it returns, except those said to be borrowed until
   * the done event; buffers and program stay alive until then. It may return at once (a GPU), or
   * block for the waits and the work (a CPU): whoever signals a host event that is waited for does
   * so from another thread. [must] [obj] */
  weft_status(WEFT_CALL* execute)(weft_queue*, const weft_execute_args*, weft_event** done,
                                  weft_error*);

  /* ---- events: one-shot; an error poisons every dependent ---- */
  /* An event the host completes with event_signal(), once, with WEFT_OK or an error. A plugin that
   * lacks the pair gets no waits on other devices: the host waits itself. [may] [any] */
  weft_status(WEFT_CALL* event_create)(weft_device*, weft_event** out, weft_error*);
  weft_status(WEFT_CALL* event_signal)(weft_event*, weft_status result, weft_error*);
  /* WEFT_OK when done, WEFT_PENDING after timeout_ns (0 polls, UINT64_MAX waits for ever), or the
   * error that poisoned it, every time it is asked. [must] [any] */
  weft_status(WEFT_CALL* event_wait)(weft_event*, uint64_t timeout_ns, weft_error*);
  /* Calls fn(arg, status) once when the event is done: at once in this thread if it is already,
   * else from a thread of the plugin. fn does not block. [may] [any] */
  weft_status(WEFT_CALL* event_on_done)(weft_event*, void(WEFT_CALL* fn)(void*, weft_status),
                                        void* arg, weft_error*);
  void(WEFT_CALL* event_destroy)(weft_event*); /* allowed before completion. [must] [any] */
  weft_status(WEFT_CALL* device_wait_idle)(weft_device*, weft_error*); /* [may] [any] */
} weft_api;

/* ---------------------------------------------------------------- entry and negotiation
 * Called once after dlopen, and again only after shutdown(). `host->version_*` holds the newest
 * version the host speaks and `min_major/min_minor` the oldest. The plugin picks v = min(host,
 * own), fills api->version_* with it, and returns WEFT_E_VERSION (it never crashes) when v is below
 * its own minimum or own is below the host's. While the major is 0 a plugin speaks one minor. It
 * writes the table with weft_copy_out(). */
#define WEFT_ENTRY_SYMBOL "weft_plugin_entry"
typedef struct weft_entry_args {
  uint32_t struct_size;
  uint32_t min_major, min_minor;
  uint32_t reserved0;
  const weft_host* host; /* valid until shutdown() returns */
  weft_api* api;         /* zeroed by the host; api->struct_size = host's sizeof(weft_api) */
  const char* library_path;
} weft_entry_args;
typedef weft_status(WEFT_CALL* weft_plugin_entry_fn)(const weft_entry_args*, weft_error*);

/* Readable without running any code: the loader checks this note in the file before dlopen. Include
 * <weft/note.h> in one source file to have it. */
#define WEFT_NOTE_NAME "WEFT"
#define WEFT_NOTE_TYPE 1u
#define WEFT_NOTE_ADDRESS_SANITIZER 1u /* flags */
#define WEFT_NOTE_THREAD_SANITIZER 2u

#ifdef __cplusplus
}
#endif
#endif
