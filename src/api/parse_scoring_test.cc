#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "api/dialects/dialects.h"
#include "api/scoring_call.h"

namespace rerank::api {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

RequestRules small_rules() {
  return {.served_names = {"demo", "org/other"}, .max_model_len = 100, .max_documents = 4};
}

ScoringCall parse(std::string_view body, std::string_view path = "/v1/rerank",
                  const RequestRules& rules = small_rules()) {
  return parse_scoring_call(std::string(body), match_route("POST", path), rules);
}

// The error that parsing ends with.
ApiError error_of_body(std::string_view body, std::string_view path = "/v1/rerank",
                       const RequestRules& rules = small_rules()) {
  try {
    parse(body, path, rules);
  } catch (const ApiError& error) {
    return error;
  }
  return {200, "nothing was refused"};
}

TEST(ParseRerank, TakesTheTextsInOrder) {
  const ScoringCall call = parse(R"({"query":"q","documents":["b","","a"]})");
  EXPECT_EQ(call.request.query, "q");
  EXPECT_THAT(call.request.documents, ElementsAre("b", "", "a"));
  EXPECT_THAT(call.echo, ElementsAre("b", "", "a"));
  EXPECT_EQ(call.dialect, &kStandard);
  EXPECT_EQ(call.num_documents, 3U);
}

TEST(ParseRerank, ReadsTextsInEveryForm) {
  const ScoringCall call = parse(R"({"query":{"text":"q"},"documents":[
      {"text":"a"},{"content":[{"type":"text","text":"b"},{"type":"text","text":"c"}]},{"content":"d"},"e"]})");
  EXPECT_EQ(call.request.query, "q");
  EXPECT_THAT(call.request.documents, ElementsAre("a", "b\nc", "d", "e"));
  EXPECT_THAT(parse(R"({"query":"q","documents":"one"})").request.documents, ElementsAre("one"));
  EXPECT_THAT(parse(R"({"query":"q","documents":{"text":"one"}})").request.documents, ElementsAre("one"));
  // As vLLM has it: a lone "content" holds a document a part.
  EXPECT_THAT(
      parse(
          R"({"query":"q","documents":{"content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}})")
          .request.documents,
      ElementsAre("a", "b"));
}

TEST(ParseRerank, MakesTextsOfRankFields) {
  const ScoringCall call = parse(R"({"query":"q","rank_fields":["title","year","body"],"documents":[
      {"body":"b","title":"t","other":"x"},{"title":"t","year":1999},"plain"]})");
  EXPECT_THAT(call.request.documents, ElementsAre("t\nb", "t\n1999", "plain"));
  const ApiError error = error_of_body(R"({"query":"q","rank_fields":["title"],"documents":[{"body":"b"}]})");
  EXPECT_THAT(error.what(), HasSubstr("documents[0] has none of the fields"));
  EXPECT_EQ(error.param(), "documents");
}

TEST(ParseRerank, TakesNullForAbsent) {
  const ScoringCall call = parse(R"({"model":null,"query":"q","documents":["a"],"top_n":null,"top_k":null,
      "return_documents":null,"instruction":null,"chat_template_kwargs":null,"max_tokens_per_doc":null,
      "truncate":null,"truncation":null,"texts":null,"property":null,"rank_fields":null,"raw_scores":null,
      "priority":null,"request_id":null,"user":null,"unknown":null})");
  EXPECT_EQ(call.dialect, &kStandard);
  EXPECT_EQ(call.top_n, 0U);
  EXPECT_TRUE(call.wants_documents);
  EXPECT_TRUE(call.request.truncate);
}

TEST(ParseRerank, TakesWordsForBooleans) {
  EXPECT_FALSE(parse(R"({"query":"q","documents":["a"],"return_documents":"false"})").wants_documents);
  EXPECT_EQ(parse(R"({"query":"q","documents":["a"],"raw_scores":"True"})").activation, Activation::kNone);
  EXPECT_FALSE(parse(R"({"query":"q","documents":["a"],"truncate":"false"})").request.truncate);
  EXPECT_THAT(error_of_body(R"({"query":"q","documents":["a"],"raw_scores":"yes"})").what(),
              HasSubstr("raw_scores must be true or false, not a string"));
}

