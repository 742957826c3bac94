// A text read by a model in windows, token by token scored; the measuring part of `weft eval`.
//
// The method is the usual one for short contexts: the ids of the whole text are cut into windows;
// each window is fed alone, from an empty cache at positions 0, 1, ...; every token but a window's
// first is scored with the logits of the one before it. With a reference, the two rows of logits
// before each scored token are compared.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "core/base/result.h"
#include "core/runtime/session.h"
#include "core/text/score.h"
#include "tools/weft/logits_file.h"

namespace weft::cli {

struct Evaluation {
  text::Series likelihoods;        // negative log-likelihood of each scored token, nats
  std::vector<double> of_windows;  // their mean in each window
  // With a reference:
  text::Series divergences;            // KL(reference || model) of each row, nats
  text::Series reference_likelihoods;  // as `likelihoods`, of the reference
  int64_t same_best = 0;               // rows in which both hold the same token likeliest
};

// What a model is compared with: another model, fed the same chunks, or rows from a file. Both
// empty: nothing.
struct Reference {
  runtime::Session* session = nullptr;
  const LogitsFile* file = nullptr;
  explicit operator bool() const { return session || file; }
};

struct EvaluateOptions {
  int64_t window = 512;
  int64_t chunk = 512;           // tokens of one run, at most the sessions' own chunk
  Reference reference;           // has the model's vocabulary
  LogitsWriter* save = nullptr;  // gets the rows a LogitsFile holds
  // Called after every chunk with the tokens read and what is known so far; false ends the run with
  // an error.
  std::function<bool(int64_t, const Evaluation&)> progress;
};

// Reads `ids`, a multiple of the window, all in [0, vocabulary). Fails (ErrorKind::check_failed)
// where a row of logits has no finite sum: the sentence names the model and the token.
Result<Evaluation> evaluate(runtime::Session& session, std::span<const int64_t> ids,
                            const EvaluateOptions& options);

}  // namespace weft::cli
