// The tokens of a vocabulary by their bytes, to find all tokens that are prefixes of a text. Child nodes are
// looked up in one hash table of edges.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "rerank/error.h"

namespace rerank {

// Safe from any number of reading threads at once.
class TokenTrie {
 public:
  static constexpr std::uint32_t kNoNode = UINT32_MAX;

  // Creates `num_roots` roots, which are the nodes from 0 on.
  explicit TokenTrie(std::uint32_t num_roots) : tokens_(num_roots, -1) { resize(kLeastEdges); }

  // If tokens have the same bytes, the last one counts. Throws Error{kUnsupported} beyond 2^24 nodes.
  void add(std::uint32_t root, std::string_view bytes, std::int32_t token) {
    std::uint32_t node = root;
    for (const char byte : bytes) {
      const std::uint32_t key = key_of(node, byte);
      std::size_t slot = slot_of(key);
      if (edges_[slot].key == kNoEdge) {
        require(tokens_.size() < kMostNodes, "the tokens of model.vocab have too many bytes in all",
                ErrorCode::kUnsupported);
        if (2 * tokens_.size() > edges_.size()) {
          resize(2 * edges_.size());
          slot = slot_of(key);
        }
        edges_[slot] = {key, static_cast<std::uint32_t>(tokens_.size())};
        tokens_.push_back(-1);
      }
      node = edges_[slot].child;
    }
    tokens_[node] = token;
  }

  // kNoNode if no token continues with the byte.
  std::uint32_t child(std::uint32_t node, char byte) const {
    const Edge& edge = edges_[slot_of(key_of(node, byte))];
    return edge.key == kNoEdge ? kNoNode : edge.child;
  }
  // The token that ends at the node; -1: none.
  std::int32_t token(std::uint32_t node) const { return tokens_[node]; }

 private:
  struct Edge {
    std::uint32_t key;
    std::uint32_t child;
  };
  static constexpr std::uint32_t kNoEdge = UINT32_MAX;
  static constexpr std::size_t kMostNodes = 1 << 24;
  static constexpr std::size_t kLeastEdges = 256;

  static std::uint32_t key_of(std::uint32_t node, char byte) {
    return node << 8 | static_cast<unsigned char>(byte);
  }
  std::size_t slot_of(std::uint32_t key) const {
    const std::size_t mask = edges_.size() - 1;
    std::size_t slot = key * 0x9E3779B97F4A7C15u >> shift_;
    while (edges_[slot].key != key && edges_[slot].key != kNoEdge) slot = (slot + 1) & mask;
    return slot;
  }

  void resize(std::size_t num_edges) {
    std::vector<Edge> old(num_edges, Edge{kNoEdge, 0});
    old.swap(edges_);
    shift_ = 64 - std::countr_zero(num_edges);
    for (const Edge& edge : old) {
      if (edge.key != kNoEdge) edges_[slot_of(edge.key)] = edge;
    }
  }

  std::vector<Edge> edges_;  // open addressing, a power of two, at most half full
  int shift_ = 0;
  std::vector<std::int32_t> tokens_;  // [nodes]
};

}  // namespace rerank