TEST(ParseRerank, ReadsEverySetting) {
  const ScoringCall call = parse(R"({"query":"q","documents":["a","b"],"model":"org/other","top_n":1,
      "instruction":"i","max_tokens_per_query":5,"max_tokens_per_doc":7,"truncate_prompt_tokens":90,
      "use_activation":false,"priority":-3,"request_id":"r-1","return_documents":false})");
  const Request& request = call.request;
  EXPECT_EQ(request.instruction, "i");
  EXPECT_EQ(request.max_tokens_per_query, 5);
  EXPECT_EQ(request.max_tokens_per_document, 7);
  EXPECT_EQ(request.max_tokens_per_pair, 90);
  EXPECT_EQ(request.priority, -3);
  EXPECT_EQ(call.top_n, 1U);
  EXPECT_EQ(call.request_id, "r-1");
  EXPECT_EQ(call.activation, Activation::kNone);
  EXPECT_THAT(call.echo, IsEmpty());
}

TEST(ParseRerank, PrefersTheInstructionOfTheTemplateArguments) {
  EXPECT_EQ(parse(R"({"query":"q","documents":["a"],"instruct":"x"})").request.instruction, "x");
  EXPECT_EQ(
      parse(R"({"query":"q","documents":["a"],"instruction":"x","chat_template_kwargs":{"instruct":"y"}})")
          .request.instruction,
      "y");
  EXPECT_THAT(
      error_of_body(R"({"query":"q","documents":["a"],"chat_template_kwargs":{"instruction":1}})").what(),
      HasSubstr("chat_template_kwargs.instruction must be a string"));
}

TEST(ParseRerank, ChoosesTheReplyByTheFields) {
  const auto format = [](std::string_view body, std::string_view path = "/rerank") {
    return parse(body, path).dialect;
  };
  EXPECT_EQ(format(R"({"query":"q","texts":["a"]})"), &kTei);
  EXPECT_EQ(format(R"({"query":"q","documents":["a"],"property":""})"), &kWeaviate);
  EXPECT_EQ(format(R"({"query":{"text":"q"},"passages":[{"text":"a"}],"top_k":1})"), &kNim);
  EXPECT_EQ(format(R"({"query":"q","input":["a"],"top_k":1})"), &kMixedbread);
  EXPECT_EQ(format(R"({"query":"q","documents":["a"],"top_k":1})"), &kVoyage);
  EXPECT_EQ(format(R"({"query":"q","documents":["a"],"truncation":true})"), &kVoyage);
  EXPECT_EQ(format(R"({"query":"q","documents":["a"]})", "/infinity/rerank"), &kInfinity);
  EXPECT_EQ(format(R"({"query":"q","documents":["a"]})", "/voyage/v1/rerank"), &kVoyage);
  EXPECT_EQ(format(R"({"query":"q","documents":["a"]})", "/v2/rerank"), &kCohere);
  EXPECT_EQ(format(R"({"query":"q","documents":["a"],"top_k":1})", "/v2/rerank"), &kCohere);
  EXPECT_EQ(format(R"({"query":"q","documents":["a"]})"), &kStandard);
  RequestRules rules = small_rules();
  rules.forced_dialect = &kTei;
  EXPECT_EQ(parse(R"({"query":"q","documents":["a"]})", "/rerank", rules).dialect, &kTei);
}

TEST(ParseRerank, EchoesDocumentsAsTheDialectDoes) {
  const auto wants = [](std::string_view body, std::string_view path) {
    return parse(body, path).wants_documents;
  };
  EXPECT_TRUE(wants(R"({"query":"q","documents":["a"]})", "/v1/rerank"));
  EXPECT_FALSE(wants(R"({"query":"q","documents":["a"]})", "/v2/rerank"));
  EXPECT_TRUE(wants(R"({"query":"q","documents":["a"],"return_documents":true})", "/v2/rerank"));
  EXPECT_FALSE(wants(R"({"query":"q","documents":["a"]})", "/infinity/rerank"));
  EXPECT_TRUE(wants(R"({"query":"q","documents":["a"],"return_documents":true})", "/infinity/rerank"));
  EXPECT_FALSE(wants(R"({"query":"q","texts":["a"]})", "/rerank"));
  EXPECT_TRUE(wants(R"({"query":"q","texts":["a"],"return_text":true})", "/rerank"));
  EXPECT_TRUE(wants(R"({"query":"q","input":["a"],"return_input":true})", "/rerank"));
  EXPECT_TRUE(wants(R"({"query":"q","documents":["a"],"property":"","return_documents":false})", "/rerank"));
}

