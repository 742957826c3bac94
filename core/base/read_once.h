// Reading mapped files once without holding them.
//
//   const ReadOnce once;
//   pack(weights)          what was read is given back every few milliseconds
//
// A program that packs its weights reads every page of the model's file, which then counts as the
// memory of the process beside the packed copy. Plugins read constants as plain memory and cannot
// know what lies behind them, so the pages go from outside: a page that is needed again comes from
// the page cache.
#pragma once

#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <thread>

namespace weft {

class ReadOnce {
 public:
  ReadOnce();

 private:
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::jthread thread_;  // last: it ends before what it uses
};

}  // namespace weft
