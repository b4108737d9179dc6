#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "rerank/error.h"
#include "tokenizer/pipeline.h"
#include "tokenizer/small_tokenizer.h"
#include "tokenizer/tokenizer.h"

namespace rerank {
namespace {

using boost::json::array;
using boost::json::object;
using boost::json::value;
using testing::HasSubstr;

TokenizerPipeline read(const object& document) {
  return read_pipeline(boost::json::serialize(document), "t.json");
}

// A change to the small document, and what the error must name.
struct Refusal {
  const char* name;
  std::function<void(object&)> change;
  const char* message;
};

object& model(object& document) {
  return document["model"].as_object();
}

void add_token(object& document, object token) {
  document["added_tokens"].as_array().push_back(std::move(token));
}

std::function<void(object&)> set(const char* key, const value& to) {
  return [key, to](object& document) { document[key] = to; };
}

std::function<void(object&)> set_in_model(const char* key, const value& to) {
  return [key, to](object& document) { model(document)[key] = to; };
}

object split(const char* regex, const char* behavior = "Isolated") {
  return {{"type", "Split"}, {"pattern", {{"Regex", regex}}}, {"behavior", behavior}, {"invert", false}};
}

object sequence(array steps) {
  return {{"type", "Sequence"}, {"pretokenizers", std::move(steps)}};
}

const object kByteLevel = {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}};

const std::vector<Refusal> kRefusals = {
    {"version", set("version", "2.0"), "t.json: version is \"2.0\""},
    {"unknown key", set("extra", 1), "has the key \"extra\""},
    {"unknown key of control characters", set("ex\x1b[31m\ntra", 1), "has the key \"ex?[31m?tra\""},
    {"no model", [](object& d) { d.erase("model"); }, "lacks the key \"model\""},
    {"model of another type", set_in_model("type", "WordLevel"), "t.json: model has the type \"WordLevel\"; supported are \"BPE\""},
    {"model is not an object", set("model", "BPE"), "t.json: model should be an object"},
    {"unknown model key", set_in_model("extra", 1), "t.json: model has the key \"extra\""},
    {"dropout", set_in_model("dropout", 0.1), "t.json: model.dropout is 1E-1"},
    {"prefix", set_in_model("continuing_subword_prefix", "##"), "model.continuing_subword_prefix is \"##\""},
    {"suffix", set_in_model("end_of_word_suffix", "</w>"), "model.end_of_word_suffix is \"</w>\""},
    {"byte_fallback", set_in_model("byte_fallback", "yes"), "model.byte_fallback should be true or false"},
    {"byte_fallback of byte-level tokens", set_in_model("byte_fallback", true), "pre_tokenizer has the type \"ByteLevel\""},
    {"ignore_merges", set_in_model("ignore_merges", "yes"), "model.ignore_merges should be true or false"},
    {"no vocabulary", [](object& d) { model(d).erase("vocab"); }, "model lacks the key \"vocab\""},
    {"no merges", [](object& d) { model(d).erase("merges"); }, "model lacks the key \"merges\""},
    {"vocabulary as list", set_in_model("vocab", array{}), "model.vocab should be an object"},
    {"no byte", [](object& d) { model(d)["vocab"].as_object().erase("a"); }, "no token for the byte 0x61"},
    {"id twice", [](object& d) { model(d)["vocab"].as_object()["aa"] = 97; }, "model.vocab has an entry"},
    {"negative id", [](object& d) { model(d)["vocab"].as_object()["aa"] = -1; }, "gives \"aa\" the id -1"},
    {"huge id", [](object& d) { model(d)["vocab"].as_object()["aa"] = 1 << 30; }, "gives \"aa\" the id 1073741824"},
    {"id far beyond the others", [](object& d) { model(d)["vocab"].as_object()["aa"] = 1 << 20; },
     "the id 1048576; ids of 257 entries are integers from 0 to 69648"},
    {"id no number", [](object& d) { model(d)["vocab"].as_object()["aa"] = "1"; }, "gives \"aa\" the id \"1\""},
    {"merge of one", set_in_model("merges", array{"ab"}), "model.merges[0] should be a merge"},
    {"merge of three", set_in_model("merges", array{"a b c"}), "model.merges[0] should be a merge"},
    {"merge of three, as list", set_in_model("merges", array{array{"a", "b", "c"}}), "model.merges[0] should be"},
    {"merge of numbers", set_in_model("merges", array{array{1, 2}}), "model.merges[0] should be a merge"},
    {"merge to nothing", set_in_model("merges", array{"a b"}), "model.merges[0] needs the token \"ab\""},
    {"merge of nothing", set_in_model("merges", array{"aa b"}), "model.merges[0] needs the token \"aa\""},
    {"another normalizer", set("normalizer", object{{"type", "NFKD"}}), "normalizer has the type \"NFKD\"; supported are"},
    {"strip on the left", set("normalizer", object{{"type", "Strip"}, {"strip_left", true}, {"strip_right", true}}),
     "normalizer.strip_left is true"},
    {"replacement of a pattern",
     set("normalizer", object{{"type", "Replace"}, {"pattern", {{"Regex", "a+"}}}, {"content", "b"}}),
     "normalizer.pattern.Regex is not supported"},
    {"replacements that grow",
     [](object& d) {
       const object grows = {{"type", "Replace"}, {"pattern", {{"String", "a"}}}, {"content", "aaaaaaaaaaaaa"}};
       d["normalizer"] = object{{"type", "Sequence"}, {"normalizers", array{grows, grows}}};
       read(d);
       d["normalizer"].as_object()["normalizers"].as_array().push_back(grows);
     },
     "normalizer may make more than 256 bytes of one byte"},
    {"character map", set("normalizer", object{{"type", "Precompiled"}, {"precompiled_charsmap", "AAAA"}}),
     "normalizer.precompiled_charsmap is too short"},
    {"character map of another trie", set("normalizer", object{{"type", "Precompiled"}, {"precompiled_charsmap", "/wAAAA=="}}),
     "normalizer.precompiled_charsmap has a trie that does not fit"},
    {"no base64", set("normalizer", object{{"type", "Precompiled"}, {"precompiled_charsmap", "a b"}}),
     "normalizer.precompiled_charsmap is not base64"},
    {"NFKC inside", set("normalizer", object{{"type", "Sequence"}, {"normalizers", {{{"type", "NFKC"}}}}}),
     "normalizer.normalizers[0] has the type \"NFKC\""},
    {"no pre-tokenizer", set("pre_tokenizer", nullptr), "has no pre_tokenizer"},
    {"another pre-tokenizer", set("pre_tokenizer", object{{"type", "Punctuation"}}), "pre_tokenizer has the type \"Punctuation\"; supported are"},
    {"split alone", set("pre_tokenizer", split("a")), "model is BPE without bytes"},
    {"steps after ByteLevel", set("pre_tokenizer", sequence({kByteLevel, split("a")})),
     "pre_tokenizer.pretokenizers[1] follows a ByteLevel step"},
    {"split behavior", set("pre_tokenizer", sequence({split("a", "MergedWithNext"), kByteLevel})),
     "pretokenizers[0].behavior is \"MergedWithNext\""},
    {"split pattern", set("pre_tokenizer", sequence({split("\\bx"), kByteLevel})), "pattern.Regex cannot be used"},
    {"split string",
     set("pre_tokenizer", sequence({object{{"type", "Split"}, {"pattern", {{"String", "a"}}}, {"behavior", "Isolated"}},
                                    kByteLevel})),
     "pretokenizers[0].pattern is a \"String\""},
    {"unknown split key",
     set("pre_tokenizer", sequence({object{{"type", "Split"}, {"pattern", {{"Regex", "a"}}}, {"behaviour", "Isolated"}},
                                    kByteLevel})),
     "has the key \"behaviour\""},
    {"post-processor", set("post_processor", object{{"type", "Other"}}), "post_processor has the type \"Other\"; supported are"},
    {"template without the text", set("post_processor", object{{"type", "TemplateProcessing"}, {"single", array{}}}),
     "post_processor.single should have the text"},
    {"template of a token that is not listed",
     set("post_processor", object{{"type", "TemplateProcessing"},
                                  {"single", {{{"SpecialToken", {{"id", "<s>"}, {"type_id", 0}}}}}},
                                  {"special_tokens", object{}}}),
     "post_processor.special_tokens lacks the key \"<s>\""},
    {"post-processor of an id without token",
     set("post_processor", object{{"type", "BertProcessing"}, {"cls", {"a", 97}}, {"sep", {"b", 900}}}),
     "post_processor adds the id 900, which no token has"},
    {"two post-processors",
     set("post_processor", object{{"type", "Sequence"},
                                  {"processors",
                                   {{{"type", "BertProcessing"}, {"cls", {"a", 97}}, {"sep", {"b", 98}}},
                                    {{"type", "RobertaProcessing"}, {"cls", {"a", 97}}, {"sep", {"b", 98}}}}}}),
     "post_processor.processors[1] follows another step"},
    {"decoder", set("decoder", object{{"type", "CTC"}}), "decoder has the type \"CTC\"; supported are"},
    {"token without id", [](object& d) { add_token(d, {{"content", "x"}}); }, "added_tokens[0] lacks the key \"id\""},
    {"token with another id", [](object& d) { add_token(d, small_added_token(300, "<x>")); },
     "added_tokens[0].id is 300, but the Hugging Face library would give \"<x>\" the id 256"},
    {"token of the vocabulary with another id", [](object& d) { add_token(d, small_added_token(256, "a")); },
     "would give \"a\" the id 97"},
    {"token without flag",
     [](object& d) {
       object token = small_added_token(256, "<x>");
       token.erase("lstrip");
       add_token(d, token);
     },
     "added_tokens[0] lacks the key \"lstrip\""},
    {"empty token", [](object& d) { add_token(d, small_added_token(256, "")); }, "added_tokens[0].content is empty"},
    {"token twice",
     [](object& d) {
       add_token(d, small_added_token(256, "éx", "normalized"));
       add_token(d, small_added_token(257, "e\u0301x", "normalized"));
     },
     "added_tokens[1].content is, in normal form, that of an earlier token"},
    {"special token within reach",
     [](object& d) {
       model(d)["vocab"].as_object()["ab"] = 256;
       model(d)["merges"] = array{"a b"};
       add_token(d, small_added_token(256, "ab", "special"));
     },
     "added_tokens[0] is special, but model.merges make \"ab\" of plain text too"},
};

TEST(ReadPipeline, RefusesByName) {
  ASSERT_NO_THROW(read(small_document()));
  for (const Refusal& refusal : kRefusals) {
    SCOPED_TRACE(refusal.name);
    object document = small_document();
    refusal.change(document);
    try {
      read(document);
      ADD_FAILURE() << "was accepted";
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr("t.json: "));
      EXPECT_THAT(error.what(), HasSubstr(refusal.message));
      EXPECT_TRUE(error.code() == ErrorCode::kUnsupported || error.code() == ErrorCode::kInvalidArgument);
    }
  }
}

