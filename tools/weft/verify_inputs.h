// What `weft verify` feeds: a prompt and a token for a decoder, else data or numbers of chance for
// the inputs of the file.
#pragma once

#include <optional>

#include "core/engine.h"
#include "tools/weft/check_model.h"

namespace weft::cli {

// The inputs of a graph that a session fills; see runtime::Session.
struct DecoderInputs {
  ir::ValueId ids = ir::ValueId::none;
  ir::ValueId positions = ir::ValueId::none, mask = ir::ValueId::none;  // may be none
  ir::ValueId logits = ir::ValueId::none;
  int64_t vocabulary = 0;
};
// Nothing when the graph is none that a session runs.
std::optional<DecoderInputs> decoder_inputs(const ir::Graph& graph);

// `ids` after `past` positions, with logits of every token.
runtime::VerifyStep decoder_step(const ir::Graph& graph, const DecoderInputs& inputs,
                                 std::string name, std::span<const int64_t> ids, int64_t past);

// How inputs nobody gives are made up.
struct InputChoice {
  uint64_t seed = 1;
  int64_t length = 8;                    // of each dim that is open
  std::map<std::string, int64_t> sizes;  // of some, by symbol
};

// Ids below `vocabulary`, from the seed.
std::vector<int64_t> random_ids(const InputChoice& choice, int64_t vocabulary);

// Values for the symbols of the inputs: from `set` where it is given, else from the choice; fails
// when the set contradicts itself. Symbols without an upper bound get their value as one.
Result<sym::Bindings> bind_sizes(ir::Graph& graph, std::span<const FileInput> inputs,
                                 const DataSet* set, const InputChoice& choice);

// A step of the whole graph: inputs from `set` (may be null), the others made up. Ids stay inside
// the table they index, masks hide nothing, positions count from 0.
Result<runtime::VerifyStep> graph_step(const ir::Graph& graph, std::span<const FileInput> inputs,
                                       const sym::Bindings& bindings, const DataSet* set,
                                       const InputChoice& choice);

}  // namespace weft::cli
