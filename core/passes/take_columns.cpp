// See take_columns.h.
#include "core/passes/take_columns.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "core/base/hash.h"

namespace weft::passes {

using ir::Constant;
using ir::Dim;
using ir::Graph;
using ir::Value;
using ir::ValueId;

namespace {

using Data = std::shared_ptr<const Constant>;

bool is_run(std::span<const int64_t> items) {
  return items.back() - items.front() + 1 == int64_t(items.size()) &&
         std::is_sorted(items.begin(), items.end());
}

// What names bytes that are a part of others: the whole and the items, so that the same part of the
// same weight is one constant wherever it is asked for.
Hash128 part_id(const Constant& whole, std::span<const int64_t> items, int64_t item_bytes) {
  std::vector<uint64_t> key{whole.content_id[0], whole.content_id[1], uint64_t(item_bytes)};
  key.insert(key.end(), items.begin(), items.end());
  return hash128(std::as_bytes(std::span(key)));
}

Data without_bytes(const Constant& whole, std::span<const int64_t> items, int64_t item_bytes) {
  auto part = std::make_shared<Constant>();
  part->opaque = true;
  part->content_id = part_id(whole, items, item_bytes);
  return part;
}

// Items of `bytes` bytes each, one after the other in the storage.
Data take_items(const Data& whole, std::span<const int64_t> items, int64_t bytes) {
  if (whole->opaque) return without_bytes(*whole, items, bytes);
  if (is_run(items)) {
    auto part = std::make_shared<Constant>();
    part->bytes = whole->bytes.subspan(size_t(items.front() * bytes), items.size() * size_t(bytes));
    part->owner = whole->owner;
    part->content_id = part_id(*whole, items, bytes);
    return part;
  }
  std::vector<std::byte> copy(items.size() * size_t(bytes));
  for (size_t i = 0; i < items.size(); ++i)
    std::memcpy(copy.data() + int64_t(i) * bytes, whole->bytes.data() + items[i] * bytes,
                size_t(bytes));
  return ir::make_constant(std::move(copy));
}

// Columns of `rows` rows of `count` elements.
Data take_strided(const Data& whole, int64_t rows, int64_t count, std::span<const int64_t> columns,
                  int64_t bytes) {
  if (whole->opaque) return without_bytes(*whole, columns, bytes);
  std::vector<std::byte> copy(size_t(rows) * columns.size() * size_t(bytes));
  std::byte* to = copy.data();
  for (int64_t row = 0; row < rows; ++row) {
    const std::byte* from = whole->bytes.data() + row * count * bytes;
    if (is_run(columns)) {
      std::memcpy(to, from + columns.front() * bytes, columns.size() * size_t(bytes));
      to += int64_t(columns.size()) * bytes;
      continue;
    }
    for (const int64_t column : columns) {
      std::memcpy(to, from + column * bytes, size_t(bytes));
      to += bytes;
    }
  }
  return ir::make_constant(std::move(copy));
}

// Rows of a constant [rows, blocks]: scales or zero points of some lines of the storage.
ValueId take_rows(Graph& graph, ValueId id, std::span<const int64_t> rows) {
  if (id == ValueId::none) return id;
  Value part = graph[id];
  const int64_t width = ir::size_bytes(part.type.dtype, part.type.shape[1].constant());
  part.constant = take_items(part.constant, rows, width);
  part.type.shape[0] = Dim(int64_t(rows.size()));
  part.contents.reset();
  return graph.add_value(std::move(part));
}

}  // namespace

ValueId rows_from(Graph& graph, ValueId matrix, int64_t first) {
  const Value& whole = graph[matrix];
  const auto& shape = whole.type.shape;
  if (whole.kind != ir::ValueKind::constant || whole.quantization || whole.column_major ||
      shape.size() != 2 || first < 0 || first >= shape[0].constant())
    return ValueId::none;
  std::vector<int64_t> rows(size_t(shape[0].constant() - first));
  std::iota(rows.begin(), rows.end(), first);
  return take_rows(graph, matrix, rows);
}

ValueId take_columns(Graph& graph, ValueId matrix, std::span<const int64_t> columns) {
  Value part = graph[matrix];
  const auto& shape = part.type.shape;
  if (part.kind != ir::ValueKind::constant || shape.empty() || shape.size() > 2 || columns.empty())
    return ValueId::none;
  const int64_t count = shape.back().constant();
  const int64_t rows = shape.size() == 2 ? shape[0].constant() : 1;
  const ir::DType stored = part.quantization ? part.quantization->storage : part.type.dtype;
  if (part.column_major) {
    const int64_t block = part.quantization ? part.quantization->block : 0;
    const int64_t line = block > 0 ? (rows + block - 1) / block * block : rows;
    if (line * ir::bits(stored) % 8 != 0) return ValueId::none;
    if (part.quantization) {
      part.quantization->scale = take_rows(graph, part.quantization->scale, columns);
      part.quantization->zero_point = take_rows(graph, part.quantization->zero_point, columns);
    }
    part.constant = take_items(part.constant, columns, ir::size_bytes(stored, line));
  } else {
    if (part.quantization || ir::bits(stored) < 8) return ValueId::none;
    const int64_t item = ir::size_bytes(stored, 1);
    part.constant = rows == 1 ? take_items(part.constant, columns, item)
                              : take_strided(part.constant, rows, count, columns, item);
  }
  part.type.shape.back() = Dim(int64_t(columns.size()));
  part.contents.reset();
  return graph.add_value(std::move(part));
}

}  // namespace weft::passes