TEST(ParseRerank, TakesTheActivationOfTheDialectOnlyForDeclaredLogits) {
  const auto activation = [](bool declares_logits, std::string_view body, std::string_view path = "/rerank") {
    RequestRules rules = small_rules();
    rules.model_declares_logits = declares_logits;
    return parse(body, path, rules).activation;
  };
  for (const auto& [body, path] : std::vector<std::pair<std::string, std::string>>{
           {R"({"query":"q","texts":["a"]})", "/rerank"},
           {R"({"query":"q","documents":["a"]})", "/infinity/rerank"},
           {R"({"query":"q","documents":["a"]})", "/v2/rerank"}}) {
    EXPECT_EQ(activation(true, body, path), Activation::kSigmoid) << path;
    EXPECT_EQ(activation(false, body, path), Activation::kModel) << path;
  }
  for (const bool declares_logits : {false, true}) {
    const auto same = [&](std::string_view body) { return activation(declares_logits, body); };
    EXPECT_EQ(same(R"({"query":"q","documents":["a"],"use_activation":true})"), Activation::kModel);
    EXPECT_EQ(same(R"({"query":"q","texts":["a"],"raw_scores":true})"), Activation::kNone);
    EXPECT_EQ(same(R"({"query":"q","texts":["a"],"use_activation":false})"), Activation::kNone);
    EXPECT_EQ(same(R"({"query":"q","documents":["a"],"activation":false})"), Activation::kNone);
    EXPECT_EQ(same(R"({"query":"q","documents":["a"],"softmax":false})"), Activation::kNone);
    EXPECT_EQ(same(R"({"query":"q","passages":["a"]})"), Activation::kNone);
  }
}

TEST(ParseRerank, KnowsTheServedNames) {
  for (const char* model : {"demo", "org/other", "", "default/not-specified"}) {
    EXPECT_NO_THROW(parse(std::string(R"({"query":"q","documents":["a"],"model":")") + model + "\"}"))
        << model;
  }
  const ApiError error = error_of_body(R"({"query":"q","documents":["a"],"model":"gone"})");
  EXPECT_EQ(error.status(), 404);
  EXPECT_STREQ(error.what(), "The model `gone` does not exist.");
  EXPECT_EQ(error.param(), "model");
  EXPECT_EQ(error_of_body(R"({"query":"q","passages":["a"]})", "/v1/retrieval/no/such/reranking").status(),
            404);
  EXPECT_NO_THROW(parse(R"({"query":"q","passages":["a"]})", "/v1/retrieval/org/other/reranking"));
  EXPECT_NO_THROW(parse(R"({"query":"q","passages":["a"]})", "/v1/retrieval/org%2Fother/reranking"));
}

TEST(ParseRerank, DecidesWhatHappensToLongDocuments) {
  RequestRules refusing = small_rules();
  refusing.auto_truncate = false;
  const auto truncates = [&](std::string_view field, const RequestRules& rules) {
    return parse(R"({"query":"q","documents":["a"])" + std::string(field) + "}", "/rerank", rules)
        .request.truncate;
  };
  EXPECT_TRUE(truncates("", small_rules()));
  EXPECT_FALSE(truncates("", refusing));
  EXPECT_TRUE(truncates(R"(,"truncate":true)", refusing));
  EXPECT_TRUE(truncates(R"(,"truncate":"END")", refusing));
  EXPECT_TRUE(truncates(R"(,"truncate_prompt_tokens":-1)", refusing));
  EXPECT_FALSE(truncates(R"(,"truncate":"NONE")", small_rules()));
  EXPECT_FALSE(truncates(R"(,"truncation":false)", small_rules()));
  EXPECT_FALSE(truncates(R"(,"truncate":false,"truncation_direction":"Left")", small_rules()));
  EXPECT_THAT(error_of_body(R"({"query":"q","documents":["a"],"truncate":"START"})").what(),
              HasSubstr("only a document's end can be cut"));
  EXPECT_EQ(error_of_body(R"({"query":"q","documents":["a"],"truncation_direction":"Left"})").param(),
            "truncation_direction");
}

