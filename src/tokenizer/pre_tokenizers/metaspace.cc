// Metaspace: replaces spaces by a symbol, usually U+2581, inserts one before the text, and splits before
// each. So only the first character of a pre-token can be a former space.
#include <fmt/format.h>

#include "base/utf8.h"
#include "tokenizer/pre_tokenizers/pre_tokenizers.h"

namespace rerank {
namespace {

class Metaspace final : public PreTokenizer {
 public:
  Metaspace(std::string_view mark, bool comes_before) : mark_(mark), comes_before_(comes_before) {}

  std::string_view prefix_of(std::string_view text) const override {
    return comes_before_ && text.front() != ' ' && !text.starts_with(mark_) ? mark_ : std::string_view();
  }
  void split_prefixed(const PreToken& whole, PreTokenVisit visit) const override {
    std::string marked;
    const size_t rest = run(whole, marked, visit);
    if (rest < whole.text.size()) pass(whole.part(rest, whole.text.size()), marked, visit);
  }
  size_t split_settled(std::string_view text, PreTokenVisit visit) const override {
    std::string marked;
    return run(PreToken{text, text.data()}, marked, visit);
  }

 private:
  // Visits the complete pre-tokens; returns where the remaining one begins.
  size_t run(const PreToken& whole, std::string& marked, PreTokenVisit visit) const {
    const std::string_view text = whole.text;
    size_t begin = 0;
    for (size_t at = 0; at < text.size(); at += sequence_bytes(text[at])) {
      if (at == 0 || (text[at] != ' ' && !text.substr(at).starts_with(mark_))) continue;
      pass(whole.part(begin, at), marked, visit);
      begin = at;
    }
    return begin;
  }

  // Replaces a space at the front by the symbol.
  void pass(const PreToken& token, std::string& marked, PreTokenVisit visit) const {
    if (token.text.front() != ' ') return visit(token);
    marked.assign(mark_).append(token.text, 1);
    const bool is_own = token.head > 0;  // the space was inserted
    visit({marked, token.origin + (is_own ? 0 : 1), mark_.size() + (is_own ? token.head - 1 : 0),
           token.head_origin + (is_own ? 0 : 1), true});
  }

  std::string mark_;
  bool comes_before_;
};

}  // namespace

void read_metaspace(const JsonView& step, PreTokenizerSteps& steps) {
  step.allow_only({"type", "replacement", "prepend_scheme", "split", "add_prefix_space", "str_rep"});
  const JsonView mark = step.at("replacement");
  const std::string_view text = mark.string();
  if (text.empty() || first_invalid_utf8(text) != text.size() ||
      sequence_bytes(text.front()) != text.size()) {
    mark.unsupported("should be one character");
  }
  if (!step.boolean_or("split", true))
    step.at("split").unsupported("is false; supported is true, which cuts into words");
  const std::optional<JsonView> scheme = step.find("prepend_scheme");
  const std::string_view wanted = scheme ? scheme->string() : "always";
  if (wanted != "always" && wanted != "never") {
    scheme->unsupported(fmt::format("is \"{}\"; supported are \"always\" and \"never\"", wanted));
  }
  if (!step.boolean_or("add_prefix_space", true) && wanted != "never") {
    step.at("add_prefix_space").unsupported("is false, which does not match prepend_scheme \"always\"");
  }
  steps.push_back(std::make_unique<Metaspace>(text, wanted == "always"));
}

}  // namespace rerank
