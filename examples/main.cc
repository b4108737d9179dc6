// Hot start: an application of a running service, on the client library. Address, key and the rest come from
// the environment (RERANK_URL, RERANK_API_KEY), .env or rerank.toml.
#include <rerank/client.h>
#include <rerank/settings.h>

#include <cstdio>
#include <string>
#include <vector>

namespace {

const std::string kQuery = "What is the capital of China?";
const std::vector<std::string> kDocuments = {
    "Gravity is a force that attracts two bodies towards each other.",
    "The capital of China is Beijing.",
    "Shanghai is a large city in China.",
};

void print(const rerank::RerankReply& reply) {
  std::printf("items, the best first:\n");
  for (const rerank::RerankItem& item : reply.items) {
    std::printf("  %.9g %zu %s\n", item.score, item.index, item.text.c_str());
  }
  std::printf("scores, in the order given:");
  for (const float score : reply.scores) std::printf(" %.9g", score);
  std::printf("\nraw:\n");
  for (const std::string& body : reply.raw) std::printf("%s\n", body.c_str());
}

}  // namespace

int main() {
  try {
    const rerank::Client client(rerank::client_options(rerank::Settings::load()));
    rerank::RerankOptions options;
    options.top_n = 2;
    print(client.rerank(kQuery, kDocuments, options));
    const rerank::ScoreReply pairs =
        client.score({kQuery, "Explain gravity"}, {kDocuments[1], kDocuments[0]});
    std::printf("scores of two pairs: %.9g %.9g\n", pairs.scores[0], pairs.scores[1]);
  } catch (const rerank::Error& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
  return 0;
}
