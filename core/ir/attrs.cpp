#include "core/ir/attrs.h"

#include <algorithm>

namespace weft::ir {

Attrs::Attrs(std::initializer_list<std::pair<std::string, AttrValue>> items) {
  for (const auto& [name, value] : items) set(name, value);
}

void Attrs::set(std::string_view name, AttrValue value) {
  const auto at =
      std::lower_bound(items_.begin(), items_.end(), name,
                       [](const auto& item, std::string_view n) { return item.first < n; });
  if (at != items_.end() && at->first == name) {
    at->second = std::move(value);
  } else {
    items_.emplace(at, std::string(name), std::move(value));
  }
}

void Attrs::erase(std::string_view name) {
  std::erase_if(items_, [&](const auto& item) { return item.first == name; });
}

const AttrValue* Attrs::find(std::string_view name) const {
  for (const auto& [key, value] : items_) {
    if (key == name) return &value;
  }
  return nullptr;
}

namespace {

template <typename T>
T get(const AttrValue* value, T otherwise) {
  const T* typed = value ? std::get_if<T>(value) : nullptr;
  return typed ? *typed : otherwise;
}

}  // namespace

int64_t Attrs::integer(std::string_view name, int64_t otherwise) const {
  return get<int64_t>(find(name), otherwise);
}
double Attrs::real(std::string_view name, double otherwise) const {
  return get<double>(find(name), otherwise);
}
std::string Attrs::text(std::string_view name, std::string_view otherwise) const {
  return get<std::string>(find(name), std::string(otherwise));
}
std::vector<int64_t> Attrs::integers(std::string_view name) const {
  return get<std::vector<int64_t>>(find(name), {});
}
std::vector<double> Attrs::reals(std::string_view name) const {
  return get<std::vector<double>>(find(name), {});
}

}  // namespace weft::ir
