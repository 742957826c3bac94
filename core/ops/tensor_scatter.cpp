// TensorScatter: present = past with `update` written along `axis`, from a position per batch on.
//
//   past           [B, ..., n, ...]   any type
//   update         [B, ..., m, ...]   like past, m <= n on `axis` (default -2, not the batch axis)
//   write_indices  [B]                i64; absent: zeros
//   present        like past
//
// mode "linear": positions w .. w + m - 1, which must exist; "circular": modulo n.
// Where past and present are one memory only the update is written, and an update that already lies
// at its place costs nothing: a cache that is never copied. ONNX operators: TensorScatter-24.
#include "core/ops/rules.h"

namespace weft::ops {
namespace {

Result<int64_t> scatter_axis(const Attrs& attrs, int64_t rank) {
  const int64_t axis = TRY(normalize_axis(attrs.integer("axis", -2), rank));
  if (axis == 0) return Error{"axis 0 is the batch; the update needs another"};
  return axis;
}

Result<Outputs> tensor_scatter_infer(const InferContext& context) {
  TRY(expect(context, 0, "past_cache", Elements::any));
  TRY(expect_same(context, 0, 1));
  TRY(expect(context, 2, "write_indices", Elements::integer));
  const std::string mode = context.attrs.text("mode", "linear");
  if (mode != "linear" && mode != "circular") {
    return Error{"attribute mode is \"" + mode + "\", it can be \"linear\" or \"circular\""};
  }
  const Shape &past = context.type(0).shape, &update = context.type(1).shape;
  const int64_t axis = TRY(scatter_axis(context.attrs, int64_t(past.size())));
  bool fits = past.size() == update.size();
  for (size_t i = 0; fits && i < past.size(); ++i) {
    if (int64_t(i) == axis) {
      fits = context.bounds.ge(update[i], past[i] + 1) != sym::Truth::yes;
    } else {
      fits = equal(context.bounds, past[i], update[i]) != sym::Truth::no;
    }
  }
  if (!fits) {
    return Error{"update is " + sym::str(update) + ", which does not fit into " + sym::str(past) +
                 " along axis " + std::to_string(axis)};
  }
  if (context.has(2)) {
    const Shape& indices = context.type(2).shape;
    if (indices.size() != 1 || equal(context.bounds, indices[0], past[0]) == sym::Truth::no) {
      return Error{"write_indices is " + sym::str(indices) + ", expected " +
                   sym::str(Shape{past[0]})};
    }
  }
  return one(context.type(0));
}

Status tensor_scatter_reference(const OpCall& call) {
  const Array &past = call.inputs[0], &update = call.inputs[1], &present = call.outputs[0];
  TRY(expect_shape(present, "present_cache", past.shape));
  const int64_t axis = TRY(scatter_axis(call.attrs, past.rank()));
  const bool circular = call.attrs.text("mode", "linear") == "circular";
  const int64_t n = past.shape[size_t(axis)];
  if (update.rank() != past.rank()) return Error{"update and past_cache differ in rank"};
  const int64_t m = update.shape[size_t(axis)];
  std::vector<int64_t> expected = past.shape;
  expected[size_t(axis)] = m;
  TRY(expect_shape(update, "update", expected));
  std::vector<int64_t> starts(size_t(past.shape[0]), 0);
  if (call.has(2)) starts = load_ints(call.inputs[2]);
  if (int64_t(starts.size()) != past.shape[0]) return Error{"write_indices has not one per batch"};
  for (int64_t start : starts) {
    if (m > n || start < 0 || (!circular && start > n - m)) {
      return Error{"an update of " + std::to_string(m) + " at position " + std::to_string(start) +
                   " does not fit into a cache of " + std::to_string(n)};
    }
  }
  copy_elements(past, present);
  for (size_t batch = 0; batch < starts.size(); ++batch) {
    const Array from = narrowed(update, 0, int64_t(batch), 1);
    const Array to = narrowed(present, 0, int64_t(batch), 1);
    // At most two runs: up to the end of the cache, and from its start.
    for (int64_t done = 0; done < m;) {
      const int64_t at = circular ? (starts[batch] % n + done) % n : starts[batch] + done;
      const int64_t run = std::min(m - done, n - at);
      copy_elements(narrowed(from, axis, done, run), narrowed(to, axis, at, run));
      done += run;
    }
  }
  return {};
}

}  // namespace

extern const OpDef TensorScatter_def = {
    "TensorScatter", "", 24, 2, 3, 1, 1, tensor_scatter_infer, tensor_scatter_reference};

}  // namespace weft::ops