TEST(ReadPipeline, RefusesWhatIsNoJson) {
  for (const char* text : {"", "{", "[1", "{} {}", "nope", "{\"a\": \"\xff\"}"}) {
    try {
      read_pipeline(text, "t.json");
      ADD_FAILURE() << "accepted " << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
      EXPECT_THAT(error.what(), HasSubstr("is it a tokenizer.json, and complete?"));
    }
  }
}

TEST(ReadPipeline, AcceptsWhatChangesNothing) {
  object document = small_document();
  model(document)["dropout"] = 0.0;
  model(document).erase("type");
  model(document)["unk_token"] = "<unk>";  // never used
  model(document)["fuse_unk"] = true;
  document["truncation"] = object{{"max_length", 5}};          // the prompt determines truncation
  document["padding"] = object{{"strategy", "BatchLongest"}};  // batches are not padded
  document.erase("decoder");
  document.erase("added_tokens");
  document["normalizer"] = nullptr;
  document["post_processor"] = {{"type", "Sequence"},
                                {"processors",
                                 {kByteLevel,
                                  {{"type", "TemplateProcessing"},
                                   {"single", {{{"Sequence", {{"id", "A"}, {"type_id", 0}}}}}},
                                   {"pair", array{}},
                                   {"special_tokens", object{}}}}}};
  EXPECT_TRUE(read(document).normalizers.is_empty());
  document["normalizer"] = {{"type", "Sequence"}, {"normalizers", {{{"type", "NFC"}}}}};
  EXPECT_FALSE(read(document).normalizers.is_empty());
  document["normalizer"] = {{"type", "Sequence"}, {"normalizers", array{}}};
  EXPECT_TRUE(read(document).normalizers.is_empty());
}

