// The miniature host; see harness.h.
#include "tests/plugins/harness.h"

#include <dlfcn.h>

#include <algorithm>

#include <atomic>
#include <cstring>
#include <mutex>
#include <stdexcept>
#include <thread>

namespace weft::test {

namespace {

uint32_t item_size(weft_dtype dtype) {
  switch (dtype) {
    case WEFT_F32:
    case WEFT_I32:
    case WEFT_U32:
      return 4;
    case WEFT_I64:
    case WEFT_U64:
    case WEFT_F64:
      return 8;
    case WEFT_F16:
    case WEFT_BF16:
    case WEFT_I16:
    case WEFT_U16:
      return 2;
    default:
      return 1;
  }
}

}  // namespace

// ------------------------------------------------------------------ Data
int64_t Data::count() const {
  int64_t n = 1;
  for (int64_t d : shape) n *= d;
  return n;
}

Data Data::zeros(weft_dtype dtype, std::vector<int64_t> shape) {
  Data data{dtype, std::move(shape), {}};
  data.bytes.resize(size_t(data.count()) * item_size(dtype));
  return data;
}

Data Data::floats(std::vector<int64_t> shape, const std::vector<float>& values) {
  Data data{WEFT_F32, std::move(shape), {}};
  data.bytes.resize(values.size() * 4);
  if (!values.empty()) std::memcpy(data.bytes.data(), values.data(), data.bytes.size());
  return data;
}

Data Data::integers(std::vector<int64_t> shape, const std::vector<int64_t>& values) {
  Data data{WEFT_I64, std::move(shape), {}};
  data.bytes.resize(values.size() * 8);
  if (!values.empty()) std::memcpy(data.bytes.data(), values.data(), data.bytes.size());
  return data;
}

std::vector<float> Data::floats() const {
  std::vector<float> out(bytes.size() / 4);
  if (!out.empty()) std::memcpy(out.data(), bytes.data(), bytes.size());
  return out;
}

std::vector<int64_t> Data::integers() const {
  std::vector<int64_t> out(bytes.size() / 8);
  if (!out.empty()) std::memcpy(out.data(), bytes.data(), bytes.size());
  return out;
}

// ------------------------------------------------------------------ Graph
uint32_t Graph::slot(int64_t min, int64_t max) {
  slots_.push_back({"slot", min, max});
  return uint32_t(slots_.size() - 1);
}

uint32_t Graph::add(const std::string& name, weft_dtype dtype, std::vector<D> dims) {
  strings_.push_back(name);
  std::vector<weft_dim>& stored = dims_.emplace_back();
  for (const D& d : dims) stored.push_back(d.dim);
  weft_value value{};
  value.name = strings_.back().c_str();
  value.dtype = dtype;
  value.rank = uint32_t(stored.size());
  value.dims = stored.data();
  value.parent = WEFT_NONE;
  value.offset = {0, WEFT_NONE, 0};
  value.fd = -1;
  values_.push_back(value);
  return uint32_t(values_.size() - 1);
}

uint32_t Graph::input(const std::string& name, Data data, std::vector<D> dims, uint32_t flags) {
  if (dims.empty()) dims.assign(data.shape.begin(), data.shape.end());
  const uint32_t v = add(name, data.dtype, dims);
  values_[v].flags = WEFT_VALUE_INPUT | flags;
  input_data_[v] = std::move(data);
  inputs.push_back(v);
  return v;
}

uint32_t Graph::activation(const std::string& name, weft_dtype dtype, std::vector<D> dims) {
  return add(name, dtype, std::move(dims));
}

uint32_t Graph::view(const std::string& name, weft_dtype dtype, std::vector<D> dims,
                     uint32_t parent, D offset) {
  const uint32_t v = add(name, dtype, std::move(dims));
  values_[v].flags = WEFT_VALUE_VIEW;
  values_[v].parent = parent;
  values_[v].offset = offset.dim;
  return v;
}

uint32_t Graph::contents(const std::string& name, std::vector<D> elements, weft_dtype dtype) {
  const uint32_t v = add(name, dtype, {D(int64_t(elements.size()))});
  std::vector<weft_dim>& stored = dims_.emplace_back();
  for (const D& d : elements) stored.push_back(d.dim);
  values_[v].flags = WEFT_VALUE_CONTENTS;
  values_[v].contents = stored.data();
  values_[v].contents_count = uint32_t(stored.size());
  return v;
}

uint32_t Graph::constant(const std::string& name, Data data) {
  const uint32_t v = add(name, data.dtype, std::vector<D>(data.shape.begin(), data.shape.end()));
  constants_.push_back(std::move(data));
  values_[v].flags = WEFT_VALUE_CONSTANT;
  values_[v].data = constants_.back().bytes.data();
  values_[v].data_size = constants_.back().bytes.size();
  return v;
}

uint32_t Graph::quantized(const std::string& name, const Quantized& q) {
  const bool nibbles = q.storage == WEFT_U4 || q.storage == WEFT_I4 || q.storage == WEFT_F4_E0M4;
  std::vector<char> bytes(nibbles ? (q.codes.size() + 1) / 2 : q.codes.size());
  for (size_t i = 0; i < q.codes.size(); i++) {
    if (nibbles) {
      bytes[i / 2] = char(bytes[i / 2] | (q.codes[i] & 15) << (i % 2 * 4));
    } else {
      bytes[i] = char(q.codes[i]);
    }
  }
  const int64_t lines = (q.column_major ? q.cols : q.rows) * std::max<int64_t>(q.matrices, 1);
  const int64_t blocks = int64_t(q.scales.size()) / lines;
  weft_quant quant{};
  quant.struct_size = sizeof quant;
  quant.scheme = WEFT_Q_AFFINE;
  quant.storage = q.storage;
  quant.block = q.block;
  quant.scale_value = constant(name + ".scale", Data::floats({lines, blocks}, q.scales));
  quant.zero_point_value = WEFT_NONE;
  quant.codebook_value = WEFT_NONE;
  quant.zero = q.zero;
  if (!q.zeros.empty() && q.zeros_u8) {
    Data zeros = Data::zeros(WEFT_U8, {lines, blocks});
    for (size_t i = 0; i < q.zeros.size(); i++) zeros.bytes[i] = char(uint8_t(q.zeros[i]));
    quant.zero_point_value = constant(name + ".zero", zeros);
  } else if (!q.zeros.empty()) {
    quant.zero_point_value = constant(name + ".zero", Data::floats({lines, blocks}, q.zeros));
  }
  quants_.push_back(quant);
  std::vector<int64_t> shape = {q.rows, q.cols};
  if (q.matrices) shape.insert(shape.begin(), q.matrices);
  const uint32_t v = constant(name, Data{WEFT_F32, shape, std::move(bytes)});
  values_[v].quant = &quants_.back();
  values_[v].order = q.column_major ? WEFT_COLUMN_MAJOR : WEFT_ROW_MAJOR;
  return v;
}

uint32_t Graph::column_major(const std::string& name, int64_t k, int64_t n,
                             std::vector<float> elements) {
  const uint32_t v = constant(name, Data::floats({k, n}, elements));
  values_[v].order = WEFT_COLUMN_MAJOR;
  return v;
}

uint32_t Graph::transposed(const std::string& name, uint32_t constant_value) {
  const weft_value from = values_[constant_value];
  const uint32_t v = add(name, from.dtype, {D(from.dims[1].value), D(from.dims[0].value)});
  const weft_value mine = values_[v];
  values_[v] = from;
  values_[v].name = mine.name;
  values_[v].dims = mine.dims;
  values_[v].order = from.order == WEFT_COLUMN_MAJOR ? WEFT_ROW_MAJOR : WEFT_COLUMN_MAJOR;
  return v;
}

void Graph::node(const std::string& op, std::vector<uint32_t> in, std::vector<uint32_t> out,
                 std::map<std::string, Attribute> attrs, const std::string& domain) {
  std::vector<weft_attr>& list = attrs_.emplace_back();
  for (auto& [key, given] : attrs) {
    const Attribute& stored = attr_values_.emplace_back(given);
    strings_.push_back(key);
    weft_attr attr{strings_.back().c_str(), 0, 1, nullptr};
    if (const auto* i = std::get_if<int64_t>(&stored)) {
      attr.type = WEFT_ATTR_INT;
      attr.data = i;
    } else if (const auto* f = std::get_if<float>(&stored)) {
      attr.type = WEFT_ATTR_FLOAT;
      attr.data = f;
    } else if (const auto* s = std::get_if<std::string>(&stored)) {
      attr.type = WEFT_ATTR_STRING;
      attr.data = s->c_str();
    } else {
      const auto& n = std::get<std::vector<int64_t>>(stored);
      attr.type = WEFT_ATTR_INTS;
      attr.count = uint32_t(n.size());
      attr.data = n.data();
    }
    list.push_back(attr);
  }
  strings_.push_back(op);
  const char* op_name = strings_.back().c_str();
  strings_.push_back(domain);
  weft_node node{};
  node.name = op_name;
  node.op_type = op_name;
  node.domain = strings_.back().c_str();
  node.since_version = 25;
  node.unit = WEFT_NONE;
  node.inputs = indices_.emplace_back(std::move(in)).data();
  node.input_count = uint32_t(indices_.back().size());
  node.outputs = indices_.emplace_back(std::move(out)).data();
  node.output_count = uint32_t(indices_.back().size());
  node.attrs = list.data();
  node.attr_count = uint32_t(list.size());
  node.attr_stride = sizeof(weft_attr);
  nodes_.push_back(node);
}

void Graph::set_units(const std::vector<std::vector<uint32_t>>& claims) {
  for (weft_node& node : nodes_) node.unit = WEFT_NONE;
  for (uint32_t unit = 0; unit < claims.size(); unit++)
    for (const uint32_t n : claims[unit]) nodes_[n].unit = unit;
}

bool Graph::is_inner(uint32_t value) const {
  uint32_t unit = WEFT_NONE;
  const auto reads = [&](const weft_node& node) {
    return std::count(node.inputs, node.inputs + node.input_count, value) > 0;
  };
  for (const weft_node& node : nodes_)
    if (std::count(node.outputs, node.outputs + node.output_count, value)) unit = node.unit;
  return unit != WEFT_NONE && std::any_of(nodes_.begin(), nodes_.end(), reads) &&
         std::all_of(nodes_.begin(), nodes_.end(),
                     [&](const weft_node& node) { return !reads(node) || node.unit == unit; });
}

weft_graph Graph::pod() {
  workspace_ = 0;
  for (uint32_t v : outputs) values_[v].flags |= WEFT_VALUE_OUTPUT;
  for (uint32_t v = 0; v < values_.size(); v++) {
    weft_value& value = values_[v];
    if (value.flags) continue;
    if (is_inner(v)) {
      value.offset = {-1, WEFT_NONE, 0};
      continue;
    }
    value.offset = {int64_t(workspace_), WEFT_NONE, 0};
    uint64_t bytes = item_size(value.dtype);
    for (uint32_t d = 0; d < value.rank; d++)
      bytes *= uint64_t(value.dims[d].slot == WEFT_NONE ? value.dims[d].value
                                                        : slots_[value.dims[d].slot].max);
    workspace_ += (bytes + 63) & ~uint64_t{63};
  }
  weft_graph graph{};
  graph.struct_size = sizeof graph;
  graph.nodes = nodes_.data();
  graph.node_count = uint32_t(nodes_.size());
  graph.node_stride = sizeof(weft_node);
  graph.values = values_.data();
  graph.value_count = uint32_t(values_.size());
  graph.value_stride = sizeof(weft_value);
  graph.slots = slots_.data();
  graph.slot_count = uint32_t(slots_.size());
  graph.slot_stride = sizeof(weft_slot);
  graph.inputs = inputs.data();
  graph.input_count = uint32_t(inputs.size());
  graph.outputs = outputs.data();
  graph.output_count = uint32_t(outputs.size());
  graph.name = "test";
  return graph;
}

// ------------------------------------------------------------------ Device
struct Device::Host {
  weft_host table{};
  std::mutex mutex;
  std::vector<std::string> warnings;
};

namespace {

weft_status WEFT_CALL run_team(void*, uint32_t n, void(WEFT_CALL* fn)(void*, uint32_t), void* arg) {
  std::vector<std::thread> threads;
  for (uint32_t i = 1; i < n; i++) threads.emplace_back([=] { fn(arg, i); });
  fn(arg, 0);
  for (std::thread& t : threads) t.join();
  return WEFT_OK;
}

}  // namespace

weft_error fresh_error() {
  weft_error error{};
  error.struct_size = sizeof error;
  return error;
}

void Device::check(weft_status status, const weft_error& error) const {
  if (status < 0)
    throw std::runtime_error(std::to_string(status) + ": " + std::string(error.message));
}

Device::Device(const std::string& plugin, uint32_t threads,
               const std::map<std::string, std::string>& options)
    : host_(std::make_unique<Host>()), api_(std::make_unique<weft_api>()), name_(plugin) {
  const std::string path = std::string(WEFT_PLUGIN_DIR) + "/weft_" + plugin + ".so";
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) throw std::runtime_error(dlerror());
  const auto entry = reinterpret_cast<weft_plugin_entry_fn>(dlsym(library, WEFT_ENTRY_SYMBOL));
  if (!entry) throw std::runtime_error(dlerror());
  weft_host& table = host_->table;
  table.struct_size = sizeof table;
  table.version_major = WEFT_VERSION_MAJOR;
  table.version_minor = WEFT_VERSION_MINOR;
  table.thread_count = threads;
  table.name = "test host";
  table.ctx = host_.get();
  table.log = [](void* ctx, uint32_t level, const char* line) {
    if (level > WEFT_LOG_WARN) return;
    Host& host = *static_cast<Host*>(ctx);
    const std::lock_guard lock(host.mutex);
    host.warnings.emplace_back(line);
  };
  table.run_team = threads > 1 ? run_team : nullptr;
  *api_ = weft_api{};
  api_->struct_size = sizeof(weft_api);
  weft_entry_args args{sizeof args, WEFT_VERSION_MAJOR, WEFT_VERSION_MINOR, 0,
                       &table,      api_.get(),         path.c_str()};
  weft_error error = fresh_error();
  check(entry(&args, &error), error);
  std::vector<weft_kv> list;
  for (const auto& [key, value] : options) list.push_back({key.c_str(), value.c_str()});
  const weft_status opened =
      api_->device_open(api_->self, 0, list.data(), uint32_t(list.size()), &device_, &error);
  if (opened < 0) api_->shutdown(api_->self);
  check(opened, error);
}

