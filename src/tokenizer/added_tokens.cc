// A trie walked from each byte that can begin a token, and the flags applied to what it finds.
#include "tokenizer/added_tokens.h"

#include <algorithm>

#include "tokenizer/unicode_category.h"
#include "tokenizer/utf8.h"

namespace rerank {
namespace {

size_t skip_white_space(std::string_view text, size_t at) {
  while (at < text.size()) {
    size_t next = at;
    if (!is_white_space(next_code_point(text, next))) break;
    at = next;
  }
  return at;
}

size_t skip_white_space_back(std::string_view text, size_t at) {
  while (at > 0) {
    char32_t before = previous_code_point(text, at);
    if (!is_white_space(before)) break;
    do --at;
    while ((static_cast<unsigned char>(text[at]) & 0xC0) == 0x80);
  }
  return at;
}

bool stands_alone(std::string_view text, size_t begin, size_t end) {
  if (begin > 0 && is_word(previous_code_point(text, begin))) return false;
  return end == text.size() || !is_word(next_code_point(text, end));
}

}  // namespace

AddedTokenMatcher::AddedTokenMatcher(std::vector<AddedToken> tokens) : tokens_(std::move(tokens)), nodes_(1) {
  for (size_t i = 0; i < tokens_.size(); ++i) {
    uint32_t node = 0;
    for (char byte : tokens_[i].content) {
      auto& children = nodes_[node].children;
      auto child =
          std::find_if(children.begin(), children.end(), [&](auto& edge) { return edge.first == byte; });
      if (child != children.end()) {
        node = child->second;
      } else {
        auto made = static_cast<uint32_t>(nodes_.size());
        children.emplace_back(byte, made);
        nodes_.emplace_back();
        node = made;
      }
    }
    if (nodes_[node].token < 0) nodes_[node].token = static_cast<int32_t>(i);
    begins_[static_cast<unsigned char>(tokens_[i].content.front())] = true;
  }
}

AddedTokenMatcher::Hit AddedTokenMatcher::next_hit(std::string_view text, size_t from) const {
  for (size_t begin = from; begin < text.size(); ++begin) {
    if (!begins_[static_cast<unsigned char>(text[begin])]) continue;
    Hit longest{begin, begin, -1};
    uint32_t node = 0;
    for (size_t at = begin; at < text.size(); ++at) {
      const auto& children = nodes_[node].children;
      char byte = text[at];
      auto child =
          std::find_if(children.begin(), children.end(), [&](auto& edge) { return edge.first == byte; });
      if (child == children.end()) break;
      node = child->second;
      if (nodes_[node].token >= 0) longest = {begin, at + 1, nodes_[node].token};
    }
    if (longest.token >= 0) return longest;
  }
  return {text.size(), text.size(), -1};
}

void AddedTokenMatcher::find(std::string_view text, size_t max_tokens,
                             std::vector<Stretch>& stretches) const {
  size_t num_tokens = 0;
  size_t covered = 0;  // where the stretch found last ends
  Hit hit{0, 0, -1};
  while ((hit = next_hit(text, hit.end)).token >= 0) {
    const AddedToken& token = tokens_[static_cast<size_t>(hit.token)];
    if (token.single_word && !stands_alone(text, hit.begin, hit.end)) continue;
    size_t begin = token.lstrip ? std::max(skip_white_space_back(text, hit.begin), covered) : hit.begin;
    size_t end = token.rstrip ? skip_white_space(text, hit.end) : hit.end;
    if (begin >= end) continue;  // white space that the token before took
    if (covered < begin) stretches.push_back({covered, begin, -1});
    stretches.push_back({begin, end, token.id});
    covered = end;
    if (num_tokens++ == max_tokens) return;
  }
  if (covered < text.size()) stretches.push_back({covered, text.size(), -1});
}

}  // namespace rerank
