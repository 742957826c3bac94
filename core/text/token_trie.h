// A byte trie over the tokens of a vocabulary: every token that starts at a place of a text, in one
// walk.
//
// Nodes lie in breadth-first order, so a node's children are neighbours and one index reaches them
// all: 9 bytes a node, where a map of edges takes several times that. 250 thousand tokens make
// about a million nodes.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace weft::text {

class TokenTrie {
 public:
  using Node = uint32_t;
  static constexpr Node root = 0;
  static constexpr Node none = ~Node{0};

  // Tokens and their ids, in any order; of equal tokens one stays. An empty token is left out. The
  // strings are not needed afterwards.
  static TokenTrie build(std::vector<std::pair<std::string_view, int32_t>> tokens);

  // The node a byte leads to, or `none`.
  Node step(Node node, char byte) const;
  // The node the bytes lead to, or `none`.
  Node walk(Node node, std::string_view bytes) const;
  // The id of the token that ends at the node, or -1.
  int32_t id(Node node) const { return ids_[node]; }

 private:
  // Children of node n are [first_child_[n], first_child_[n + 1]), sorted by label.
  std::vector<uint32_t> first_child_ = {1, 1};
  std::vector<uint8_t> labels_ = {0};
  std::vector<int32_t> ids_ = {-1};
};

}  // namespace weft::text
