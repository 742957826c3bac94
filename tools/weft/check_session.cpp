#include "tools/weft/check_session.h"

#include <algorithm>
#include <cstring>

#include "core/ops/attention.h"

namespace weft::cli {

namespace {

using ir::ValueId;

// The elements in another type: a file of halves has halves where a session computes in f32.
ops::Tensor converted(const ops::Array& array, ir::DType dtype) {
  ops::Tensor out = ops::Tensor::zeros(dtype, array.shape);
  ops::store_all(out.view(), ops::load_all(array));
  return out;
}

std::vector<int64_t> elements_of(const onnx::Tensor& tensor) {
  return ops::load_ints(view_of(tensor));
}

// Sizes that hold every set, alone and after those before it.
void set_sizes(const TestData& data, EngineOptions& options) {
  int64_t longest = 1, total = 0;
  for (const DataSet& set : data.sets) {
    int64_t run = 1, past = 0;
    for (const onnx::NamedTensor& input : set.inputs) {
      const auto& dims = input.tensor.dims;
      if (dims.size() == 2 && input.name.find("mask") == std::string::npos)
        run = std::max(run, dims[1]);
      if (dims.size() == 4) past = std::max(past, dims[2]);
    }
    longest = std::max(longest, run);
    total += run + past;
  }
  options.chunk = longest;
  options.capacity = (total + 15) / 16 * 16;
}

}  // namespace

Result<std::unique_ptr<SessionChecker>> SessionChecker::make(
    ir::Graph graph, const TestData& data, const std::vector<host::PluginPtr>& plugins,
    const CheckOptions& options) {
  std::unique_ptr<SessionChecker> checker(new SessionChecker(data, options));
  for (const ValueId id : graph.inputs) checker->inputs_.push_back({id, graph[id].name});
  EngineOptions engine = options.engine;
  set_sizes(data, engine);
  // Caches have the file's names until they become states.
  auto plan = TRY(EnginePlan::make(std::move(graph), plugins, std::move(engine),
                                   [&](const passes::Step& step, const ir::Graph& now) {
                                     if (step.stage != passes::Stage::placed)
                                       checker->find_caches(now);
                                   }));
  checker->engine_ = TRY(Engine::build(std::move(plan)));
  checker->session_ = TRY(checker->engine_->open_session());
  for (const auto& cache : checker->session_->caches())
    checker->caches_.push_back(checker->names_[cache.name]);
  return checker;
}

// alias_kv_cache numbers the caches by their Attention.
void SessionChecker::find_caches(const ir::Graph& graph) {
  names_.clear();
  size_t layer = 0;
  for (const ir::NodeId id : graph.order()) {
    const ir::Node& node = graph[id];
    if (!ops::is_attention(node.op)) continue;
    const std::string state = "cache." + std::to_string(layer++);
    if (node.inputs.size() < 6 || node.outputs.size() < 3) continue;
    for (const size_t i : {size_t{0}, size_t{1}}) {
      const ValueId past = node.inputs[4 + i], present = node.outputs[1 + i];
      if (past == ValueId::none || graph[past].type.shape.size() != 4) continue;
      CacheNames names;
      names.past = graph[past].name;
      if (graph[past].type.shape[1].is_constant())
        names.heads = graph[past].type.shape[1].constant();
      for (const ir::Output& output : graph.outputs) {
        if (output.value == present) names.present = output.name;
      }
      names_[state + (i == 0 ? ".key" : ".value")] = std::move(names);
    }
  }
}

// "past" for a cache; else the name that passes gave the input.
std::string SessionChecker::role_of(const std::string& input) const {
  for (const CacheNames& cache : caches_) {
    if (cache.past == input) return "past";
  }
  for (const FileInput& one : inputs_) {
    if (one.name == input) return engine_->graph()[one.value].name;
  }
  return {};
}

const onnx::Tensor* SessionChecker::input_of_role(const DataSet& set,
                                                  const std::string& role) const {
  for (const onnx::NamedTensor& input : set.inputs) {
    if (role_of(input.name) == role) return &input.tensor;
  }
  return nullptr;
}

SessionChecker::Inputs SessionChecker::read_inputs(const DataSet& set) const {
  Inputs inputs;
  if (const onnx::Tensor* ids = input_of_role(set, "input_ids")) inputs.ids = elements_of(*ids);
  const int64_t count = int64_t(inputs.ids.size());
  const onnx::Tensor* past = input_of_role(set, "past");
  inputs.has_past = past;
  if (past && past->dims.size() == 4) inputs.past = past->dims[2];
  // A cache of fixed capacity is filled as far as the mask says.
  const onnx::Tensor* mask = input_of_role(set, "attention_mask");
  if (mask && past && mask->dims.size() == 2) inputs.past = mask->dims[1] - count;
  return inputs;
}

std::string SessionChecker::past_obstacle(const DataSet& set, const Inputs& inputs) const {
  if (!inputs.has_past) return {};
  if (inputs.past < 0) return "its mask is shorter than its ids";
  for (size_t i = 0; i < caches_.size(); ++i) {
    const onnx::Tensor* past = find_tensor(set.inputs, caches_[i].past);
    const auto& cache = session_->caches()[i];
    if (!past) return "'" + caches_[i].past + "' is missing";
    const bool fits = past->dims.size() == 4 && past->dims[0] == 1 && ir::is_float(past->dtype) &&
                      past->dims[1] == caches_[i].heads &&
                      past->dims[1] * past->dims[3] == cache.width && past->dims[2] >= inputs.past;
    if (!fits) return "'" + caches_[i].past + "' does not fit the cache that it is the past of";
  }
  return {};
}

std::string SessionChecker::obstacle(const DataSet& set) const {
  const Inputs inputs = read_inputs(set);
  for (const onnx::NamedTensor& input : set.inputs) {
    const std::string role = role_of(input.name);
    const auto& dims = input.tensor.dims;
    if (role == "past") continue;
    if (role != "input_ids" && role != "position_ids" && role != "attention_mask")
      return "a session has no input '" + input.name + "'";
    if (!ir::is_integer(input.tensor.dtype) || dims.size() != 2 || dims[0] != 1)
      return "'" + input.name + "' is not one sequence";
    const std::vector<int64_t> values = elements_of(input.tensor);
    for (size_t i = 0; i < values.size(); ++i) {
      if (role == "position_ids" && values[i] != inputs.past + int64_t(i))
        return "its positions do not follow the past";
      if (role == "attention_mask" && values[i] != 1) return "its mask has padding";
    }
  }
  if (inputs.ids.empty()) return "it gives no token ids";
  for (const onnx::NamedTensor& output : set.outputs) {
    const bool present = std::any_of(caches_.begin(), caches_.end(), [&](const CacheNames& cache) {
      return cache.present == output.name && cache.heads > 0;
    });
    if (!present && output.name != "logits") return "a session has no output '" + output.name + "'";
  }
  return past_obstacle(set, inputs);
}

// [1, heads, positions, size] of the file into [positions, heads * size] of the session.
Status SessionChecker::load_past(const DataSet& set, int64_t positions) {
  for (size_t i = 0; i < caches_.size(); ++i) {
    const auto& cache = session_->caches()[i];
    const onnx::Tensor& past = *find_tensor(set.inputs, caches_[i].past);
    const ops::Array from = ops::narrowed(view_of(past), 2, 0, positions);
    const std::array<int64_t, 4> order{0, 2, 1, 3};
    const ops::Tensor rows = converted(ops::permuted(from, order), cache.dtype);
    TRY(session_->write_cache(i, rows.bytes));
  }
  return session_->resume(positions);
}

// The caches as they are before the ids of `set`.
Status SessionChecker::restore(const DataSet& set, const Inputs& inputs) {
  if (inputs.has_past) return load_past(set, inputs.past);
  const DataSet* before = nullptr;
  for (const DataSet& other : data_.sets) {
    if (other.number < set.number && (!before || other.number > before->number)) before = &other;
  }
  if (!before) return session_->resume(0);
  const Inputs earlier = read_inputs(*before);
  TRY(restore(*before, earlier));
  TRY(session_->feed(earlier.ids, 1));
  return {};
}

Result<OutputCheck> SessionChecker::compare_present(const DataSet& set,
                                                    const onnx::NamedTensor& expected,
                                                    size_t cache) {
  const auto& state = session_->caches()[cache];
  const int64_t positions = session_->past(), heads = caches_[cache].heads;
  const int64_t size = state.width / heads;
  ops::Tensor rows = ops::Tensor::zeros(state.dtype, {1, positions, heads, size});
  TRY(session_->read_cache(cache, rows.bytes));
  const std::array<int64_t, 4> order{0, 2, 1, 3};
  const ops::Tensor got = converted(ops::permuted(rows.view(), order), expected.tensor.dtype);
  const int64_t limit = data_.positions.limit(set.name, expected.name);
  return OutputCheck{expected.name,
                     ops::difference(got.view(), view_of(expected.tensor), options_.tolerance,
                                     data_.positions.axis, limit)};
}

Result<std::vector<OutputCheck>> SessionChecker::check(const DataSet& set) {
  const Inputs inputs = read_inputs(set);
  TRY(restore(set, inputs));
  const int64_t rows = int64_t(inputs.ids.size());
  const auto logits = TRY(session_->feed(inputs.ids, rows));
  std::vector<OutputCheck> checks;
  for (const onnx::NamedTensor& expected : set.outputs) {
    if (expected.name == "logits") {
      ops::Array got;
      got.dtype = ir::DType::f32;
      got.shape = {1, rows, session_->vocabulary()};
      got.strides = ops::row_major(got.shape);
      got.data = reinterpret_cast<std::byte*>(const_cast<float*>(logits.data()));
      const ops::Tensor like = converted(got, expected.tensor.dtype);
      const int64_t limit = data_.positions.limit(set.name, expected.name);
      checks.push_back(
          {expected.name, ops::difference(like.view(), view_of(expected.tensor), options_.tolerance,
                                          data_.positions.axis, limit)});
    }
    for (size_t i = 0; i < caches_.size(); ++i) {
      if (caches_[i].present == expected.name)
        checks.push_back(TRY(compare_present(set, expected, i)));
    }
  }
  return checks;
}

}  // namespace weft::cli
