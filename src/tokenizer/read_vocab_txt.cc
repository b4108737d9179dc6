#include "tokenizer/read_vocab_txt.h"

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <string>

#include "base/utf8.h"
#include "text/json_view.h"

namespace rerank {
namespace {

namespace json = boost::json;

struct SpecialTokenKey {
  const char* key;
  const char* usual;
};
constexpr SpecialTokenKey kSpecialTokens[] = {{"pad_token", "[PAD]"},
                                              {"unk_token", "[UNK]"},
                                              {"cls_token", "[CLS]"},
                                              {"sep_token", "[SEP]"},
                                              {"mask_token", "[MASK]"}};

// A string, or an object with flags.
std::string special_token(const JsonView& config, const SpecialTokenKey& token) {
  const std::optional<JsonView> given = config.find(token.key);
  if (!given) return token.usual;
  return std::string(given->is_string() ? given->string() : given->at("content").string());
}

// The last of equal lines counts, as in the library.
json::object read_lines(std::string_view text, std::string_view name) {
  if (const size_t bad = first_invalid_utf8(text); bad != text.size()) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: not valid UTF-8 at byte {}", name, bad));
  }
  json::object vocab;
  std::int64_t id = 0;
  for (size_t at = 0; at < text.size(); ++id) {
    const size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = text.substr(at, end - at);
    if (line.ends_with('\r')) line.remove_suffix(1);
    vocab[line] = id;
    at = end + 1;
  }
  return vocab;
}

void check_class(const JsonView& config) {
  const std::string_view type = config.string_or("tokenizer_class", "BertTokenizer");
  if (type == "BertTokenizer" || type == "BertTokenizerFast") return;
  config.at("tokenizer_class")
      .unsupported(fmt::format(
          "is \"{}\"; with a vocab.txt, supported is \"BertTokenizer\"; write a tokenizer.json with "
          "Transformers: AutoTokenizer.from_pretrained(DIR).save_pretrained(DIR)",
          type));
}

json::object around(const std::string& token, std::int64_t type) {
  return {{"SpecialToken", {{"id", token}, {"type_id", type}}}};
}

json::object text_part(const char* id, std::int64_t type) {
  return {{"Sequence", {{"id", id}, {"type_id", type}}}};
}

}  // namespace

TokenizerPipeline read_vocab_txt(std::string_view vocab, std::string_view config, std::string_view name) {
  const JsonFile view(config.empty() ? "{}" : config, "tokenizer_config.json");
  check_class(view);
  const json::object tokens = read_lines(vocab, name);
  json::array added;
  json::object special;
  for (const SpecialTokenKey& key : kSpecialTokens) {
    const std::string token = special_token(view, key);
    const json::value* const id = tokens.if_contains(token);
    if (id == nullptr) {
      throw Error(
          ErrorCode::kInvalidArgument,
          fmt::format("{}: has no line \"{}\", the {} of tokenizer_config.json", name, token, key.key));
    }
    added.push_back(json::object{{"id", *id},
                                 {"content", token},
                                 {"single_word", false},
                                 {"lstrip", false},
                                 {"rstrip", false},
                                 {"normalized", false},
                                 {"special", true}});
    special[token] = json::object{{"id", token}, {"ids", json::array{*id}}, {"tokens", json::array{token}}};
  }
  const std::optional<JsonView> strips = view.find("strip_accents");
  const std::string unknown = special_token(view, kSpecialTokens[1]);
  const std::string cls = special_token(view, kSpecialTokens[2]);
  const std::string sep = special_token(view, kSpecialTokens[3]);
  const json::value document = {{"added_tokens", std::move(added)},
                                {"normalizer",
                                 {{"type", "BertNormalizer"},
                                  {"clean_text", true},
                                  {"handle_chinese_chars", view.boolean_or("tokenize_chinese_chars", true)},
                                  {"strip_accents", strips ? json::value(strips->boolean()) : json::value()},
                                  {"lowercase", view.boolean_or("do_lower_case", true)}}},
                                {"pre_tokenizer", {{"type", "BertPreTokenizer"}}},
                                {"post_processor",
                                 {{"type", "TemplateProcessing"},
                                  {"single", json::array{around(cls, 0), text_part("A", 0), around(sep, 0)}},
                                  {"pair", json::array{around(cls, 0), text_part("A", 0), around(sep, 0),
                                                       text_part("B", 1), around(sep, 1)}},
                                  {"special_tokens", std::move(special)}}},
                                {"decoder", {{"type", "WordPiece"}, {"prefix", "##"}, {"cleanup", true}}},
                                {"model",
                                 {{"type", "WordPiece"},
                                  {"unk_token", unknown},
                                  {"continuing_subword_prefix", "##"},
                                  {"max_input_chars_per_word", 100},
                                  {"vocab", tokens}}}};
  return read_pipeline(JsonView(document, name));
}

}  // namespace rerank