TEST(ParseRerank, RefusesNumbersThatMeanNothing) {
  const auto what = [](std::string_view field) {
    return std::string(error_of_body(R"({"query":"q","documents":["a"],)" + std::string(field) + "}").what());
  };
  EXPECT_EQ(what(R"("top_n":-1)"), "top_n must be a non-negative integer");
  EXPECT_EQ(what(R"("top_k":-1)"), "top_k must be a non-negative integer");
  EXPECT_EQ(what(R"("max_tokens_per_doc":-1)"), "max_tokens_per_doc must be a non-negative integer");
  EXPECT_EQ(what(R"("top_n":1.5)"), "top_n must be an integer, not a fraction");
  EXPECT_EQ(what(R"("top_n":1e308)"), "top_n must be an integer, not a number this large");
  EXPECT_EQ(what(R"("top_n":1e19)"), "top_n must be an integer, not a number this large");
  EXPECT_EQ(what(R"("top_n":"3")"), "top_n must be an integer, not a string");
  EXPECT_EQ(what(R"("truncate_prompt_tokens":101)"),
            "truncate_prompt_tokens value is greater than max_model_len. Please request a smaller truncation "
            "size.");
  EXPECT_EQ(what(R"("truncate_prompt_tokens":-2)"),
            "truncate_prompt_tokens must be -1 or a non-negative integer");
  EXPECT_EQ(parse(R"({"query":"q","documents":["a"],"top_n":2.0})").top_n, 2U);
  EXPECT_EQ(parse(R"({"query":"q","documents":["a"],"top_n":99999999999999999999})").top_n, 2147483647U);
}

// Or a mistake is found only when another field goes.
TEST(ParseRerank, ChecksValuesThatAreNotUsed) {
  for (const auto& [fields, param] : std::vector<std::pair<std::string, std::string>>{
           {R"("top_n":1,"top_k":[])", "top_k"},
           {R"("return_documents":true,"return_input":"maybe")", "return_input"},
           {R"("chat_template_kwargs":{"instruction":"i"},"instruction":5)", "instruction"},
           {R"("chat_template_kwargs":{"instruction":"i","instruct":5})", "chat_template_kwargs"},
           {R"("instruction":"i","instruct":5)", "instruct"},
           {R"("truncate":true,"truncation":"maybe")", "truncation"},
           {R"("raw_scores":true,"use_activation":5)", "use_activation"},
           {R"("use_activation":false,"softmax":5)", "softmax"}}) {
    EXPECT_EQ(error_of_body(R"({"query":"q","documents":["a"],)" + fields + "}").param(), param) << fields;
  }
}

TEST(ParseRerank, ReadsARankFieldOnce) {
  EXPECT_THAT(
      parse(R"({"query":"q","rank_fields":["a","b","a"],"documents":[{"a":"x","b":"y"}]})").request.documents,
      ElementsAre("x\ny"));
  std::string names;
  for (int i = 0; i < 33; ++i) names += (i == 0 ? "\"f" : ",\"f") + std::to_string(i) + "\"";
  const ApiError error =
      error_of_body(R"({"query":"q","documents":[{"f1":"x"}],"rank_fields":[)" + names + "]}");
  EXPECT_EQ(error.status(), 400);
  EXPECT_EQ(error.param(), "rank_fields");
}

TEST(ParseRerank, NamesWhatIsMissingOrWrong) {
  EXPECT_EQ(error_of_body(R"({"documents":["a"]})").param(), "query");
  EXPECT_EQ(error_of_body(R"({"query":"q"})").param(), "documents");
  EXPECT_STREQ(error_of_body(R"({"query":"q","documents":[]})").what(),
               "At least one text_pair element must be given");
  EXPECT_THAT(error_of_body(R"({"query":["q"],"documents":["a"]})").what(),
              HasSubstr("query must be a string or an object"));
  const ApiError number = error_of_body(R"({"query":"q","documents":["a",5]})");
  EXPECT_THAT(number.what(), HasSubstr("documents[1] must be a string"));
  EXPECT_EQ(number.param(), "documents");
  EXPECT_THAT(error_of_body(R"({"query":"q","documents":[{"title":"a"}]})").what(), HasSubstr("rank_fields"));
  EXPECT_THAT(
      error_of_body(R"({"query":"q","documents":[{"content":[{"type":"image_url","image_url":{}}]}]})")
          .what(),
      HasSubstr("image_url"));
  EXPECT_THAT(error_of_body(R"({"query":"q","documents":["a","b","c","d","e"]})").what(),
              HasSubstr("documents has 5 entries, more than the 4"));
}

TEST(ParseRerank, GivesErrorsTheShapeOfTheDialect) {
  EXPECT_EQ(error_of_body(R"({"query":"q","texts":[]})").style(), ErrorStyle::kString);
  EXPECT_EQ(error_of_body(R"({"documents":["a"],"property":""})").style(), ErrorStyle::kString);
  EXPECT_EQ(error_of_body(R"({"query":"q","documents":[]})").style(), ErrorStyle::kObject);
}