Device::~Device() {
  if (device_) api_->device_close(device_);
  api_->shutdown(api_->self);
}

std::vector<std::string> Device::warnings() const {
  const std::lock_guard lock(host_->mutex);
  return host_->warnings;
}

std::vector<Refused> Device::claim(Graph& graph, std::vector<std::vector<uint32_t>>* claims) {
  struct Context {
    std::vector<Refused> refused;
    std::vector<std::vector<uint32_t>>* claims;
  } context{{}, claims};
  weft_claim_sink sink{};
  sink.struct_size = sizeof sink;
  sink.ctx = &context;
  sink.add = [](void* c, const weft_claim* claim) -> weft_status {
    if (auto* list = static_cast<Context*>(c)->claims)
      list->emplace_back(claim->nodes, claim->nodes + claim->node_count);
    return WEFT_OK;
  };
  sink.decline = [](void* c, const weft_refusal* r) -> weft_status {
    static_cast<Context*>(c)->refused.push_back({r->node, r->code, r->why});
    return WEFT_OK;
  };
  const weft_graph pod = graph.pod();
  weft_error error = fresh_error();
  check(api_->claim(device_, &pod, &sink, &error), error);
  return context.refused;
}

// One run: the program, its buffers and views, freed in reverse.
struct Device::Run {
  Device& device;
  Graph& graph;
  const RunOptions& options;
  weft_error error = fresh_error();
  weft_program* program = nullptr;
  std::vector<weft_buffer*> buffers{};
  std::vector<weft_view> inputs{}, outputs{};
  weft_queue* queue = nullptr;
  weft_event* done = nullptr;

