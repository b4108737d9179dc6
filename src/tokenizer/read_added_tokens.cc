#include "tokenizer/read_added_tokens.h"

#include <fmt/format.h>

#include <optional>
#include <string>
#include <unordered_set>

#include "base/ascii.h"

namespace rerank {
namespace {

constexpr int64_t kMaxId = (1 << 24) - 1;  // far beyond any vocabulary

AddedToken read_added_token(const JsonView& node) {
  node.allow_only({"id", "content", "single_word", "lstrip", "rstrip", "normalized", "special"});
  AddedToken token;
  token.id = node.at("id").integer(0, kMaxId);
  token.content = node.at("content").string();
  token.single_word = node.at("single_word").boolean();
  token.lstrip = node.at("lstrip").boolean();
  token.rstrip = node.at("rstrip").boolean();
  token.normalized = node.at("normalized").boolean();
  token.special = node.at("special").boolean();
  if (token.content.empty()) node.at("content").refuse("is empty; remove the token");
  return token;
}

// Found in the raw text even if it should be searched in normalized text: white space that the normalizers
// keep is in the same places in both.
bool is_white_space(const AddedToken& token, const Normalizers& normalizers) {
  if (!trimmed(token.content).empty()) return false;
  std::string storage;
  return !token.normalized || normalizers.normalized(token.content, storage) == token.content;
}

}  // namespace

bool is_text_token(const AddedToken& token, const TokenModel& model, const Normalizers& normalizers) {
  if (token.special) return false;
  const bool is_user_defined =
      model.own_cuts() != nullptr && model.vocabulary().find(token.content) == token.id;
  return is_user_defined || is_white_space(token, normalizers);
}

// The Hugging Face library gives an added token its id in the vocabulary, otherwise the next free one, and
// only warns if the file has a different id. Here the file must agree.
std::vector<AddedToken> read_added_tokens(const JsonView& root, const TokenModel& model,
                                          const Normalizers& normalizers) {
  const Vocabulary& vocabulary = model.vocabulary();
  std::vector<AddedToken> tokens;
  std::unordered_set<std::string> contents[2];
  std::optional<JsonView> list = root.find("added_tokens");
  if (!list) return tokens;
  int64_t next_id = static_cast<int64_t>(vocabulary.num_tokens());
  for (size_t i = 0; i < list->array().size(); ++i) {
    JsonView node = list->element(i);
    AddedToken token = read_added_token(node);
    // The text to find must be in the same form as the text searched, see AddedTokenMatcher.
    std::string storage;
    const std::string_view sought =
        token.normalized ? normalizers.normalized(token.content, storage) : token.content;
    if (!contents[token.normalized ? 1 : 0].emplace(sought).second) {
      node.at("content").unsupported(
          "is, in normal form, that of an earlier token too; remove one of the two");
    }
    int32_t known = vocabulary.find_written(token.content);
    int64_t expected = known >= 0 ? known : next_id;
    if (token.id != expected || (known < 0 && vocabulary.bytes_of(token.id))) {
      node.at("id").unsupported(
          fmt::format("is {}, but the Hugging Face library would give \"{}\" the id {}; list the added "
                      "tokens by ascending id, from the size of model.vocab on",
                      token.id, token.content, expected));
    }
    if (token.normalized && is_text_token(token, model, normalizers) && !is_white_space(token, normalizers)) {
      node.at("normalized")
          .unsupported(
              fmt::format("is true, but \"{}\" is a token of model.vocab, which is looked for in the text as "
                          "it is; supported is false",
                          token.content));
    }
    if (token.id >= next_id) next_id = token.id + 1;
    tokens.push_back(std::move(token));
  }
  return tokens;
}

}  // namespace rerank
