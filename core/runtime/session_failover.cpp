// A session goes on when a device fails: the devices that are left run the same graph.
//
//   feed -> a run fails -> a replacement, given the caches as they are -> what is left of the ids
//
// past() counts runs that were done as a whole, so the caches hold what those runs wrote; rows of a
// run that failed half-way lie behind past() and are written again.
#include "core/runtime/session.h"

namespace weft::runtime {

namespace {

bool is_of_device(const Error& error) {
  return error.kind == ErrorKind::plugin || error.kind == ErrorKind::out_of_memory;
}

}  // namespace

Result<std::span<const float>> Session::feed(std::span<const int64_t> ids, int64_t rows,
                                             const Progress& progress) {
  const int64_t before = past_;
  if (!successor_) {
    auto logits = feed_here(ids, rows, progress);
    if (logits.ok() || !replacement_ || !is_of_device(logits.error())) return logits;
    TRY(move_to_replacement(logits.error()));
  }
  // All rows asked for belong to the last run, so what is left has them.
  const int64_t done = past_ - before;
  Progress rest;
  if (progress) rest = [&](int64_t count) { return progress(done + count); };
  auto logits = successor_->feed(ids.subspan(size_t(done)), rows, rest);
  past_ = successor_->past();
  return logits;
}

Status Session::move_to_replacement(const Error& failure) {
  auto made = replacement_(failure);
  if (!made.ok()) {
    Error both = failure;
    both.message += "; it cannot go on without: " + made.error().message;
    return both;
  }
  std::unique_ptr<Session> next = std::move(*made);
  for (size_t i = 0; i < caches_.size(); ++i) {
    std::vector<std::byte> bytes(
        size_t(ir::size_bytes(caches_[i].dtype, past_ * caches_[i].width)));
    const Status read = read_cache(i, bytes);
    if (!read.ok()) {
      Error both = failure;
      both.message += "; the cache was lost with it: " + read.error().message;
      return both;
    }
    TRY(next->write_cache(i, bytes));
  }
  TRY(next->resume(past_));
  next->profile(profile_);
  next->record_tasks(task_log_);
  successor_ = std::move(next);
  return {};
}

void Session::profile(const weft_prof_sink* sink) {
  profile_ = sink;
  if (successor_) successor_->profile(sink);
}

}  // namespace weft::runtime