  ~Run() {
    const weft_api& api = device.api();
    if (done) api.event_destroy(done);
    if (queue) api.queue_destroy(queue);
    for (weft_buffer* buffer : buffers) api.buffer_free(buffer);
    if (program) api.program_destroy(program);
  }
  void check(weft_status status) const { device.check(status, error); }
  void compile();
  void save();
  weft_buffer* allocate(uint64_t size);
  void write(const weft_view& view, const std::vector<char>& bytes);
  void read(const weft_view& view, std::vector<char>& bytes);
  weft_view place(uint32_t v);
  void execute();
};

void Device::Run::compile() {
  graph.set_units({});
  std::vector<std::vector<uint32_t>> claims;
  device.claim(graph, &claims);
  graph.set_units(claims);
  const weft_graph pod = graph.pod();
  weft_compile_args args{};
  args.struct_size = sizeof args;
  args.graph = &pod;
  args.slots = options.fix_slots ? options.slots.data() : nullptr;
  args.blob = options.blob;
  args.blob_size = options.blob_size;
  check(device.api().compile(device.handle(), &args, &program, &error));
}

void Device::Run::save() {
  weft_writer writer{sizeof writer, 0, options.save_to,
                     [](void* ctx, const void* bytes, uint64_t size) -> weft_status {
                       auto& to = *static_cast<std::vector<char>*>(ctx);
                       const char* from = static_cast<const char*>(bytes);
                       to.insert(to.end(), from, from + size);
                       return WEFT_OK;
                     }};
  check(device.api().program_save(program, &writer, &error));
}

