#include "tools/weft/quantize_weights.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <functional>
#include <thread>

#include "core/ir/verify.h"
#include "core/ops/infer_graph.h"
#include "quant/e0m4.h"
#include "tools/weft/weight_lines.h"

namespace weft::cli {

using ir::DType;
using ir::Graph;
using ir::ValueId;

namespace {

struct NamedForm {
  DType storage;
  const char* name;
  std::optional<quant::e0m4::Form> e0m4;
  std::optional<quant::Form> integers;
};
// The first of a storage is the usual one.
constexpr NamedForm kForms[] = {
    {DType::e0m4, "mse", quant::e0m4::Form::clipped, {}},
    {DType::e0m4, "edge", quant::e0m4::Form::edge, {}},
    {DType::e0m4, "half-cell", quant::e0m4::Form::half_cell, {}},
    {DType::e0m4, "binade", quant::e0m4::Form::binade, {}},
    {DType::u4, "mse", {}, quant::Form::clipped},
    {DType::u4, "asymmetric", {}, quant::Form::asymmetric},
    {DType::u4, "symmetric", {}, quant::Form::symmetric},
    {DType::u4, "extreme", {}, quant::Form::extreme},
    {DType::u8, "symmetric", {}, quant::Form::symmetric},
    {DType::u8, "asymmetric", {}, quant::Form::asymmetric},
    {DType::u8, "mse", {}, quant::Form::clipped},
};

const char* weights_name(DType storage) {
  return storage == DType::e0m4 ? "e0m4" : storage == DType::u4 ? "int4" : "int8";
}

const NamedForm& form_of(const WeightFormat& format) {
  return *std::find_if(std::begin(kForms), std::end(kForms), [&](const NamedForm& one) {
    return one.storage == format.storage && one.name == format.form;
  });
}

int most_code(DType storage) { return storage == DType::u8 ? 255 : 15; }

// Zero points that are the same everywhere are a number of the quantization.
bool has_fixed_zero(const WeightFormat& format) {
  const auto form = form_of(format).integers;
  return form == quant::Form::symmetric || form == quant::Form::extreme;
}

std::optional<quant::Grid> fit(std::span<const float> reals, const NamedForm& form) {
  if (form.e0m4) return quant::e0m4::fit(reals, *form.e0m4);
  return quant::fit(reals, *form.integers, most_code(form.storage));
}

// One weight on its way to codes.
struct Job {
  const Graph& graph;
  const WeightLines& weight;
  WeightFormat format;
  int64_t lines, length, block, blocks;
  std::vector<std::byte> codes;
  std::vector<float> scales, zeros;  // [lines, blocks]
  std::atomic<int64_t> bad_line{-1};
};

void quantize_line(Job& job, const ops::Array& array, int64_t line, std::vector<double>& reals,
                   quant::Loss& loss) {
  ops::load_line(array, line, job.weight.columns, reals);
  const std::vector<float> x(reals.begin(), reals.end());
  const NamedForm& form = form_of(job.format);
  const int bits = ir::bits(job.format.storage), most = most_code(job.format.storage);
  std::vector<uint8_t> codes(size_t(job.blocks * job.block));
  for (int64_t b = 0; b < job.blocks; ++b) {
    const auto first = size_t(b * job.block);
    const size_t count = std::min(size_t(job.block), x.size() - first);
    const std::span<const float> group(&x[first], count);
    const auto grid = fit(group, form);
    if (!grid) {
      job.bad_line = line;
      return;
    }
    const std::span<uint8_t> to(&codes[first], count);
    quant::encode(group, *grid, most, to);
    loss.add(group, to, *grid);
    job.scales[size_t(line * job.blocks + b)] = grid->scale;
    job.zeros[size_t(line * job.blocks + b)] = grid->zero;
  }
  std::byte* out = &job.codes[size_t(line) * codes.size() * size_t(bits) / 8];
  for (size_t i = 0; i < codes.size(); ++i) {
    if (bits == 8) out[i] = std::byte(codes[i]);
    if (bits == 4) out[i / 2] |= std::byte(codes[i] << (i % 2 * 4));
  }
}

// All lines, in equal parts on `threads` threads; the sums are added in the order of the parts.
quant::Loss quantize_lines(Job& job, int threads) {
  const int64_t parts = std::clamp<int64_t>(threads, 1, job.lines);
  std::vector<quant::Loss> losses(static_cast<size_t>(parts));
  std::vector<std::thread> team;
  for (int64_t part = 0; part < parts; ++part) {
    team.emplace_back([&job, &losses, part, parts] {
      ops::ArrayQuantization codes;
      const ops::Array array = constant_view(job.graph, job.graph[job.weight.constant], codes);
      std::vector<double> reals(size_t(job.length));
      const int64_t end = job.lines * (part + 1) / parts;
      for (int64_t line = job.lines * part / parts; line < end && job.bad_line < 0; ++line)
        quantize_line(job, array, line, reals, losses[size_t(part)]);
    });
  }
  for (std::thread& one : team) one.join();
  quant::Loss loss;
  for (const quant::Loss& one : losses) loss.add(one);
  return loss;
}

template <typename T>
ValueId parameters(Graph& graph, const std::string& name, DType dtype, const Job& job,
                   const std::vector<T>& values) {
  const auto bytes = std::as_bytes(std::span(values));
  return graph.add_constant(name, {dtype, {ir::Dim(job.lines), ir::Dim(job.blocks)}},
                            ir::make_constant({bytes.begin(), bytes.end()}));
}

ir::Quantization quantization_of(Graph& graph, const Job& job, const std::string& name) {
  ir::Quantization q;
  q.storage = job.format.storage;
  q.block = job.format.group > 0 ? job.block : 0;
  q.scale = parameters(graph, name + "/scale", DType::f32, job, job.scales);
  if (has_fixed_zero(job.format)) {
    q.zero = most_code(q.storage) / 2 + 1;
  } else if (q.storage == DType::e0m4) {
    std::vector<float> stored(job.zeros);
    for (float& zero : stored) zero = quant::e0m4::stored_zero(zero);
    q.zero_point = parameters(graph, name + "/zero", DType::f32, job, stored);
  } else {
    const std::vector<uint8_t> zeros(job.zeros.begin(), job.zeros.end());
    q.zero_point = parameters(graph, name + "/zero", DType::u8, job, zeros);
  }
  return q;
}

// What the codes of `weight` lose when they are read by another quantization.
quant::Loss loss_between(const Graph& graph, const WeightLines& weight,
                         const ir::Quantization& quantization) {
  ir::Value other = graph[weight.constant];
  other.quantization = quantization;
  ops::ArrayQuantization codes[2];
  const ops::Array from = constant_view(graph, graph[weight.constant], codes[0]);
  const ops::Array to = constant_view(graph, other, codes[1]);
  std::vector<double> reals(size_t(line_length(graph, weight))), decoded(reals.size());
  quant::Loss loss;
  for (int64_t line = 0; line < line_count(graph, weight); ++line) {
    ops::load_line(from, line, weight.columns, reals);
    ops::load_line(to, line, weight.columns, decoded);
    double largest = 0;
    for (size_t i = 0; i < reals.size(); ++i) {
      const double error = double(float(decoded[i])) - double(float(reals[i]));
      loss.signal += reals[i] * reals[i];
      loss.noise += error * error;
      largest = std::max(largest, std::abs(error));
    }
    const auto [low, high] = std::minmax_element(reals.begin(), reals.end());
    if (*high > *low) loss.worst = std::max(loss.worst, largest / (*high - *low));
  }
  return loss;
}

// The quantization of codes that the format would choose again: 4-bit ones in blocks of its size,
// as e0m4 edge or asymmetric int4. Nothing for others. A float zero point that storage e0m4 has not
// is rounded, by 2^-20 of a step.
std::optional<ir::Quantization> kept_codes(Graph& graph, const WeightLines& weight,
                                           const WeightFormat& format) {
  const ir::Value& value = graph[weight.constant];
  if (!value.quantization || !is_line_major(graph, weight)) return {};
  ir::Quantization q = *value.quantization;
  const bool edge = format.form == "edge" || format.form == "asymmetric";
  if (!edge || q.block != format.group) return {};
  if (q.storage == format.storage) return q;
  if (q.storage != DType::u4 || format.storage != DType::e0m4) return {};
  const auto count = graph[q.scale].constant->bytes.size() / sizeof(float);
  ops::ArrayQuantization codes;
  constant_view(graph, value, codes);
  std::vector<float> stored(count);
  for (size_t i = 0; i < count; ++i) {
    const float zero = codes.zero_f32  ? codes.zero_f32[i]
                       : codes.zero_u8 ? float(codes.zero_u8[i])
                                       : float(codes.zero);
    stored[i] = quant::e0m4::stored_zero(zero);
  }
  const auto bytes = std::as_bytes(std::span(stored));
  const ir::Type type = graph[q.scale].type;
  q.storage = DType::e0m4;
  q.zero = 0;
  q.zero_point = graph.add_constant(value.name + "/zero", type,
                                    ir::make_constant({bytes.begin(), bytes.end()}));
  return q;
}

// Every reader gets a value of its own order, of the same codes.
void replace(Graph& graph, const WeightLines& weight, const ir::Quantization& quantization,
             const std::shared_ptr<const ir::Constant>& codes, int64_t lines, int64_t length) {
  const ir::Value source = graph[weight.constant];
  ValueId made[2] = {ValueId::none, ValueId::none};
  for (const WeightReader& reader : weight.readers) {
    ValueId& value = made[reader.product];
    if (value == ValueId::none) {
      ir::Type type{source.type.dtype, {ir::Dim(lines), ir::Dim(length)}};
      if (reader.product) std::swap(type.shape[0], type.shape[1]);
      value = graph.add_constant(source.name, std::move(type), codes);
      graph[value].quantization = quantization;
      graph[value].column_major = reader.product;
    }
    graph[reader.node].inputs[reader.input] = value;
  }
}

double bits_per_weight(const WeightFormat& format, int64_t length, int64_t blocks) {
  const int bits = ir::bits(format.storage);
  const int zero = format.storage == DType::e0m4 ? 16 : has_fixed_zero(format) ? 0 : bits;
  return bits + double(blocks * (16 + zero)) / double(length);
}

Result<QuantizedLayer> quantize_one(Graph& graph, const WeightLines& weight,
                                    const WeightFormat& format, int threads) {
  const int64_t lines = line_count(graph, weight), length = line_length(graph, weight);
  // A group longer than a line would only add padding.
  WeightFormat fitted = format;
  if (fitted.group > 0)
    fitted.group = std::min(fitted.group, int64_t(std::bit_ceil(uint64_t(length))));
  const int64_t block = fitted.group > 0 ? fitted.group : length;
  const int64_t blocks = (length + block - 1) / block;
  QuantizedLayer layer{
      weight.name, lines, length, str(fitted), bits_per_weight(fitted, length, blocks), false, {}};
  const std::string name = graph[weight.constant].name;
  if (const auto kept = kept_codes(graph, weight, fitted)) {
    layer.same = true;
    layer.loss = loss_between(graph, weight, *kept);
    replace(graph, weight, *kept, graph[weight.constant].constant, lines, length);
    return layer;
  }
  Job job{graph, weight, fitted, lines, length, block, blocks, {}, {}, {}, -1};
  job.codes.resize(size_t(lines * blocks * block * ir::bits(fitted.storage) / 8));
  job.scales.resize(size_t(lines * blocks));
  job.zeros.resize(size_t(lines * blocks));
  layer.loss = quantize_lines(job, threads);
  if (job.bad_line >= 0)
    return Error("weight '" + name + "' has a NaN or an infinity in line " +
                 std::to_string(job.bad_line) + ", which has no codes; --keep leaves it as it is");
  const ir::Quantization quantization = quantization_of(graph, job, name);
  replace(graph, weight, quantization, ir::make_constant(std::move(job.codes)), lines, length);
  return layer;
}

// Matrices of experts in one tensor, which stay as they are.
void name_stacks(const Graph& graph, std::vector<std::string>& left) {
  for (const ir::NodeId id : graph.order()) {
    for (const ValueId input : graph[id].inputs) {
      if (input == ValueId::none) continue;
      const ir::Value& value = graph[input];
      const bool stack = value.kind == ir::ValueKind::constant && value.type.shape.size() == 3 &&
                         ir::is_float(value.type.dtype) && value.type.shape[1] != ir::Dim(1) &&
                         value.type.shape[2] != ir::Dim(1);
      if (stack) left.push_back("'" + value.name + "' stays as it is: a stack of matrices");
    }
  }
}

bool is_kept(const std::string& name, const std::string& constant,
             const std::vector<std::string>& keep, std::vector<bool>& met) {
  bool kept = false;
  for (size_t i = 0; i < keep.size(); ++i) {
    if (name.find(keep[i]) == std::string::npos && constant.find(keep[i]) == std::string::npos)
      continue;
    met[i] = kept = true;
  }
  return kept;
}

}  // namespace

std::string str(const WeightFormat& format) {
  const std::string group = format.group > 0 ? " " + std::to_string(format.group) : "";
  return std::string(weights_name(format.storage)) + " " + format.form + group;
}

Result<WeightFormat> weight_format(const std::string& weights, const std::string& form,
                                   int64_t group) {
  WeightFormat format;
  if (weights == "int4" || weights == "int8") {
    format.storage = weights == "int4" ? DType::u4 : DType::u8;
  } else if (weights != "e0m4" && weights != "m0e4") {
    return Error{"weights of '" + weights + "' are not known; e0m4 (or m0e4), int4 and int8 are",
                 ErrorKind::usage};
  }
  const bool whole_lines = format.storage == DType::u8;
  format.group = group >= 0 ? group : whole_lines ? 0 : 64;
  const bool power =
      format.group >= 16 && format.group <= 1024 && std::has_single_bit(uint64_t(format.group));
  if (!power && !(whole_lines && format.group == 0))
    return Error{"--group " + std::to_string(format.group) +
                     ": groups of 16, 32, 64, 128, 256, 512 and 1024 are supported" +
                     (whole_lines ? ", and 0 for whole lines" : ""),
                 ErrorKind::usage};
  std::string known;
  for (const NamedForm& one : kForms) {
    if (one.storage != format.storage) continue;
    if (format.form.empty() && (form.empty() || form == one.name)) format.form = one.name;
    known += (known.empty() ? "" : ", ") + std::string(one.name);
  }
  if (format.form.empty())
    return Error{"--form " + form + ": " + weights_name(format.storage) + " has " + known,
                 ErrorKind::usage};
  return format;
}

Result<QuantizeReport> quantize_weights(Graph& graph, const QuantizePlan& plan) {
  QuantizeReport report;
  std::vector<bool> met(plan.keep.size(), false);
  const std::vector<WeightLines> weights = find_weights(graph);
  for (const WeightLines& weight : weights) {
    if (is_kept(weight.name, graph[weight.constant].name, plan.keep, met)) {
      report.left.push_back("'" + weight.name + "' is kept, as --keep asks");
    } else if (weight.head && plan.keep_head) {
      report.left.push_back("'" + weight.name + "' is kept, as --head asks");
    } else {
      const WeightFormat& format = weight.head && plan.head ? *plan.head : plan.all;
      report.layers.push_back(TRY(quantize_one(graph, weight, format, plan.threads)));
    }
  }
  name_stacks(graph, report.left);
  for (size_t i = 0; i < met.size(); ++i)
    if (!met[i])
      return Error{"--keep " + plan.keep[i] + ": no weight has this in its name", ErrorKind::usage};
  if (report.layers.empty() && report.left.empty())
    return Error(
        "the model has no weights to quantize: no product or table of token ids reads a "
        "matrix of floats");
  TRY(graph.collect_and_sort());
  TRY(ops::infer_types(graph));
  TRY(ir::verify(graph));
  return report;
}

}  // namespace weft::cli