TEST(ReadPipeline, ReadsMergesInBothSpellings) {
  object strings = small_document({{"a", "b"}, {"ab", " "}});
  object pairs = strings;
  model(pairs)["merges"] = array{array{"a", "b"}, array{"ab", "Ġ"}};
  model(strings)["merges"].as_array().insert(model(strings)["merges"].as_array().begin(), "#version: 0.2");
  for (object* document : {&strings, &pairs}) {
    (*document)["pre_tokenizer"].as_object()["use_regex"] = false;
    const Tokenizer tokenizer = Tokenizer::parse(boost::json::serialize(*document), "t.json");
    std::vector<int32_t> ids;
    tokenizer.encode("ab ba", SpecialTokens::kAsText, ids);
    EXPECT_THAT(ids, testing::ElementsAre(257, 'b', 'a'));
  }
}

std::string pre_tokens(const object& document, std::string_view text) {
  std::string found;
  read(document).pre_tokenizers.split(text, [&](const PreToken& token) {
    found += token.text;
    found += '|';
  });
  return found;
}

TEST(ReadPipeline, ReadsTheStepsOfThePreTokenizer) {
  object document = small_document();
  object inverted = split("x+", "Removed");
  inverted["invert"] = true;
  document["pre_tokenizer"] = sequence({sequence({split("y"), split("z", "Removed")}), kByteLevel});
  EXPECT_EQ(pre_tokens(document, "aybzc"), "a|y|b|c|");
  document["pre_tokenizer"] = sequence({inverted, kByteLevel});
  EXPECT_EQ(pre_tokens(document, "axxbx"), "xx|x|");
  document["pre_tokenizer"] = sequence({split("x"), object{{"type", "ByteLevel"}}});
  EXPECT_EQ(pre_tokens(document, "a 1xb"), " a| 1| x| b|") << "the library's defaults";
}

