// Gather: slices along an axis; and GatherElements, ScatterElements and ScatterND: elements whose
// places are computed. A packed table is in gather_packed.h.
//
// Nothing can be reported from a kernel, so an index outside its axis means the nearest one inside.
#include "plugins/opencl/ops/gather_packed.h"
#include "plugins/opencl/walk.h"

namespace weft::opencl {

namespace {

// ------------------------------------------------------------------ Gather
// A table [K, N] that lies column by column is gathered from with the strides it has.
bool is_columns(const NodeView& node) {
  return node.in(0).order == WEFT_COLUMN_MAJOR && node.in(0).rank == 2;
}

void check_gather(const NodeView& node, const Limits& limits) {
  need_input(node, 0);
  if (gathers_packed(node)) return check_gather_packed(node, limits);
  need_indices(node, 1);
  need_plain(node, 1);
  if (!is_columns(node) || node.in(0).quant) need_plain(node, 0);
  if (!common::element_size(node.in(0).dtype))
    throw Refusal{WEFT_REFUSE_DTYPE, "elements of unknown size", node.input(0)};
  check_tensors(limits, node);
}

// x as [outer, size, inner] with steps in elements; y is [outer, count of ids, inner].
struct Slices {
  int64_t outer, size, inner, outer_step, step, inner_step;
};

Slices slices_of(const Tensor& x, uint32_t axis, bool columns) {
  const int64_t size = x.shape[axis], inner = x.inner(axis + 1);
  const int64_t outer = x.count > 0 ? x.count / (size * inner) : 0;
  if (!columns) return {outer, size, inner, size * inner, inner, 1};
  return {outer, size, inner, 1, axis == 0 ? 1 : x.shape[0], axis == 0 ? x.shape[0] : 1};
}

// Bytes that are moved at once: as many as a row, its place and its step are multiples of.
uint32_t unit_of(const Tensor& x, const Tensor& y, const Slices& s) {
  const uint32_t item = x.item();
  if (s.inner_step != 1) return item;
  const uint64_t all = uint64_t(s.inner * item) | x.offset | y.offset;
  for (uint32_t unit : {16u, 8u, 4u, 2u})
    if (unit > item && all % unit == 0) return unit;
  return item;
}

bool packs_table(const NodeView& node, uint32_t i) { return i == 0 && gathers_packed(node); }

Run prepare_gather(Prepare& context) {
  if (gathers_packed(context.node)) return prepare_gather_packed(context);
  const Tensor *x = context.in[0], *ids = context.in[1], *y = context.out[0];
  const uint32_t axis = axis_of(context.node.integer("axis", 0), x->rank);
  const bool columns = is_columns(context.node);
  return [x, ids, y, axis, columns, kernel = context.kernel("gather")](Submission& commands) {
    if (y->count == 0) return;
    const Slices s = slices_of(*x, axis, columns);
    const uint32_t unit = unit_of(*x, *y, s);
    const int64_t units = unit / x->item();
    kernel.arguments(x->memory, cl_long(x->offset / unit), *ids, cl_int(ids->dtype), y->memory,
                     cl_long(y->offset / unit), cl_long(ids->count), cl_long(s.size),
                     cl_long(s.inner / units), cl_long(s.outer_step / units),
                     cl_long(s.step / units), cl_long(s.inner_step), cl_int(unit));
    commands.launch(kernel,
                    {{size_t(s.inner / units), size_t(ids->count), size_t(s.outer)}, {32, 1, 1}});
  };
}

// ------------------------------------------------------------------ GatherElements
void check_gather_elements(const NodeView& node, const Limits& limits) {
  check_movable(node, limits);
  need_indices(node, 1);
}

// Throws when x is narrower than the places that the indices may mean.
void need_room(const Tensor& x, const Tensor& indices, uint32_t axis) {
  for (uint32_t d = 0; d < x.rank; d++)
    if (d != axis && indices.shape[d] > x.shape[d])
      throw Failure(WEFT_E_INVALID, "there are more indices than the data is wide");
}

// The dims of the indices, with the strides of x but for the axis, along which the index counts.
Walk<1> places_of(const Tensor& x, const Tensor& indices, uint32_t axis) {
  Walk<1> walk;
  for (uint32_t d = 0; d < x.rank; d++)
    walk.add(indices.shape[d], {d == axis ? 0 : x.inner(d + 1)});
  return walk;
}

Run prepare_gather_elements(Prepare& context) {
  const Tensor *x = context.in[0], *indices = context.in[1], *y = context.out[0];
  const uint32_t axis = axis_of(context.node.integer("axis", 0), x->rank);
  return [x, indices, y, axis, kernel = context.kernel("gather_elements")](Submission& commands) {
    need_room(*x, *indices, axis);
    if (x->count == 0) return;
    const Walk<1> walk = places_of(*x, *indices, axis);
    kernel.arguments(*x, *indices, cl_int(indices->dtype), *y, cl_long(y->count),
                     cl_long(x->shape[axis]), cl_long(x->inner(axis + 1)), walk.dims(),
                     walk.strides(0), cl_int(x->item()));
    commands.launch(kernel, {{size_t(y->count), 1, 1}, {64, 1, 1}});
  };
}

// ------------------------------------------------------------------ ScatterElements, ScatterND
int reduction_of(const NodeView& node) {
  const std::string how = node.string("reduction", "none");
  return how == "add" ? 1 : how == "mul" ? 2 : how == "max" ? 3 : how == "min" ? 4 : 0;
}

void check_scatter(const NodeView& node, const Limits& limits) {
  check_gather_elements(node, limits);
  need_input(node, 2);
  need_dtype(node, 2, node.in(0).dtype);
  if (!is_real(node.in(0).dtype) && !is_whole(node.in(0).dtype))
    throw Refusal{WEFT_REFUSE_DTYPE, "elements that are no numbers", node.input(0)};
}

void copy_over(const Tensor& x, const Tensor& y, Submission& commands) {
  if (x.memory == y.memory && x.offset == y.offset) return;
  commands.copy(x.memory, x.offset, y.memory, y.offset, uint64_t(y.count) * y.item());
}

// One work-item: places may repeat, and then the order of the updates counts.
constexpr Grid kInOrder = {{1, 1, 1}, {1, 1, 1}};

Run prepare_scatter_elements(Prepare& context) {
  const Tensor *x = context.in[0], *indices = context.in[1], *updates = context.in[2],
               *y = context.out[0];
  const uint32_t axis = axis_of(context.node.integer("axis", 0), x->rank);
  return [x, indices, updates, y, axis, how = reduction_of(context.node),
          kernel = context.kernel("scatter_elements")](Submission& commands) {
    need_room(*y, *indices, axis);
    copy_over(*x, *y, commands);
    if (y->count == 0) return;
    const Walk<1> walk = places_of(*y, *indices, axis);
    const int64_t count = std::min(indices->count, updates->count);
    kernel.arguments(*indices, cl_int(indices->dtype), *updates, *y, cl_long(count),
                     cl_long(y->shape[axis]), cl_long(y->inner(axis + 1)), walk.dims(),
                     walk.strides(0), cl_int(y->dtype), cl_int(how));
    if (count) commands.launch(kernel, kInOrder);
  };
}

Run prepare_scatter_nd(Prepare& context) {
  const Tensor *x = context.in[0], *indices = context.in[1], *updates = context.in[2],
               *y = context.out[0];
  return [x, indices, updates, y, how = reduction_of(context.node),
          kernel = context.kernel("scatter_nd")](Submission& commands) {
    copy_over(*x, *y, commands);
    const int64_t depth = indices->shape[indices->rank - 1];
    const int64_t size = y->inner(uint32_t(depth));
    if (depth == 0 || size == 0 || y->count == 0) return;
    const int64_t pieces = std::min(indices->count / depth, updates->count / size);
    cl_long8 shape{}, stride{};
    for (uint32_t d = 0; d < uint32_t(depth); d++) {
      shape.s[d] = y->shape[d];
      stride.s[d] = y->inner(d + 1);
    }
    kernel.arguments(*indices, cl_int(indices->dtype), *updates, *y, cl_long(pieces), cl_int(depth),
                     cl_long(size), shape, stride, cl_int(y->dtype), cl_int(how));
    if (pieces) commands.launch(kernel, kInOrder);
  };
}

}  // namespace

extern const OpRow gather_row = {check_gather, prepare_gather, packs_table};
extern const OpRow gather_elements_row = {check_gather_elements, prepare_gather_elements};
extern const OpRow scatter_elements_row = {check_scatter, prepare_scatter_elements};
extern const OpRow scatter_nd_row = {check_scatter, prepare_scatter_nd};

}  // namespace weft::opencl
