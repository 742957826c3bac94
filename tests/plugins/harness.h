// A host in miniature for plugin tests: builds weft_graph PODs, loads a plugin, runs the graph
// through the ABI alone, and returns the outputs.
//
//   Graph g;
//   uint32_t x = g.input("x", {2, 3}, values);
//   uint32_t y = g.activation("y", WEFT_F32, {2, 3});
//   g.node("Relu", {x}, {y});
//   g.outputs = {y};
//   std::vector<float> out = Plugin("cpu").device().run(g)[0].floats();
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "weft/extensions.h"

namespace weft::test {

// Bytes with a type: what goes in and comes out.
struct Data {
  weft_dtype dtype = WEFT_F32;
  std::vector<int64_t> shape;
  std::vector<char> bytes;

  static Data floats(std::vector<int64_t> shape, const std::vector<float>& values);
  static Data integers(std::vector<int64_t> shape, const std::vector<int64_t>& values);
  static Data zeros(weft_dtype dtype, std::vector<int64_t> shape);
  int64_t count() const;
  std::vector<float> floats() const;
  std::vector<int64_t> integers() const;
};

// A dim: a number, or slot n.
struct D {
  weft_dim dim{};
  D(int64_t value) : dim{value, WEFT_NONE, 0} {}
  static D slot(uint32_t n) {
    D d(0);
    d.dim.slot = n;
    return d;
  }
};

using Attribute = std::variant<int64_t, float, std::string, std::vector<int64_t>>;

// A graph under construction; owns everything its PODs point to.
class Graph {
 public:
  std::vector<uint32_t> inputs, outputs;

  uint32_t slot(int64_t min, int64_t max);
  uint32_t input(const std::string& name, Data data, std::vector<D> dims = {}, uint32_t flags = 0);
  uint32_t activation(const std::string& name, weft_dtype dtype, std::vector<D> dims);
  uint32_t constant(const std::string& name, Data data);
  // A view of `bytes` at byte offset `offset` of another value.
  uint32_t view(const std::string& name, weft_dtype dtype, std::vector<D> dims, uint32_t parent,
                D offset);
  uint32_t contents(const std::string& name, std::vector<D> elements, weft_dtype dtype = WEFT_I64);
  // A quantized [K, N] constant: codes stored [lines][blocks * block], lines = N when column_major.
  // `codes` has one byte per code; they are packed here for 4-bit storage.
  struct Quantized {
    weft_dtype storage = WEFT_U4;
    int64_t rows = 0, cols = 0;  // of the value
    int64_t matrices = 0;        // 0: rank 2; else a stack, row-major
    bool column_major = true;
    uint32_t block = 32;
    std::vector<int> codes;     // [lines][padded]
    std::vector<float> scales;  // [lines][blocks]
    std::vector<float> zeros;   // [lines][blocks], or empty: `zero`
    bool zeros_u8 = false;
    double zero = 0;
  };
  uint32_t quantized(const std::string& name, const Quantized& q);
  // A plain f32 [k, n] constant stored column by column; `elements` in that order.
  uint32_t column_major(const std::string& name, int64_t k, int64_t n, std::vector<float> elements);
  // A constant over the same bytes, seen as the transpose and in the other order.
  uint32_t transposed(const std::string& name, uint32_t constant);
  void node(const std::string& op, std::vector<uint32_t> in, std::vector<uint32_t> out,
            std::map<std::string, Attribute> attrs = {}, const std::string& domain = "");

  // Places activations one after the other in the workspace, sized for `slots`. Values between the
  // nodes of one unit get no place.
  weft_graph pod();
  // Nodes of a claim share a unit, as compile() sees them.
  void set_units(const std::vector<std::vector<uint32_t>>& claims);
  const weft_value& value(uint32_t i) const { return values_[i]; }
  Data& input_data(uint32_t value) { return input_data_[value]; }
  uint32_t slot_count() const { return uint32_t(slots_.size()); }
  uint64_t workspace_bytes() const { return workspace_; }

 private:
  uint32_t add(const std::string& name, weft_dtype dtype, std::vector<D> dims);
  bool is_inner(uint32_t value) const;
  std::vector<weft_value> values_;
  std::vector<weft_slot> slots_;
  std::vector<weft_node> nodes_;
  std::map<uint32_t, Data> input_data_;
  std::deque<Data> constants_;
  std::deque<std::string> strings_;
  std::deque<std::vector<weft_dim>> dims_;
  std::deque<std::vector<uint32_t>> indices_;
  std::deque<std::vector<weft_attr>> attrs_;
  std::deque<Attribute> attr_values_;
  std::deque<weft_quant> quants_;
  uint64_t next_id_ = 1;
  uint64_t workspace_ = 0;
};

// An error detail for a call to fill.
weft_error fresh_error();

struct Refused {
  uint32_t node, code;
  std::string why;
};

// How a run places its tensors: offsets of the views within their buffers, and an exact fit.
struct RunOptions {
  std::vector<int64_t> slots;
  bool fix_slots = false;         // compile for these values
  uint64_t view_offset = 0;       // bytes before each input and output
  uint64_t workspace_offset = 0;  // multiple of 64
  const void* blob = nullptr;
  uint64_t blob_size = 0;
  std::vector<char>* save_to = nullptr;
};

// A plugin that is loaded, with one device open. The host runs teams of `threads` threads.
class Device {
 public:
  Device(const std::string& plugin, uint32_t threads = 1,
         const std::map<std::string, std::string>& options = {});
  ~Device();
  Device(const Device&) = delete;

  // Compiles, runs once and returns the outputs. Throws std::runtime_error with the plugin's
  // message.
  std::vector<Data> run(Graph& graph, const RunOptions& options = {});
  // The nodes of each claim, where asked for.
  std::vector<Refused> claim(Graph& graph, std::vector<std::vector<uint32_t>>* claims = nullptr);
  const weft_api& api() const { return *api_; }
  weft_device* handle() const { return device_; }
  const std::string& name() const { return name_; }
  void check(weft_status status, const weft_error& error) const;
  // What the plugin has logged as a warning or an error.
  std::vector<std::string> warnings() const;

 private:
  struct Host;
  struct Run;
  std::unique_ptr<Host> host_;
  std::unique_ptr<weft_api> api_;
  weft_device* device_ = nullptr;
  std::string name_;
};

}  // namespace weft::test
