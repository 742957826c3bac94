// What happens when a device fails: the engine is planned again without it, once, and sessions of
// both go on with what is left.
//
//   device_open fails    it is missing from the start (EnginePlan::make)
//   compile fails        Engine::build plans without it
//   memory or a run      Engine::replacement, at the session that saw it first
//
// The graph is the same, so are its integer results; only who computes differs.
#include "core/base/log.h"
#include "core/engine.h"

namespace weft {

Result<std::unique_ptr<runtime::Session>> Engine::open_session() {
  {
    const std::lock_guard lock(mutex_);
    if (successor_) return successor_->open_session();
  }
  runtime::Session::Setup with = setup();
  with.replacement = [this](const Error& failure) { return replacement(failure); };
  auto session = runtime::Session::create(with);
  if (session.ok()) return session;
  auto other = replacement(session.error());
  return other.ok() ? std::move(other) : std::move(session);
}

Result<std::unique_ptr<runtime::Session>> Engine::replacement(const Error& failure) {
  const std::lock_guard lock(mutex_);
  if (!successor_) {
    auto plan = TRY(plan_->without(failure));
    const std::string sentence = plan->placement().missing.back();
    log::warn("{}", sentence);
    successor_ = TRY(Engine::build(std::move(plan)));
    failures_.push_back(sentence);
  }
  return successor_->open_session();
}

std::vector<std::string> Engine::failures() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> all = failures_;
  if (!successor_) return all;
  for (std::string& later : successor_->failures()) all.push_back(std::move(later));
  return all;
}

}  // namespace weft