// What cannot be read is searched for the field that tells the dialect.
TEST(ParseRerank, GivesUnreadableTextsTheShapeOfTheDialect) {
  for (const char* body : {R"({"query":"a","texts":["b\ud800"]})", R"({"query":"a\ud800","texts":["b"]})",
                           R"({"query":"a","texts" : ["b")", R"({"query":"a","texts")",
                           "{\"documents\":[\"\xff\"],\"property\":\"\"}"}) {
    EXPECT_EQ(error_of_body(body).style(), ErrorStyle::kString) << body;
  }
  for (const char* body : {R"({"query":"texts","documents":["b\ud800"]})", R"({"query":"a)", "",
                           R"({"passages":[{"text":"\ud800"}],"query":"property"})"}) {
    EXPECT_EQ(error_of_body(body).style(), ErrorStyle::kObject) << body;
  }
  RequestRules rules = small_rules();
  rules.forced_dialect = &kTei;
  EXPECT_EQ(error_of_body("{", "/rerank", rules).style(), ErrorStyle::kString);
}

TEST(ParseScore, TakesTheFirstPairOfFieldsPresent) {
  for (const char* body : {R"({"queries":"q","documents":["a","b"],"text_1":"x","text_2":"y"})",
                           R"({"queries":["q"],"items":["a","b"]})", R"({"data_1":"q","data_2":["a","b"]})",
                           R"({"text_1":"q","text_2":["a","b"],"queries":null})"}) {
    const ScoringCall call = parse(body, "/v1/score");
    EXPECT_EQ(call.request.query, "q");
    EXPECT_THAT(call.request.documents, ElementsAre("a", "b"));
    EXPECT_EQ(call.dialect, &kScore);
  }
  EXPECT_EQ(error_of_body(R"({"queries":"q","text_2":"a"})", "/score").param(), "documents");
}

// However many queries there are, the instruction is held once.
TEST(ParseScore, PairsListsOfOneLength) {
  const ScoringCall call =
      parse(R"({"text_1":["q","q","p","q"],"text_2":["a","b","c","d"],"instruction":"i"})", "/score");
  EXPECT_THAT(call.request.queries, ElementsAre("q", "q", "p", "q"));
  EXPECT_THAT(call.request.documents, ElementsAre("a", "b", "c", "d"));
  EXPECT_EQ(call.request.query, "");
  EXPECT_EQ(call.request.instruction, "i");
  EXPECT_EQ(call.num_documents, 4U);
}

TEST(ParseScore, NamesTheSideThatIsMissing) {
  EXPECT_EQ(error_of_body(R"({"text_2":["c"]})", "/score").param(), "text_1");
  EXPECT_EQ(error_of_body(R"({"data_1":"c"})", "/invocations").param(), "data_2");
  EXPECT_THAT(error_of_body(R"({"queries":"c"})", "/score").what(),
              HasSubstr("documents is missing: send it with queries"));
  EXPECT_EQ(error_of_body("{}", "/score").param(), "queries");
}

TEST(ParseScore, RefusesListsThatDoNotPair) {
  const auto what = [](std::string_view body) { return std::string(error_of_body(body, "/score").what()); };
  EXPECT_EQ(what(R"({"text_1":["a","b"],"text_2":["c","d","e"]})"),
            "Input lengths must be either 1:1, 1:N or N:N");
  EXPECT_EQ(what(R"({"text_1":["a","b"],"text_2":"c"})"), "Input lengths must be either 1:1, 1:N or N:N");
  EXPECT_EQ(what(R"({"text_1":[],"text_2":["c"]})"), "At least one text element must be given");
  EXPECT_EQ(what(R"({"text_1":["a"],"text_2":[]})"), "At least one text_pair element must be given");
}

TEST(ParseInvocations, TellsRerankFromScore) {
  EXPECT_EQ(parse(R"({"query":"q","documents":["a"]})", "/invocations").dialect, &kStandard);
  EXPECT_EQ(parse(R"({"text_1":"q","text_2":"a"})", "/invocations").dialect, &kScore);
  EXPECT_EQ(parse(R"({"queries":"q","documents":"a"})", "/invocations").dialect, &kScore);
  EXPECT_EQ(error_of_body(R"({"prompt":"q"})", "/invocations").status(), 400);
}

}  // namespace
}  // namespace rerank::api