// The caller concatenates the parts.
TEST(ReadPipeline, ReadsWhatIsAroundAText) {
  using Text = TokenFrame::Text;
  using Parts = std::vector<TokenFrame::Part>;
  object document = small_document();
  const auto frames = [&] { return read(document).frames; };
  EXPECT_EQ(frames().single.parts, (Parts{{.text = Text::kFirst}}));
  EXPECT_EQ(frames().pair.parts, (Parts{{.text = Text::kFirst}, {.text = Text::kSecond, .type = 1}}));
  EXPECT_FALSE(frames().pair.has_special_tokens());
  document["post_processor"] = object{{"type", "BertProcessing"}, {"cls", {"a", 97}}, {"sep", {"b", 98}}};
  EXPECT_EQ(frames().single.parts, (Parts{{.ids = {97}}, {.text = Text::kFirst}, {.ids = {98}}}));
  EXPECT_EQ(frames().pair.parts, (Parts{{.ids = {97}},
                                        {.text = Text::kFirst},
                                        {.ids = {98}},
                                        {.text = Text::kSecond, .type = 1},
                                        {.ids = {98}, .type = 1}}));
  EXPECT_TRUE(frames().pair.has_special_tokens());
  document["post_processor"] = object{{"type", "RobertaProcessing"}, {"cls", {"a", 97}}, {"sep", {"b", 98}}};
  EXPECT_EQ(
      frames().pair.parts,
      (Parts{
          {.ids = {97}}, {.text = Text::kFirst}, {.ids = {98, 98}}, {.text = Text::kSecond}, {.ids = {98}}}));
  document["post_processor"] = boost::json::parse(R"({"type": "Sequence", "processors": [
    {"type": "ByteLevel"},
    {"type": "TemplateProcessing",
     "single": [{"SpecialToken": {"id": "a", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
     "pair": [{"Sequence": {"id": "B", "type_id": 2}}, {"SpecialToken": {"id": "a", "type_id": 1}},
              {"Sequence": {"id": "A", "type_id": 0}}],
     "special_tokens": {"a": {"id": "a", "ids": [97, 98], "tokens": ["a", "b"]}}}]})");
  EXPECT_EQ(frames().single.parts, (Parts{{.ids = {97, 98}}, {.text = Text::kFirst}}));
  EXPECT_EQ(
      frames().pair.parts,
      (Parts{{.text = Text::kSecond, .type = 2}, {.ids = {97, 98}, .type = 1}, {.text = Text::kFirst}}));
  document["post_processor"].as_object()["processors"].as_array()[1].as_object().erase("pair");
  EXPECT_TRUE(frames().pair.parts.empty());
}

}  // namespace
}  // namespace rerank
