#include "tokenizer/normalizers/normalizer.h"

#include <algorithm>
#include <utility>

#include "base/utf8.h"
#include "rerank/error.h"

namespace rerank {

constexpr size_t kMaxContentBytes = 64;

Replacements::Replacements(const std::vector<Replacement>& steps) {
  // A later step works on what the earlier ones wrote.
  for (const Replacement& step : steps) {
    const Replacements alone = [&] {
      Replacements made({});
      made.rules_.push_back(step);
      made.begins_[static_cast<unsigned char>(step.pattern.front())] = true;
      return made;
    }();
    bool is_known = false;
    for (Replacement& rule : rules_) {
      std::string storage;
      rule.content = std::string(alone.apply(rule.content, storage));
      is_known = is_known || rule.pattern == step.pattern;
    }
    if (!is_known) rules_.push_back(step);
    if (std::ranges::any_of(rules_, [](auto& rule) { return rule.content.size() > kMaxContentBytes; })) {
      throw Error(ErrorCode::kUnsupported, "the replacements make more than 64 bytes of one character");
    }
  }
  for (const Replacement& rule : rules_) begins_[static_cast<unsigned char>(rule.pattern.front())] = true;
}

bool Replacements::removes(std::string_view character) const {
  bool is_replaced = false;
  for (const Replacement& rule : rules_) {
    if (rule.content.find(character) != std::string::npos) return false;
    is_replaced = is_replaced || rule.pattern == character;
  }
  return is_replaced;
}

// `visit` is called with begin and end of what is replaced, and of what it becomes.
template <typename Visit>
std::string_view Replacements::replace(std::string_view text, std::string& storage,
                                       const Visit& visit) const {
  size_t copied = 0;
  bool changed = false;
  for (size_t at = 0; at < text.size();) {
    if (!begins_[static_cast<unsigned char>(text[at])]) {
      ++at;
      continue;
    }
    const auto rule = std::ranges::find_if(
        rules_, [&](const Replacement& each) { return text.substr(at).starts_with(each.pattern); });
    if (rule == rules_.end()) {
      ++at;
      continue;
    }
    if (!std::exchange(changed, true)) storage.clear();
    storage.append(text, copied, at - copied);
    copied = at + rule->pattern.size();
    visit(at, copied, storage.size(), storage.size() + rule->content.size());
    storage += rule->content;
    at = copied;
  }
  if (!changed) return text;
  storage.append(text, copied, text.size() - copied);
  return storage;
}

std::string_view Replacements::apply(std::string_view text, std::string& storage) const {
  return replace(text, storage, [](size_t, size_t, size_t, size_t) {});
}

std::string_view Replacements::apply(std::string_view text, std::string& storage,
                                     std::vector<NfcOrigin>& origins) const {
  return replace(text, storage, [&](size_t begin, size_t end, size_t normal_begin, size_t normal_end) {
    origins.push_back({begin, end, normal_begin, normal_end});
  });
}

std::string_view Normalizer::normalized(std::string_view text, std::string& storage) const {
  if (nfc_) return to_nfc(text, storage);
  return replacements_.is_empty() ? text : replacements_.apply(text, storage);
}

std::string_view Normalizer::normalized(std::string_view text, std::string& storage,
                                        std::vector<NfcOrigin>& origins) const {
  return nfc_ ? to_nfc(text, storage, origins) : replacements_.apply(text, storage, origins);
}

size_t Normalizer::cut_of(std::string_view prefix) const {
  return nfc_ ? last_nfc_boundary(prefix) : last_code_point(prefix);
}

}  // namespace rerank
