// Strip: removes white space at the end of a text. No published tokenizer removes it at the beginning.
#include "base/utf8.h"
#include "tokenizer/normalizers/normalizers.h"
#include "tokenizer/unicode/unicode_category.h"

namespace rerank {
namespace {

class StripRight final : public Normalizer {
 public:
  std::string_view apply(std::string_view text, std::string&, std::vector<Origin>*) const override {
    return text.substr(0, cut_of(text));
  }
  // White space may turn out to be at the end.
  size_t cut_of(std::string_view prefix) const override {
    size_t end = prefix.size();
    while (end > 0 && is_white_space(previous_code_point(prefix, end))) {
      end = last_code_point(prefix.substr(0, end));
    }
    return end;
  }
  size_t growth() const override { return 1; }
};

}  // namespace

void read_strip(const JsonView& step, NormalizerSteps& steps) {
  step.allow_only({"type", "strip_left", "strip_right"});
  if (step.at("strip_left").boolean()) {
    step.at("strip_left").unsupported("is true; supported is false: only the end of a text is stripped");
  }
  if (step.at("strip_right").boolean()) steps.push_back(std::make_unique<StripRight>());
}

}  // namespace rerank
