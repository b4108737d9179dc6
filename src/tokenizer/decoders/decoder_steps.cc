// What each decoder does to a token. The byte-level one does nothing: the vocabulary contains bytes.
#include "tokenizer/decoders/decoders.h"
#include "tokenizer/normalizers/normalizers.h"

namespace rerank {
namespace {

// Replaces all occurrences in `text`, from left to right.
void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

class ReplaceDecoder final : public Decoder {
 public:
  explicit ReplaceDecoder(Normalizers replacements) : replacements_(std::move(replacements)) {}
  void decode(std::string& token, bool) const override {
    std::string storage;
    token = std::string(replacements_.normalized(token, storage));
  }

 private:
  Normalizers replacements_;
};

// Puts a space before tokens that do not continue a word; the cleanup removes spaces before English
// punctuation.
class WordPieceDecoder final : public Decoder {
 public:
  WordPieceDecoder(std::string_view prefix, bool cleans_up) : prefix_(prefix), cleans_up_(cleans_up) {}
  void decode(std::string& token, bool is_first) const override {
    if (!is_first && token.starts_with(prefix_)) {
      token.erase(0, prefix_.size());
    } else if (!is_first) {
      token.insert(0, 1, ' ');
    }
    if (!cleans_up_) return;
    constexpr std::pair<std::string_view, std::string_view> kCleanup[] = {
        {" .", "."},   {" ?", "?"},           {" !", "!"},   {" ,", ","},     {" ' ", "'"},   {" n't", "n't"},
        {" 'm", "'m"}, {" do not", " don't"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
    for (const auto& [from, to] : kCleanup) replace_all(token, from, to);
  }

 private:
  std::string prefix_;
  bool cleans_up_;
};

class MetaspaceDecoder final : public Decoder {
 public:
  MetaspaceDecoder(std::string_view mark, bool came_before) : mark_(mark), came_before_(came_before) {}
  void decode(std::string& token, bool is_first) const override {
    replace_all(token, mark_, is_first && came_before_ ? "" : " ");
  }

 private:
  std::string mark_;
  bool came_before_;
};

}  // namespace

void read_byte_level_decoder(const JsonView& step, DecoderSteps&) {
  step.allow_only({"type", "add_prefix_space", "trim_offsets", "use_regex"});
}

// The model handles byte fallback, and tokens are concatenated anyway.
void read_no_decoder(const JsonView& step, DecoderSteps&) {
  step.allow_only({"type"});
}

void read_replace_decoder(const JsonView& step, DecoderSteps& steps) {
  NormalizerSteps replacements;
  read_replace(step, replacements);
  steps.push_back(std::make_unique<ReplaceDecoder>(Normalizers(std::move(replacements))));
}

void read_word_piece_decoder(const JsonView& step, DecoderSteps& steps) {
  step.allow_only({"type", "prefix", "cleanup"});
  steps.push_back(
      std::make_unique<WordPieceDecoder>(step.at("prefix").string(), step.boolean_or("cleanup", true)));
}

void read_metaspace_decoder(const JsonView& step, DecoderSteps& steps) {
  step.allow_only({"type", "replacement", "prepend_scheme", "split", "add_prefix_space", "str_rep"});
  const std::optional<JsonView> scheme = step.find("prepend_scheme");
  const std::string_view mark = step.at("replacement").string();
  if (mark.empty()) step.at("replacement").refuse("is empty");
  steps.push_back(std::make_unique<MetaspaceDecoder>(mark, !scheme || scheme->string() != "never"));
}

}  // namespace rerank
