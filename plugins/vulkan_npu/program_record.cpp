// From addresses to commands: which ranges kernels see, and in how many dispatches a product is
// done.
//
// One binding covers at most Limits::storage_range bytes, so long tensors are taken in groups of
// rows and wide weights in groups of panels.
#include <algorithm>

#include "plugins/vulkan_npu/program.h"

namespace weft::vulkan_npu {

namespace {

// Recordings kept per program: one per phase, profile and chunk in flight is the rule.
constexpr size_t kRecordings = 16;

// Elements that one dispatch between codes does: within any binding, and within any count of
// groups.
constexpr uint64_t kSlice = uint64_t{1} << 22;

uint64_t padded(uint64_t rows) { return (rows + kRows - 1) / kRows * kRows; }

}  // namespace

// Bytes of a row of the result.
uint64_t NpuProgram::pitch(const Step& step) const {
  return uint64_t(step.unit.product.n) * step.unit.product.item();
}

uint64_t NpuProgram::rows_at_once(const Step& step) const {
  const Limits& limits = context_.core.physical.limits;
  const uint64_t room = limits.storage_range - limits.offset_alignment;
  const uint64_t longest = std::max(pitch(step), step.words * 8);
  // claim.cpp has made sure of 8 rows.
  return std::min<uint64_t>(room / longest, limits.groups) / kRows * kRows;
}

uint64_t NpuProgram::panels_at_once(const Step& step) const {
  const Limits& limits = context_.core.physical.limits;
  const uint64_t panel = kPanel * step.words * 8;
  const uint64_t groups = limits.groups / (kPanel / kTiles[step.choice.tile].wide());
  return std::min<uint64_t>(std::max<uint64_t>(1, limits.storage_range / panel), groups);
}

// Words are loaded straight from the tensor where its rows are whole, aligned words.
bool NpuProgram::reads_in_place(const Step& step, uint64_t offset) const {
  return step.unit.product.k % 8 == 0 && step.rows % kRows == 0 && offset % 8 == 0;
}

uint32_t NpuProgram::most_dispatches() const {
  uint64_t count = 0;
  for (const Step& step : steps_) {
    if (step.unit.kind != Unit::Kind::product) {
      count += step.count / kSlice + 1;
      continue;
    }
    const uint64_t rows = rows_at_once(step),
                   panels = (uint64_t(step.unit.product.n) - 1) / kPanel + 1;
    const uint64_t groups = (step.rows + rows - 1) / rows;
    count += groups * (1 + (panels - 1) / panels_at_once(step) + 1);
  }
  return uint32_t(count);
}

// The binding that holds `bytes` from `address` on; it starts up to an alignment earlier, and
// `lead` is by how many bytes.
Bound NpuProgram::bound(const Address& address, uint64_t bytes, uint64_t& lead) const {
  lead = address.offset % context_.core.physical.limits.offset_alignment;
  return {address.block->buffer(), address.offset - lead, bytes + lead};
}

void NpuProgram::record_pack(Commands& commands, const Step& step, const Address& from,
                             const Address& to) const {
  const uint64_t k = uint64_t(step.unit.product.k), most = rows_at_once(step);
  for (uint64_t row = 0; row < step.rows; row += most) {
    const uint64_t rows = std::min(most, step.rows - row);
    uint64_t from_lead = 0, to_lead = 0;
    Dispatch dispatch;
    dispatch.pipeline = step.pack;
    dispatch.bound[0] = bound({from.block, from.offset + row * k}, rows * k, from_lead);
    dispatch.bound[2] =
        bound({to.block, to.offset + row * step.words * 8}, padded(rows) * step.words * 8, to_lead);
    dispatch.arguments.rows = uint32_t(rows);
    dispatch.arguments.words = uint32_t(step.words);
    dispatch.arguments.pitch = uint32_t(k);
    dispatch.arguments.a_base = uint32_t(from_lead);
    dispatch.arguments.y_base = uint32_t(to_lead / 8);
    dispatch.groups_x = uint32_t((step.words + kPackLanes - 1) / kPackLanes);
    dispatch.groups_y = uint32_t(padded(rows));
    commands.dispatch(context_.kernels, dispatch);
  }
}

void NpuProgram::record_product(Commands& commands, const Step& step, const Address& a,
                                const Address& y) const {
  const uint64_t n = uint64_t(step.unit.product.n), most = rows_at_once(step);
  const uint64_t all = (n + kPanel - 1) / kPanel, some = panels_at_once(step);
  const uint64_t item = step.unit.product.item(), row_bytes = step.words * 8;
  for (uint64_t row = 0; row < step.rows; row += most) {
    const uint64_t rows = std::min(most, step.rows - row);
    for (uint64_t panel = 0; panel < all; panel += some) {
      const uint64_t panels = std::min(some, all - panel);
      const uint64_t width = std::min(panels * kPanel, n - panel * kPanel);
      uint64_t a_lead = 0, y_lead = 0, none = 0;
      Dispatch dispatch;
      dispatch.pipeline = step.kernel;
      dispatch.bound[0] =
          bound({a.block, a.offset + row * row_bytes}, padded(rows) * row_bytes, a_lead);
      dispatch.bound[1] =
          bound({&step.weights->block, panel * kPanel * row_bytes}, width * row_bytes, none);
      dispatch.bound[2] = bound({y.block, y.offset + row * n * item}, rows * n * item, y_lead);
      if (step.unit.product.has_steps())
        dispatch.bound[3] =
            bound({&step.weights->block, step.weights->step_offset}, n * sizeof(float), none);
      dispatch.arguments.rows = uint32_t(rows);
      dispatch.arguments.columns = uint32_t(n);
      dispatch.arguments.words = uint32_t(step.words);
      dispatch.arguments.first_panel = uint32_t(panel);
      dispatch.arguments.a_base = uint32_t(a_lead / 8);
      dispatch.arguments.y_base = uint32_t(y_lead / item);
      dispatch.arguments.y_zero = step.unit.product.y_zero;
      set_groups(dispatch, step.choice, padded(rows), panels);
      commands.dispatch(context_.kernels, dispatch);
    }
  }
}

void NpuProgram::record_elements(Commands& commands, const Step& step,
                                 const Addresses& addresses) const {
  const Unit& unit = step.unit;
  const uint64_t x_item = unit.kind == Unit::Kind::quantize ? 4 : 1;
  const uint64_t y_item = unit.kind == Unit::Kind::dequantize ? 4 : 1;
  const Address x = at(addresses, step.x), y = at(addresses, step.y);
  for (uint64_t first = 0; first < step.count; first += kSlice) {
    const uint64_t count = std::min(kSlice, step.count - first);
    uint64_t x_lead = 0, x2_lead = 0, y_lead = 0, none = 0;
    Dispatch dispatch;
    dispatch.pipeline = step.kernel;
    dispatch.bound[0] = bound({x.block, x.offset + first * x_item}, count * x_item, x_lead);
    if (unit.x2 != WEFT_NONE) {
      const Address x2 = at(addresses, step.x2);
      dispatch.bound[1] = bound({x2.block, x2.offset + first}, count, x2_lead);
    }
    dispatch.bound[2] = bound({y.block, y.offset + first * y_item}, count * y_item, y_lead);
    if (step.weights)
      dispatch.bound[3] = bound({&step.weights->block, 0}, step.weights->size, none);
    dispatch.arguments.count = uint32_t(count);
    dispatch.arguments.a_base = uint32_t(x_lead / x_item);
    dispatch.arguments.b_base = uint32_t(x2_lead);
    dispatch.arguments.y_base = uint32_t(y_lead / y_item);
    dispatch.arguments.a_zero = unit.of_x.zero;
    dispatch.arguments.b_zero = unit.of_x2.zero;
    dispatch.arguments.y_zero = unit.of_y.zero;
    dispatch.arguments.a_scale = unit.of_x.scale;
    dispatch.arguments.b_scale = unit.of_x2.scale;
    dispatch.arguments.y_inverse = 1 / unit.of_y.scale;
    dispatch.arguments.adds = unit.kind == Unit::Kind::add;
    dispatch.groups_x = uint32_t((count + kElements - 1) / kElements);
    dispatch.groups_y = 1;
    commands.dispatch(context_.kernels, dispatch);
  }
}

NpuProgram::Address NpuProgram::at(const Addresses& addresses, const Place& place) {
  const Address& base = addresses[place.address];
  return {base.block, base.offset + place.offset};
}

// `packed` is the value whose rows lie packed in the scratch: products of one value share them.
void NpuProgram::record(Commands& commands, const Step& step, const Addresses& addresses,
                        uint32_t& packed) const {
  if (step.rows == 0) return;
  if (step.unit.kind != Unit::Kind::product) return record_elements(commands, step, addresses);
  Address a = at(addresses, step.x);
  if (!reads_in_place(step, a.offset)) {
    const Address scratch = addresses.back();
    if (packed != step.unit.x) {
      record_pack(commands, step, a, scratch);
      commands.barrier();
      packed = step.unit.x;
    }
    a = scratch;
  }
  record_product(commands, step, a, at(addresses, step.y));
}

std::shared_ptr<Commands> NpuProgram::commands(const Addresses& addresses, bool stamped) {
  std::vector<std::pair<uint64_t, uint64_t>> key;
  for (const Address& address : addresses)
    key.emplace_back(address.block ? address.block->id() : 0, address.offset);
  const std::lock_guard lock(mutex_);
  for (const Recording& one : recordings_)
    if (one.stamped == stamped && one.key == key) return one.commands;
  const uint32_t stamps = stamped ? uint32_t(steps_.size()) + 1 : 0;
  auto made = std::make_shared<Commands>(context_.core, most_dispatches(), stamps);
  made->begin();
  if (stamped) made->stamp(0);
  uint32_t packed = WEFT_NONE;
  for (size_t i = 0; i < steps_.size(); i++) {
    if (i > 0) made->barrier();
    record(*made, steps_[i], addresses, packed);
    if (stamped) made->stamp(uint32_t(i) + 1);
  }
  made->end();
  // Whoever still runs an old one holds it.
  if (recordings_.size() == kRecordings) recordings_.pop_front();
  recordings_.push_back({std::move(key), stamped, made});
  return made;
}

}  // namespace weft::vulkan_npu
