// 128-bit content hashes (XXH3): identity of constants, and keys of the preparation cache.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace weft {

using Hash128 = std::array<uint64_t, 2>;

Hash128 hash128(std::span<const std::byte> bytes);
Hash128 hash128(std::string_view text);
// 32 hexadecimal digits.
std::string hex(const Hash128& hash);

}  // namespace weft
