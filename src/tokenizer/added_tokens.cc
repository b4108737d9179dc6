// Walks a trie from each byte that can begin a token, and applies the flags to what it finds.
#include "tokenizer/added_tokens.h"

#include <algorithm>

#include "base/utf8.h"
#include "tokenizer/unicode/unicode_category.h"

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

// Stops at `floor`.
size_t skip_white_space_back(std::string_view text, size_t at, size_t floor) {
  while (at > floor) {
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
    has_lstrip_ = has_lstrip_ || tokens_[i].lstrip;
  }
}

AddedTokenMatcher::Hit AddedTokenMatcher::next_hit(std::string_view text, size_t from, size_t to) const {
  for (size_t begin = from; begin < to; ++begin) {
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
  return {to, to, -1};
}

void AddedTokenMatcher::find(std::string_view text, size_t max_tokens,
                             std::vector<Stretch>& stretches) const {
  size_t num_tokens = 0;
  AddedTokenScan scan(*this, text);
  while (const std::optional<Stretch> stretch = scan.next(text.size())) {
    stretches.push_back(*stretch);
    if (stretch->id >= 0 && num_tokens++ == max_tokens) return;
  }
}

std::optional<AddedTokenMatcher::Stretch> AddedTokenScan::next(size_t num_bytes) {
  if (token_) return std::exchange(token_, std::nullopt);
  while (covered_ < text_.size() || search_at_ < text_.size()) {
    const size_t from = search_at_;
    size_t to = from + std::min(num_bytes, text_.size() - from);
    while (to < text_.size() && (static_cast<unsigned char>(text_[to]) & 0xC0) == 0x80) ++to;
    const AddedTokenMatcher::Hit hit = matcher_.next_hit(text_, from, to);
    search_at_ = hit.end;
    if (hit.token < 0) {
      // The token that comes next may include white space before it.
      size_t end = to;
      if (to < text_.size() && matcher_.has_lstrip_) {
        end = skip_white_space_back(text_, to, from);
        if (end == from) end = white_from_;
        white_from_ = end;
      }
      if (covered_ < end) return AddedTokenMatcher::Stretch{std::exchange(covered_, end), end, -1};
      continue;
    }
    white_from_ = skip_white_space_back(text_, hit.end, hit.begin);
    const AddedToken& token = matcher_.tokens_[static_cast<size_t>(hit.token)];
    if (token.single_word && !stands_alone(text_, hit.begin, hit.end)) continue;
    const size_t begin =
        token.lstrip
            ? std::max(skip_white_space_back(text_, hit.begin, std::min(covered_, hit.begin)), covered_)
            : hit.begin;
    const size_t end = token.rstrip ? skip_white_space(text_, hit.end) : hit.end;
    if (begin >= end) continue;  // white space of the previous token
    const AddedTokenMatcher::Stretch found{begin, end, token.id};
    const size_t plain = std::exchange(covered_, end);
    if (plain >= begin) return found;
    token_ = found;
    return AddedTokenMatcher::Stretch{plain, begin, -1};
  }
  return std::nullopt;
}

}  // namespace rerank
