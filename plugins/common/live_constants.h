// Constants of a device, in whatever form it keeps them, shared by the programs that need them.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>

namespace weft::common {

// What the bytes are: content ids of everything they are made from, and how they are laid out.
using ConstantKey = std::array<uint64_t, 8>;

// Holds nothing alive: a constant lives as long as a program does that uses it. [any thread]
template <typename Constant>
class LiveConstants {
 public:
  using Ref = std::shared_ptr<const Constant>;

  // The live constant of this key, else the one that `make()` returns.
  template <typename Make>
  Ref get(const ConstantKey& key, Make&& make) {
    const std::lock_guard lock(mutex_);
    std::weak_ptr<const Constant>& slot = live_[key];
    if (Ref found = slot.lock()) return found;
    const Ref made = make();
    slot = made;
    std::erase_if(live_, [](const auto& item) { return item.second.expired(); });
    return made;
  }

 private:
  std::mutex mutex_;
  std::map<ConstantKey, std::weak_ptr<const Constant>> live_;
};

}  // namespace weft::common
