#include "client/dialect.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "rerank/error.h"

namespace rerank::client {
namespace {

constexpr std::array kSpecs = {
    DialectSpec{.dialect = Dialect::kRerank,
                .name = "rerank",
                .label = "rerank.cpp",
                .rerank_path = "/v1/rerank",
                .score_path = "/v1/score",
                .documents = "documents",
                .instruction = "instruction",
                .max_tokens_per_query = "max_tokens_per_query",
                .max_tokens_per_document = "max_tokens_per_doc",
                .priority = "priority",
                .raw_scores = "raw_scores",
                .raw_scores_value = "true",
                .truncate = "truncate",
                .truncate_value = "true",
                .refuse_value = "false",
                .no_echo = R"("return_documents":false)",
                .takes_deadline = true},
    DialectSpec{.dialect = Dialect::kVllm,
                .name = "vllm",
                .label = "vLLM",
                .rerank_path = "/v1/rerank",
                .score_path = "/v1/score",
                .documents = "documents",
                .instruction = "chat_template_kwargs.instruction",
                .max_tokens_per_query = "max_tokens_per_query",
                .max_tokens_per_document = "max_tokens_per_doc",
                .priority = "priority",
                .raw_scores = "use_activation",
                .raw_scores_value = "false",
                .truncate = "truncate_prompt_tokens",
                .truncate_value = "-1"},
    // 32 documents and 2 MB are its default limits.
    DialectSpec{.dialect = Dialect::kTei,
                .name = "tei",
                .label = "Text Embeddings Inference",
                .rerank_path = "/rerank",
                .documents = "texts",
                .raw_scores = "raw_scores",
                .raw_scores_value = "true",
                .truncate = "truncate",
                .truncate_value = "true",
                .refuse_value = "false",
                .no_echo = R"("return_text":false)",
                .max_documents = 32,
                .max_request_bytes = 1'900'000},
    DialectSpec{.dialect = Dialect::kLlamaCpp,
                .name = "llama.cpp",
                .label = "llama.cpp",
                .rerank_path = "/v1/rerank",
                .documents = "documents"},
    DialectSpec{.dialect = Dialect::kInfinity,
                .name = "infinity",
                .label = "Infinity",
                .rerank_path = "/rerank",
                .documents = "documents",
                .raw_scores = "raw_scores",
                .raw_scores_value = "true",
                .no_echo = R"("return_documents":false)"},
    DialectSpec{.dialect = Dialect::kCohere,
                .name = "cohere",
                .label = "Cohere",
                .rerank_path = "/v2/rerank",
                .documents = "documents",
                .max_tokens_per_document = "max_tokens_per_doc",
                .priority = "priority",
                .needs_model = true},
    DialectSpec{.dialect = Dialect::kJina,
                .name = "jina",
                .label = "Jina",
                .rerank_path = "/v1/rerank",
                .documents = "documents",
                .truncate = "truncation",
                .truncate_value = "true",
                .refuse_value = "false",
                .no_echo = R"("return_documents":false)"},
};

constexpr bool is_in_order() {
  for (std::size_t i = 0; i < kSpecs.size(); ++i) {
    if (static_cast<std::size_t>(kSpecs[i].dialect) != i) return false;
  }
  return kSpecs.size() == static_cast<std::size_t>(Dialect::kJina) + 1;
}
static_assert(is_in_order(), "kSpecs must list every Dialect in order");

bool is_host_below(std::string_view host, std::string_view domain) {
  return host == domain || (host.ends_with(domain) && host.size() > domain.size() &&
                            host[host.size() - domain.size() - 1] == '.');
}

}  // namespace

const DialectSpec& spec_of(Dialect dialect) {
  return kSpecs[static_cast<std::size_t>(dialect)];
}

const DialectSpec& spec_named(std::string_view name) {
  const auto* const found = std::find_if(kSpecs.begin(), kSpecs.end(),
                                         [name](const DialectSpec& spec) { return spec.name == name; });
  if (found != kSpecs.end()) return *found;
  std::vector<std::string_view> names = {"auto"};
  for (const DialectSpec& spec : kSpecs) names.push_back(spec.name);
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("unknown dialect \"{}\"; use one of {}", name, fmt::join(names, ", ")));
}

const DialectSpec* spec_of_host(std::string_view host) {
  if (is_host_below(host, "cohere.com") || is_host_below(host, "cohere.ai"))
    return &spec_of(Dialect::kCohere);
  if (is_host_below(host, "jina.ai")) return &spec_of(Dialect::kJina);
  return nullptr;
}

Routes routes_of(const BaseUrl& url, const DialectSpec& spec) {
  const std::size_t name = spec.rerank_path.rfind('/');
  const std::string_view version = spec.rerank_path.substr(0, name);
  const bool has_other_version = !version.empty() && !url.version.empty();
  Routes routes;
  routes.rerank = fmt::format("{}{}{}", url.root, has_other_version ? url.version : version,
                              spec.rerank_path.substr(name));
  if (!spec.score_path.empty()) routes.score = fmt::format("{}{}", url.root, spec.score_path);
  if (url.route.empty()) return routes;
  if (url.route != "/score") routes.rerank = url.given();
  // The other route is next to the given one; there is no /v2/score.
  if (!routes.score.empty() && url.version != "/v2") routes.score = url.root + url.version + "/score";
  return routes;
}

}  // namespace rerank::client