weft_buffer* Device::Run::allocate(uint64_t size) {
  weft_buffer_desc desc{sizeof desc, 0, size, "test"};
  weft_buffer* buffer = nullptr;
  check(device.api().buffer_alloc(device.handle(), &desc, &buffer, &error));
  buffers.push_back(buffer);
  return buffer;
}

void Device::Run::write(const weft_view& view, const std::vector<char>& bytes) {
  if (bytes.empty()) return;
  void* to = nullptr;
  check(device.api().buffer_map(view.buffer, view.byte_offset, bytes.size(), 2, &to, &error));
  std::memcpy(to, bytes.data(), bytes.size());
  check(device.api().buffer_unmap(view.buffer, to, &error));
}

void Device::Run::read(const weft_view& view, std::vector<char>& bytes) {
  if (bytes.empty()) return;
  void* from = nullptr;
  check(device.api().buffer_map(view.buffer, view.byte_offset, bytes.size(), 1, &from, &error));
  std::memcpy(bytes.data(), from, bytes.size());
  check(device.api().buffer_unmap(view.buffer, from, &error));
}

weft_view Device::Run::place(uint32_t v) {
  const weft_value& value = graph.value(v);
  weft_view view{};
  view.dtype = value.dtype;
  view.rank = value.rank;
  view.byte_offset = options.view_offset;
  int64_t count = 1;
  for (uint32_t d = value.rank; d-- > 0;) {
    const weft_dim& dim = value.dims[d];
    view.shape[d] = dim.slot == WEFT_NONE ? dim.value : options.slots.at(dim.slot);
    view.stride[d] = count;
    count *= view.shape[d];
  }
  view.buffer = allocate(options.view_offset + uint64_t(count) * item_size(value.dtype));
  return view;
}

