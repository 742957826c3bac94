// The hash of a file's contents, computed once: a small file beside others of its kind remembers it
// under the file's identity, so that a start with a model of gigabytes reads none of them for it.
//
//   <folder>/<hash of the identity>.content    magic, identity hash, content hash, checksum
//
// A memory that is damaged, or of another identity, is computed anew.
// Threads and processes: any number at once.
#pragma once

#include <filesystem>

#include "core/base/hash.h"
#include "core/base/mapped_file.h"

namespace weft {

constexpr const char* kContentSuffix = ".content";

// The hash of `file`'s bytes, from `memory` (a folder, made when it is not there) or from the
// bytes. A folder that cannot be written costs the reading each time and is no error.
Hash128 content_hash(const MappedFile& file, const std::filesystem::path& memory);

}  // namespace weft
