// Builds the trie level by level over the sorted tokens: a node is a range of tokens that agree in
// their first `depth` bytes.
#include "core/text/token_trie.h"

#include <algorithm>

namespace weft::text {

TokenTrie TokenTrie::build(std::vector<std::pair<std::string_view, int32_t>> tokens) {
  std::sort(tokens.begin(), tokens.end());
  struct Range {
    size_t begin, end, depth;
  };
  TokenTrie out;
  std::vector<Range> nodes = {{0, tokens.size(), 0}};
  out.first_child_.clear();
  for (size_t node = 0; node < nodes.size(); ++node) {
    out.first_child_.push_back(static_cast<uint32_t>(nodes.size()));
    auto [at, end, depth] = nodes[node];
    // Tokens that end here sort before those that go on.
    for (; at < end && tokens[at].first.size() == depth; ++at)
      if (depth > 0) out.ids_[node] = tokens[at].second;
    while (at < end) {
      char label = tokens[at].first[depth];
      size_t begin = at;
      while (at < end && tokens[at].first[depth] == label) ++at;
      nodes.push_back({begin, at, depth + 1});
      out.labels_.push_back(static_cast<uint8_t>(label));
      out.ids_.push_back(-1);
    }
  }
  out.first_child_.push_back(static_cast<uint32_t>(nodes.size()));
  return out;
}

TokenTrie::Node TokenTrie::step(Node node, char byte) const {
  auto begin = labels_.begin() + first_child_[node], end = labels_.begin() + first_child_[node + 1];
  auto found = std::lower_bound(begin, end, static_cast<uint8_t>(byte));
  if (found == end || *found != static_cast<uint8_t>(byte)) return none;
  return static_cast<Node>(found - labels_.begin());
}

TokenTrie::Node TokenTrie::walk(Node node, std::string_view bytes) const {
  for (size_t i = 0; i < bytes.size() && node != none; ++i) node = step(node, bytes[i]);
  return node;
}

}  // namespace weft::text
