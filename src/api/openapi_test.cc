#include "api/openapi.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <string>

#include "api/api_error.h"
#include "api/dialects/dialects.h"
#include "api/reply.h"
#include "api/request_fields.h"
#include "api/routes.h"
#include "api/service_card.h"
#include "api/token_call.h"

namespace rerank::api {
namespace {

namespace json = boost::json;

const json::object& document() {
  static const json::value document = json::parse(openapi_document());
  return document.get_object();
}

const json::value& schema_named(std::string_view name) {
  return document().at("components").at("schemas").as_object().at({name.data(), name.size()});
}

bool has_type(const json::value& value, const json::string& type) {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "boolean") return value.is_bool();
  if (type == "null") return value.is_null();
  if (type == "integer") return value.is_int64() || value.is_uint64();
  return type == "number" && value.is_number();
}

// What is wrong with `value` by the keywords that the document uses; empty: nothing. Unknown properties count
// as wrong: what is written must be written down.
std::string fault(const json::value& value, const json::object& schema, const std::string& path) {
  if (const json::value* ref = schema.if_contains("$ref")) {
    const json::string& name = ref->as_string();
    return fault(value, schema_named(std::string_view(name).substr(name.rfind('/') + 1)).as_object(), path);
  }
  if (const json::value* options = schema.if_contains("anyOf")) {
    std::string faults;
    for (const json::value& option : options->as_array()) {
      const std::string one = fault(value, option.as_object(), path);
      if (one.empty()) return {};
      faults += one + "; ";
    }
    return faults;
  }
  if (const json::value* type = schema.if_contains("type"); type && !has_type(value, type->as_string())) {
    return path + " is not a " + std::string(type->as_string());
  }
  if (const json::value* required = schema.if_contains("required")) {
    for (const json::value& name : required->as_array()) {
      if (!value.as_object().contains(name.as_string())) {
        return path + " has no " + std::string(name.as_string());
      }
    }
  }
  if (const json::value* properties = schema.if_contains("properties"); properties && value.is_object()) {
    for (const auto& [name, member] : value.get_object()) {
      const json::value* property = properties->as_object().if_contains(name);
      const std::string member_path = path + "." + std::string(name);
      if (property == nullptr) return member_path + " is not written down";
      if (std::string found = fault(member, property->as_object(), member_path); !found.empty()) return found;
    }
  }
  if (const json::value* items = schema.if_contains("items"); items && value.is_array()) {
    for (const json::value& item : value.get_array()) {
      if (std::string found = fault(item, items->as_object(), path + "[]"); !found.empty()) return found;
    }
  }
  return {};
}

std::string fault(const std::string& reply, std::string_view name) {
  return fault(json::parse(reply), schema_named(name).as_object(), std::string(name));
}

void collect_references(const json::value& value, std::vector<std::string>& found) {
  if (value.is_array()) {
    for (const json::value& element : value.get_array()) collect_references(element, found);
  } else if (value.is_object()) {
    for (const auto& [name, member] : value.get_object()) {
      if (name == "$ref") found.emplace_back(member.as_string());
      collect_references(member, found);
    }
  }
}

TEST(Openapi, HasEveryRoute) {
  const json::object& paths = document().at("paths").as_object();
  EXPECT_EQ(paths.size(), routes().size());
  for (const Route& route : routes()) {
    const char* method = route.method == Method::kPost ? "post" : "get";
    ASSERT_TRUE(paths.contains(route.pattern)) << route.pattern;
    const json::object& operation = paths.at(route.pattern).at(method).as_object();
    EXPECT_EQ(operation.contains("requestBody"), route.method == Method::kPost) << route.pattern;
  }
}

TEST(Openapi, RefersToShapesThatAreThere) {
  std::vector<std::string> references;
  collect_references(json::parse(openapi_document()), references);
  EXPECT_GT(references.size(), 50U);
  for (const std::string& reference : references) {
    EXPECT_TRUE(document()
                    .at("components")
                    .at("schemas")
                    .as_object()
                    .contains(reference.substr(reference.rfind('/') + 1)))
        << reference;
  }
}

TEST(Openapi, HasEveryField) {
  for (const FieldSpec& spec : field_specs()) {
    EXPECT_NE(spec.uses, 0) << spec.name;
    if ((spec.uses & kInRerank) != 0) {
      EXPECT_TRUE(schema_named("RerankRequest").at("properties").as_object().contains(spec.name))
          << spec.name;
    }
  }
}

TEST(Openapi, DescribesTheRepliesAsTheyAre) {
  Result result;
  result.documents = {{.score = 0.5F}, {.score = 0.75F, .truncated = true}};
  const ReplyStamp stamp{.id = "1", .model = "demo", .created = 5};
  ScoringCall call;
  call.echo = {"a", "b"};
  const auto written = [&](const Dialect& dialect) {
    call.dialect = &dialect;
    return write_reply(call, result, stamp);
  };
  for (const Dialect* dialect : dialects()) EXPECT_EQ(fault(written(*dialect), dialect->reply.name), "");
  EXPECT_EQ(fault(written(kScore), "ScoreReply"), "");
  EXPECT_NE(fault(written(kNim), "TeiReply"), "");
}

std::string written_tokens(const TokenizeCall& call) {
  TokensText text(call, 9);
  text.add({{.id = 1, .text = "a"}});
  return text.take();
}

TEST(Openapi, DescribesTheServiceAsItIs) {
  const ServiceCard card{.served_names = {"demo"}, .model = "demo", .dtype = "float32"};
  EXPECT_EQ(fault(write_models(card, kStandard), "Models"), "");
  EXPECT_EQ(fault(write_model(card, "demo"), "Model"), "");
  EXPECT_EQ(fault(write_info(card), "Info"), "");
  EXPECT_EQ(fault(write_version(), "Version"), "");
  EXPECT_EQ(fault(write_cluster_auth(card), "ClusterAuth"), "");
  EXPECT_EQ(fault(write_meta(), "Meta"), "");
  EXPECT_EQ(fault(write_health(true, "x"), "Health"), "");
  EXPECT_EQ(fault(write_error(ApiError(400, "x")), "Error"), "");
  EXPECT_EQ(fault(write_error(ApiError(400, "x").set_style(ErrorStyle::kString)), "Error"), "");
  TokenizeCall call{.texts = {"a"}};
  EXPECT_EQ(fault(written_tokens(call), "TokenizeReply"), "");
  call.wants_pieces = true;
  EXPECT_EQ(fault(written_tokens(call), "TeiTokenizeReply"), "");
  EXPECT_EQ(fault(write_detokenized("a"), "DetokenizeReply"), "");
}

}  // namespace
}  // namespace rerank::api
