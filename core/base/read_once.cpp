// See read_once.h.
#include "core/base/read_once.h"

#include <chrono>

#include "core/base/mapped_file.h"

namespace weft {

constexpr std::chrono::milliseconds kInterval{20};

ReadOnce::ReadOnce()
    : thread_([this](const std::stop_token& stop) {
        std::unique_lock lock(mutex_);
        while (!stop.stop_requested()) {
          wake_.wait_for(lock, stop, kInterval, [] { return false; });
          MappedFile::release_pages();
        }
      }) {}

}  // namespace weft
