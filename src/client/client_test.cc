// Calls that succeed: every kind of server, long lists, connections, headers.
#include "rerank/client.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <filesystem>
#include <mutex>
#include <set>
#include <thread>

#include "tests/support/stand_in.h"

namespace rerank::client {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

const std::vector<std::string> kDocuments = {"0.25", "0.5", "0.125", "0.5", "-1", "0"};
const std::vector<float> kScores = {0.25F, 0.5F, 0.125F, 0.5F, -1.0F, 0.0F};

// Requests that a server saw.
class Seen {
 public:
  ScriptedServer::Script recording(const ScriptedServer::Script& script) {
    return [this, script](const ScriptedRequest& request) {
      {
        const std::lock_guard lock(mutex_);
        requests_.push_back(request);
      }
      return script(request);
    };
  }
  std::vector<ScriptedRequest> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  std::vector<std::string> paths() const {
    std::vector<std::string> paths;
    for (const ScriptedRequest& request : requests()) paths.push_back(request.path());
    return paths;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<ScriptedRequest> requests_;
};

class EveryServer : public testing::TestWithParam<const char*> {};

INSTANTIATE_TEST_SUITE_P(Dialects, EveryServer,
                         testing::Values("rerank", "vllm", "tei", "llama.cpp", "infinity", "cohere", "jina",
                                         "plain"),
                         [](const auto& tested) {
                           const std::string name = tested.param;
                           return name == "llama.cpp" ? std::string("llama_cpp") : name;
                         });

TEST_P(EveryServer, IsFoundOutOnce) {
  const std::string dialect = GetParam();
  ScriptedServer server(stand_in(dialect));
  const Client client({.url = server.url()});
  for (int i = 0; i < 2; ++i) {
    const RerankReply reply = client.rerank("q", kDocuments);
    EXPECT_EQ(reply.scores, kScores);
    std::vector<std::size_t> order;
    for (const RerankItem& item : reply.items) {
      order.push_back(item.index);
      EXPECT_EQ(item.text, kDocuments[item.index]);
      EXPECT_EQ(item.score, kScores[item.index]);
    }
    EXPECT_THAT(order, ElementsAre(1, 3, 0, 2, 5, 4));
  }
  const int num_parts = dialect == "rerank" || dialect == "tei" ? 2 : 1;
  const int num_questions = server.num_requests() - 2 * num_parts;
  const ServerInfo info = client.server();
  EXPECT_EQ(server.num_requests(), num_questions + 2 * num_parts);  // no other requests
  EXPECT_EQ(info.dialect, dialect == "plain" || dialect == "cohere" ? "jina" : dialect);
  EXPECT_EQ(info.max_documents_per_request, num_parts == 2 ? 4U : 1000U);
  const bool is_named = dialect == "vllm" || dialect == "llama.cpp" || dialect == "infinity";
  EXPECT_EQ(info.model, is_named ? "served/model" : "");
  EXPECT_TRUE(client.healthy());
}

TEST_P(EveryServer, ScoresPairs) {
  ScriptedServer server(stand_in(GetParam()));
  const Client client({.url = server.url()});
  EXPECT_EQ(client.score({"q"}, kDocuments).scores, kScores);
  EXPECT_EQ(client.score({"a", "b", "a", "c", "b", "a"}, kDocuments).scores, kScores);
}

TEST(Client, AsksStraightWhenTheServerIsNamed) {
  for (const char* const dialect : {"rerank", "vllm", "tei", "llama.cpp", "infinity", "cohere", "jina"}) {
    ScriptedServer server(stand_in(dialect));
    const Client client({.url = server.url(), .model = "my/model", .dialect = dialect});
    EXPECT_EQ(client.rerank("q", kDocuments).scores, kScores) << dialect;
    EXPECT_EQ(server.num_requests(), 1) << dialect;
  }
}

TEST(Client, TakesAWholeRouteAsTheUrl) {
  Seen seen;
  ScriptedServer server(seen.recording([](const ScriptedRequest& request) {
    return request.path() == "/deep/rerank" ? ScriptedAnswer::reply(200, R"([{"index":0,"score":1}])")
                                            : ScriptedAnswer::reply(404, "");
  }));
  const Client client({.url = server.url() + "/deep/rerank"});
  EXPECT_THAT(client.rerank("q", {"d"}).scores, ElementsAre(1.0F));
  EXPECT_THAT(seen.paths(), ElementsAre("/deep/v1/models", "/deep/info", "/deep/models", "/deep/rerank"));
}

TEST(Client, FindsInfinityBelowAPrefix) {
  Seen seen;
  ScriptedServer server(seen.recording([](const ScriptedRequest& request) {
    if (request.path() == "/v1/models") {
      return ScriptedAnswer::reply(200, R"({"data":[{"id":"m","owned_by":"infinity"}]})");
    }
    return ScriptedAnswer::reply(200, R"({"results":[{"index":0,"relevance_score":1}]})");
  }));
  (void)Client({.url = server.url()}).rerank("q", {"d"});
  EXPECT_THAT(seen.paths(), ElementsAre("/v1/models", "/v1/rerank"));
  EXPECT_THAT(seen.requests().back().body, HasSubstr(R"("model":"m")"));
}

TEST(Client, PutsLongListsTogether) {
  Seen seen;
  ScriptedServer server(seen.recording(stand_in("vllm")));
  const Client client({.url = server.url(), .max_connections = 3, .max_documents_per_request = 7});
  std::vector<std::string> documents;
  std::vector<float> scores;
  for (int i = 0; i < 100; ++i) {
    scores.push_back(static_cast<float>((i * 37) % 100) / 128);
    documents.push_back(fmt::format("{}", scores.back()));
  }
  RerankOptions options;
  options.top_n = 3;
  options.return_documents = false;
  options.request_id = "mine";
  const RerankReply reply = client.rerank("q", documents, options);
  EXPECT_EQ(reply.scores, scores);
  ASSERT_EQ(reply.items.size(), 3U);
  EXPECT_EQ(reply.items[0].score, 99.0F / 128);
  EXPECT_EQ(reply.items[0].text, "");
  EXPECT_EQ(reply.num_tokens, 100);
  EXPECT_EQ(reply.model, "answering");
  EXPECT_EQ(reply.raw.size(), 15U);
  EXPECT_THAT(reply.raw[14], StartsWith(R"({"id":"r")"));
  EXPECT_EQ(reply.request_ids.front(), "mine-1");
  EXPECT_EQ(reply.request_ids.back(), "mine-15");
  EXPECT_LE(server.num_connections(), 3);
  std::set<std::string> ids;
  for (const ScriptedRequest& request : seen.requests()) ids.insert(header_of(request, "x-request-id"));
  EXPECT_EQ(ids.size(), 16U);  // and that of the detection
  EXPECT_EQ(client.score(documents, documents).scores, scores);
}

TEST(Client, CutsByBytesToo) {
  ScriptedServer server(stand_in("vllm"));
  const Client client({.url = server.url(), .dialect = "vllm", .max_request_bytes = 30});
  EXPECT_EQ(client.rerank("q", kDocuments).scores, kScores);
  EXPECT_EQ(server.num_requests(), 2);
}

TEST(Client, AsksNothingAboutNothing) {
  const Client client({.url = "http://127.0.0.1:1", .dialect = "rerank"});
  EXPECT_THAT(client.rerank("q", {}).items, IsEmpty());
  EXPECT_THAT(client.score({"q"}, {}).scores, IsEmpty());
  EXPECT_THAT(client.score({}, {}).scores, IsEmpty());
}

TEST(Client, SaysWhatRerankCppSays) {
  ScriptedServer server([](const ScriptedRequest&) {
    return ScriptedAnswer::reply(200, R"([{"index":0,"score":0.5,"truncated":true},{"index":1,"score":0.5}])",
                                 "X-Request-Id: theirs\r\nx-compute-tokens: 17\r\n");
  });
  const RerankReply reply = Client({.url = server.url(), .dialect = "rerank"}).rerank("q", {"a", "b"});
  EXPECT_TRUE(reply.items[0].truncated);
  EXPECT_FALSE(reply.items[1].truncated);
  EXPECT_EQ(reply.num_tokens, 17);
  EXPECT_THAT(reply.request_ids, ElementsAre("theirs"));
}

TEST(Client, SendsKeyHeadersAndTime) {
  Seen seen;
  ScriptedServer server(seen.recording(stand_in("rerank")));
  const Client client({.url = server.url(),
                       .api_key = "secret",
                       .dialect = "rerank",
                       .headers = {{"X-Tenant", "blue"}},
                       .user_agent = "my-app/1"});
  CallOptions options;
  options.timeout = std::chrono::seconds(100);
  (void)client.score({"q"}, {"1"}, options);
  options.timeout = std::chrono::seconds(0);
  (void)client.score({"q"}, {"1"}, options);
  const ScriptedRequest request = seen.requests().front();
  EXPECT_EQ(header_of(request, "authorization"), "Bearer secret");
  EXPECT_EQ(header_of(request, "x-tenant"), "blue");
  EXPECT_EQ(header_of(request, "user-agent"), "my-app/1");
  EXPECT_EQ(header_of(request, "content-type"), "application/json");
  EXPECT_EQ(header_of(request, "accept-encoding"), "");
  EXPECT_EQ(header_of(request, "x-request-id").size(), 16U);
  EXPECT_GT(std::stod(header_of(request, "x-request-timeout")), 50);
  EXPECT_LE(std::stod(header_of(request, "x-request-timeout")), 100);
  EXPECT_EQ(header_of(seen.requests().back(), "x-request-timeout"), "");
}

std::string inflated(const std::string& gzip) {
  z_stream stream = {};
  std::string text(1 << 20, '\0');
  EXPECT_EQ(inflateInit2(&stream, 16 + MAX_WBITS), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(gzip.data()));
  stream.avail_in = static_cast<uInt>(gzip.size());
  stream.next_out = reinterpret_cast<Bytef*>(text.data());
  stream.avail_out = static_cast<uInt>(text.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  text.resize(stream.total_out);
  inflateEnd(&stream);
  return text;
}

TEST(Client, CompressesWhenAsked) {
  Seen seen;
  ScriptedServer server(seen.recording([](const ScriptedRequest& request) {
    ScriptedRequest plain = request;
    if (header_of(request, "content-encoding") == "gzip") plain.body = inflated(request.body);
    return stand_in_answer("rerank", plain);
  }));
  const Client client(
      {.url = server.url(), .dialect = "rerank", .compress_requests = true, .compress_replies = true});
  const std::vector<std::string> many(500, "0.5");
  EXPECT_EQ(client.rerank("q", many).scores, std::vector<float>(500, 0.5F));
  EXPECT_EQ(client.rerank("q", {"0.5"}).scores, std::vector<float>(1, 0.5F));
  const auto requests = seen.requests();
  EXPECT_EQ(header_of(requests[0], "content-encoding"), "gzip");
  EXPECT_EQ(header_of(requests[0], "accept-encoding"), "gzip");
  EXPECT_LT(requests[0].body.size(), 500U);
  EXPECT_EQ(header_of(requests[1], "content-encoding"), "");  // too small to compress
}

TEST(Client, SpeaksOverAUnixSocket) {
  const std::string path = testing::TempDir() + "client_test.socket";
  std::filesystem::remove(path);
  ScriptedServer server(stand_in("rerank"), path);
  EXPECT_EQ(Client({.url = "http://localhost", .unix_socket = path}).rerank("q", kDocuments).scores, kScores);
  std::filesystem::remove(path);
}

TEST(Client, KeepsItsConnection) {
  ScriptedServer server(stand_in("vllm"));
  const Client client({.url = server.url()});
  for (int i = 0; i < 5; ++i) EXPECT_EQ(client.rerank("q", kDocuments).scores, kScores);
  EXPECT_EQ(server.num_connections(), 1);
}

TEST(Client, GoesOnWhenAKeptConnectionWasClosed) {
  ScriptedServer server([](const ScriptedRequest& request) {
    ScriptedAnswer answer = stand_in_answer("vllm", request);
    answer.close = true;
    return answer;
  });
  const Client client({.url = server.url(), .dialect = "vllm"});
  for (int i = 0; i < 5; ++i) EXPECT_EQ(client.rerank("q", kDocuments).scores, kScores);
}

TEST(Client, IsSharedByThreads) {
  ScriptedServer server(stand_in("tei"));
  Client made({.url = server.url(), .max_connections = 3});
  const Client client = std::move(made);
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 6; ++i) {
      threads.emplace_back([&client] {
        for (int j = 0; j < 10; ++j) EXPECT_EQ(client.rerank("q", kDocuments).scores, kScores);
      });
    }
  }
  EXPECT_LE(server.num_connections(), 3);
  // Two requests for detection, whichever thread came first, and two for each call.
  EXPECT_EQ(server.num_requests(), 2 + 6 * 10 * 2);
}

}  // namespace
}  // namespace rerank::client
