#include "tools/weft/data_sets.h"

#include <fnmatch.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "core/ops/array.h"

namespace weft::cli {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kPrefix = "test_data_set_", kExact = "_exact";

std::vector<std::string> set_names(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    std::error_code ignored;
    const std::string name = it->path().filename().string();
    if (name.starts_with(kPrefix) && it->is_directory(ignored)) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

// The number behind the prefix; 0 where there is none.
int64_t number_of(const std::string& name) {
  int64_t number = 0;
  for (size_t i = kPrefix.size(); i < name.size() && name[i] >= '0' && name[i] <= '9'; ++i)
    number = std::min(number * 10 + (name[i] - '0'), int64_t{1} << 32);
  return number;
}

Result<std::vector<onnx::NamedTensor>> read_tensors(const fs::path& folder, const char* kind,
                                                    const std::vector<std::string>& names) {
  std::vector<onnx::NamedTensor> tensors;
  for (size_t k = 0;; ++k) {
    const fs::path file = folder / (std::string(kind) + std::to_string(k) + ".pb");
    std::error_code ignored;
    if (!fs::exists(file, ignored)) return tensors;
    auto tensor = TRY(onnx::read_tensor_file(file), folder.filename().string());
    const bool known = std::find(names.begin(), names.end(), tensor.name) != names.end();
    if (!known && k < names.size()) tensor.name = names[k];
    tensors.push_back(std::move(tensor));
  }
}

Result<ValidPositions> read_positions(const fs::path& folder) {
  ValidPositions positions;
  std::ifstream file(folder / "check.json");
  if (!file) return positions;
  const auto json = nlohmann::json::parse(file, nullptr, false);
  const Error wrong("check.json is not {\"outputs\": PATTERN, \"axis\": N, \"valid\": {SET: N}}");
  if (!json.is_object() || !json.contains("outputs") || !json["outputs"].is_string() ||
      !json.contains("axis") || !json["axis"].is_number_integer() || !json.contains("valid") ||
      !json["valid"].is_object())
    return wrong;
  positions.outputs = json["outputs"].get<std::string>();
  positions.axis = json["axis"].get<int64_t>();
  for (const auto& [set, count] : json["valid"].items()) {
    if (!count.is_number_integer() || count.get<int64_t>() < 0) return wrong;
    positions.valid[set] = count.get<int64_t>();
  }
  return positions;
}

// Caches that come with room for more hold `valid` positions after the run; what is beyond those
// before it is nothing at all, and is taken off.
void cut_past(DataSet& set, int64_t axis, int64_t valid) {
  int64_t run = 0;  // tokens
  for (const onnx::NamedTensor& input : set.inputs) {
    if (input.tensor.dims.size() == 2 && input.name.find("mask") == std::string::npos)
      run = std::max(run, input.tensor.dims[1]);
  }
  const int64_t past = valid - run;
  for (onnx::NamedTensor& input : set.inputs) {
    onnx::Tensor& tensor = input.tensor;
    const bool is_cache = tensor.dims.size() == 4 && axis >= 0 && axis < 4 && past >= 0;
    if (!is_cache || tensor.dims[size_t(axis)] <= past) continue;
    ops::Array whole{tensor.dtype, tensor.dims, ops::row_major(tensor.dims),
                     const_cast<std::byte*>(tensor.data->bytes.data())};
    tensor.dims[size_t(axis)] = past;
    ops::Tensor kept = ops::Tensor::zeros(tensor.dtype, tensor.dims);
    ops::copy_elements(ops::narrowed(whole, axis, 0, past), kept.view());
    tensor = onnx::make_tensor(tensor.dtype, tensor.dims, std::move(kept.bytes));
  }
}

}  // namespace

int64_t ValidPositions::limit(const std::string& set, const std::string& output) const {
  const auto found = valid.find(set);
  if (found == valid.end() || fnmatch(outputs.c_str(), output.c_str(), 0) != 0) return -1;
  return found->second;
}

Result<std::vector<fs::path>> find_test_folders(const fs::path& folder) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) {
    return Error{"'" + folder.string() + "' is no folder; check takes folders with test_data_set_*",
                 ErrorKind::usage};
  }
  std::set<fs::path> found;
  if (!set_names(folder).empty()) found.insert(folder);
  const auto options = fs::directory_options::skip_permission_denied;
  for (fs::recursive_directory_iterator it(folder, options, error), end; !error && it != end;
       it.increment(error)) {
    if (it->path().filename().string().starts_with(kPrefix) && it->is_directory(error))
      found.insert(it->path().parent_path());
  }
  if (found.empty()) {
    return Error{"'" + folder.string() + "' holds no test data: there is no folder test_data_set_*",
                 ErrorKind::usage};
  }
  return std::vector<fs::path>(found.begin(), found.end());
}

Result<TestData> read_test_data(const fs::path& folder, const std::vector<std::string>& inputs,
                                const std::vector<std::string>& outputs) {
  TestData data;
  data.positions = TRY(read_positions(folder));
  const auto names = set_names(folder);
  const auto there = [&](const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  for (const std::string& name : names) {
    if (there(name + std::string(kExact))) continue;
    DataSet set;
    set.name = name;
    set.number = number_of(name);
    set.exact = name.ends_with(kExact);
    set.inputs = TRY(read_tensors(folder / name, "input_", inputs));
    set.outputs = TRY(read_tensors(folder / name, "output_", outputs));
    if (set.outputs.empty()) return Error(name + " holds no output_0.pb to compare with");
    const auto valid = data.positions.valid.find(name);
    if (valid != data.positions.valid.end()) cut_past(set, data.positions.axis, valid->second);
    data.sets.push_back(std::move(set));
  }
  std::stable_sort(data.sets.begin(), data.sets.end(),
                   [](const DataSet& a, const DataSet& b) { return a.number < b.number; });
  return data;
}

}  // namespace weft::cli
