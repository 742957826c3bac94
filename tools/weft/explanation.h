// Why a model runs the way it does, as one document: `weft explain --json` prints it, the text and
// the page are made from it, so the three cannot differ. All of it is read off the plan that an
// engine would run and off the log of the passes.
#pragma once

#include <nlohmann/json.hpp>

#include "tools/weft/history.h"
#include "tools/weft/inspection.h"

namespace weft::cli {

using Document = nlohmann::ordered_json;

// Keys are only ever added; another meaning of a key is another version.
constexpr int kExplanationVersion = 1;

// The inspection has a plan, made with `history` watching.
Document explanation(const Inspection& inspection, const History& history);

// The phases of a plan, one where prompt and tokens run alike: islands, tasks, copies, lifetimes.
Document phases_document(const EnginePlan& plan);
// What is held in memory before anything runs.
Document memory_document(const EnginePlan& plan, const std::optional<WeightFacts>& weights);

// Bytes of a value: "expression", "most", and "one_token" and "longest_run" where it has a length.
Document bytes_document(const EnginePlan& plan, ir::ValueId value);
// Index of each node of the graph in the order of the document.
std::map<ir::NodeId, size_t> node_numbers(const ir::Graph& graph);
// "vulkan_npu", and "vulkan_npu: device memory" of a domain.
std::string domain_name(const EnginePlan& plan, uint32_t domain);

// As JSON; bytes that are no UTF-8, which names in a file may hold, are replaced.
std::string dumped(const Document& document, int indent = -1);

// For people: the summary first, then a section per part.
std::string explanation_text(const Document& document);
// For people, one node of the model's file or of the graph that runs, by its name or that of a
// result. Fails when nothing has the name, with names that are close.
Result<std::string> node_text(const Document& document, const std::string& name);
// The document with the nodes that node_text tells of and nothing else but the head.
Result<Document> node_document(const Document& document, const std::string& name);
// One page that needs nothing but itself.
std::string explanation_page(const Document& document);

}  // namespace weft::cli