void Device::Run::execute() {
  const weft_api& api = device.api();
  weft_program_info info{};
  info.struct_size = sizeof info;
  check(api.program_info(program, &info, &error));
  const uint64_t scratch = (options.workspace_offset + graph.workspace_bytes() + 63) & ~63ull;
  weft_execute_args args{};
  args.struct_size = sizeof args;
  args.program = program;
  args.inputs = inputs.data();
  args.outputs = outputs.data();
  args.slots = options.slots.data();
  args.workspace = allocate(scratch + info.scratch_bytes);
  args.workspace_offset = options.workspace_offset;
  args.scratch_offset = scratch;
  args.input_count = uint32_t(inputs.size());
  args.output_count = uint32_t(outputs.size());
  args.view_stride = sizeof(weft_view);
  weft_queue_desc desc{sizeof desc, 0, 0, 0};
  check(api.queue_create(device.handle(), &desc, &queue, &error));
  check(api.execute(queue, &args, &done, &error));
  check(api.event_wait(done, UINT64_MAX, &error));
}

std::vector<Data> Device::run(Graph& graph, const RunOptions& options) {
  Run run{*this, graph, options};
  run.compile();
  if (options.save_to) run.save();
  for (uint32_t v : graph.inputs) {
    run.inputs.push_back(run.place(v));
    run.write(run.inputs.back(), graph.input_data(v).bytes);
  }
  for (uint32_t v : graph.outputs) run.outputs.push_back(run.place(v));
  run.execute();
  // States are handed back too, so that a test can see what was written in place.
  for (size_t i = 0; i < graph.inputs.size(); i++) {
    if (!(graph.value(graph.inputs[i]).flags & WEFT_VALUE_STATE)) continue;
    run.read(run.inputs[i], graph.input_data(graph.inputs[i]).bytes);
  }
  std::vector<Data> results;
  for (const weft_view& view : run.outputs) {
    results.push_back(
        Data::zeros(view.dtype, std::vector<int64_t>(view.shape, view.shape + view.rank)));
    run.read(view, results.back().bytes);
  }
  return results;
}

}  // namespace weft::test
