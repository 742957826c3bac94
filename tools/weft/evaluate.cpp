#include "tools/weft/evaluate.h"

#include <algorithm>
#include <cmath>

namespace weft::cli {

namespace {

// One window's chunk, with the logits of its rows.
class Reader {
 public:
  Reader(runtime::Session& session, std::span<const int64_t> ids, const EvaluateOptions& options)
      : session_(session), ids_(ids), options_(options) {}

  Result<Evaluation> read() {
    const int64_t count = int64_t(ids_.size()), window = options_.window;
    for (int64_t begin = 0; begin < count; begin += window) {
      TRY(session_.truncate(0));
      if (options_.reference.session) TRY(options_.reference.session->truncate(0));
      const size_t first = out_.likelihoods.values().size();
      for (int64_t done = 0; done < window; done += options_.chunk) {
        TRY(read_chunk(begin, done, std::min(options_.chunk, window - done)));
      }
      double sum = 0;
      for (const double value : out_.likelihoods.values().subspan(first)) sum += value;
      out_.of_windows.push_back(sum / double(window - 1));
    }
    return std::move(out_);
  }

 private:
  // `count` tokens of the window at `begin`, from its token `done` on.
  Status read_chunk(int64_t begin, int64_t done, int64_t count) {
    const auto part = ids_.subspan(size_t(begin + done), size_t(count));
    const auto logits = TRY(session_.feed(part, count));
    std::span<const float> other;
    if (options_.reference.session)
      other = TRY(options_.reference.session->feed(part, count), "the reference model");
    const size_t columns = size_t(session_.vocabulary());
    const int64_t scored = std::min(count, options_.window - 1 - done);
    for (int64_t i = 0; i < scored; ++i) {
      const int64_t at = begin + done + i;
      const auto row = logits.subspan(size_t(i) * columns, columns);
      const double log_sum = TRY(score(row, at, "the model", out_.likelihoods));
      if (!options_.reference) continue;
      const int64_t window = begin / options_.window;
      const auto reference = options_.reference.file ? options_.reference.file->row(at - window)
                                                     : other.subspan(size_t(i) * columns, columns);
      const double reference_log_sum =
          TRY(score(reference, at, "the reference", out_.reference_likelihoods));
      out_.divergences.add(text::divergence(reference, reference_log_sum, row, log_sum));
      out_.same_best += text::best_token(reference) == text::best_token(row);
    }
    if (options_.save) TRY(options_.save->write(logits.first(size_t(scored) * columns)));
    if (options_.progress && !options_.progress(begin + done + count, out_)) {
      return Error{"stopped after " + std::to_string(begin + done + count) + " of " +
                       std::to_string(ids_.size()) + " tokens",
                   ErrorKind::check_failed};
    }
    return {};
  }

  // Adds the likelihood of the token after position `at`; the row's log_sum_exp.
  Result<double> score(std::span<const float> row, int64_t at, const char* whose,
                       text::Series& likelihoods) const {
    const double log_sum = text::log_sum_exp(row);
    if (!std::isfinite(log_sum)) {
      return Error{"the logits of " + std::string(whose) + " at token " + std::to_string(at) +
                       " hold NaN or infinity, so nothing can be said about what follows",
                   ErrorKind::check_failed};
    }
    likelihoods.add(log_sum - double(row[size_t(ids_[size_t(at) + 1])]));
    return log_sum;
  }

  runtime::Session& session_;
  std::span<const int64_t> ids_;
  const EvaluateOptions& options_;
  Evaluation out_;
};

}  // namespace

Result<Evaluation> evaluate(runtime::Session& session, std::span<const int64_t> ids,
                            const EvaluateOptions& options) {
  return Reader(session, ids, options).read();
}

}  // namespace weft::cli
