#include "cold_start.h"

#include <rerank/engine.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace {

const std::array<const char*, 2> kQueries = {"What is the capital of China?", "Explain gravity"};
const std::vector<std::string> kDocuments = {
    "The capital of China is Beijing.",
    "Gravity is a force that attracts two bodies towards each other. It gives weight to physical objects and "
    "is responsible for the movement of planets around the sun.",
};

// Logit differences that the model cards print for the first query with both documents: Sentence Transformers
// in bfloat16, so good to about 0.1. Their other examples, and the card of the 8B, are not known with
// figures.
struct Published {
  std::string_view model;
  std::array<float, 2> logits;
};
constexpr std::array<Published, 2> kPublished = {{
    {"Qwen3-Reranker-0.6B", {7.625F, -11.375F}},
    {"Qwen3-Reranker-4B", {6.4375F, -14.375F}},
}};

std::optional<Published> published_for(std::string_view model) {
  for (const Published& published : kPublished) {
    if (model.find(published.model) != std::string_view::npos) return published;
  }
  return std::nullopt;
}

std::unique_ptr<rerank::Engine> load(const std::string& model) {
  rerank::EngineOptions options;
  options.model = model;
  return std::make_unique<rerank::Engine>(options);
}

// The default, or the model that ships where the default was never downloaded. Sets `model` to the one taken.
std::unique_ptr<rerank::Engine> load_default(const ColdStart& example, std::string& model) {
  model = example.default_model;
  try {
    return load(model);
  } catch (const rerank::Error& error) {
    if (error.code() != rerank::ErrorCode::kNotFound) throw;
    std::printf("note: %s is not set, and %s\n", example.variable.c_str(), error.what());
  }
  model = "demo";
  return load(model);
}

void print_caveat(const std::string& model) {
  if (model == "demo") {
    std::printf(
        "note: this is the model that ships, which knows Debian packages and nothing else: what it says "
        "here means nothing\n");
  } else if (model.starts_with("synth:")) {
    std::printf("note: the weights of %s are random: what it says here means nothing\n", model.c_str());
  }
}

void print_scores(rerank::Engine& engine, const std::optional<Published>& published) {
  for (std::size_t query = 0; query < kQueries.size(); ++query) {
    std::printf("\n%s\n", kQueries[query]);
    const rerank::Result result = engine.score({.query = kQueries[query], .documents = kDocuments});
    for (std::size_t index = 0; index < kDocuments.size(); ++index) {
      const rerank::DocumentScore& score = result.documents[index];
      std::printf("  score %-12.9g logit difference %-8.4f", score.score, score.logit_difference());
      if (query == 0 && published) std::printf(" model card %-8.4f", published->logits[index]);
      std::printf(" %.44s\n", kDocuments[index].c_str());
    }
  }
}

}  // namespace

int run_cold_start(const ColdStart& example, int argc, char** argv) {
  const auto begin = std::chrono::steady_clock::now();
  const char* const variable = std::getenv(example.variable.c_str());
  std::string model = argc > 1 ? argv[1] : variable != nullptr ? variable : "";
  try {
    const auto engine = model.empty() ? load_default(example, model) : load(model);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    const rerank::EngineInfo& info = engine->info();
    std::printf("%s: %s in %s on %s, loaded in %.2f s\n", model.c_str(), info.architecture.c_str(),
                info.dtype.c_str(), info.device.c_str(), seconds.count());
    print_caveat(model);
    print_scores(*engine, published_for(model));
  } catch (const rerank::Error& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
  return 0;
}
