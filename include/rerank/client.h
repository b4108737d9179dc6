// A client of reranker servers: rerank.cpp's own, vLLM, Text Embeddings Inference, llama.cpp, Infinity,
// Cohere and Jina. Needs nothing of the engine.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "rerank/error.h"

namespace rerank {

struct ClientOptions {
  // http:// or https://, with a path if the server stands below one. What ends in /v1, /v2 or a route such as
  // /v1/rerank is taken as that.
  std::string url = "http://localhost:8000";
  std::string unix_socket;  // path of a socket to connect to instead of the URL's host
  std::string api_key;      // sent as "Authorization: Bearer KEY"
  std::string model;        // empty: the server's only or first one
  // Which server it is: "auto" (asked once, before the first call), "rerank" (rerank.cpp), "vllm", "tei",
  // "llama.cpp", "infinity", "cohere" or "jina".
  std::string dialect = "auto";

  std::chrono::milliseconds connect_timeout{5'000};
  std::chrono::milliseconds timeout{120'000};  // of a whole call, waiting and retries included; 0: none
  // Of each request, after the first attempt: on 429, 502, 503 and on a connection lost before any of the
  // answer came.
  std::int32_t max_retries = 4;
  std::int32_t max_connections = 16;  // at a time, of all threads together

  // A longer list is sent as several requests side by side. 0: what the server says or is known to take, 1000
  // at most.
  std::size_t max_documents_per_request = 0;
  std::size_t max_request_bytes = 0;  // of a request's texts; 0: what the server is known to take
  std::size_t max_reply_bytes = std::size_t{64} << 20;  // inflated; its headers have 256 KiB

  bool compress_requests = false;  // gzip; rerank.cpp reads it, few others do
  bool compress_replies = false;   // asks for gzip

  std::string ca_file;           // PEM; empty: the system's
  std::string certificate_file;  // PEM, of this client
  std::string key_file;          // PEM; empty: in certificate_file
  bool verify_tls = true;

  std::vector<std::pair<std::string, std::string>> headers;  // of every request
  std::string user_agent;                                    // empty: rerank/VERSION
};

// Of one call. What a server has no field for is refused, never left out in silence.
struct CallOptions {
  std::string instruction;                // what makes a document relevant; empty: the server's default
  std::int32_t max_tokens_per_query = 0;  // 0: all
  std::int32_t max_tokens_per_document = 0;
  std::optional<bool>
      truncate;             // a pair that is too long: cut the document, or refuse; unset: as the server does
  bool raw_scores = false;  // the logits that scores are made of
  std::int32_t priority = 0;                         // lower numbers first, where the server has priorities
  std::string model;                                 // empty: ClientOptions::model
  std::string request_id;                            // sent as X-Request-Id; empty: random
  std::optional<std::chrono::milliseconds> timeout;  // instead of ClientOptions::timeout
};

struct RerankOptions : CallOptions {
  std::size_t top_n = 0;         // of RerankReply::items; 0: all
  bool return_documents = true;  // whether items hold their texts
};

struct RerankItem {
  std::size_t index = 0;  // of the document, as it was given
  float score = 0;
  std::string text;        // the document; empty unless asked for
  bool truncated = false;  // the document was cut; only rerank.cpp says so
};

// What every reply tells besides its scores.
struct ReplyDetails {
  std::string model;  // as the server calls it; empty: it does not say
  // Tokens of all pairs; unset: the server does not say.
  std::optional<std::int64_t> num_tokens;
  std::vector<bool> truncated;           // [documents]
  std::vector<std::string> request_ids;  // one for each request sent
  std::vector<std::string> raw;          // their bodies as they came
};

struct RerankReply : ReplyDetails {
  std::vector<RerankItem> items;  // highest score first, equal ones in their own order
  // [documents], in their order, those cut away by top_n too: the server is asked for all.
  std::vector<float> scores;
};

struct ScoreReply : ReplyDetails {
  std::vector<float> scores;  // [documents]
};

// What a client found, or was told.
struct ServerInfo {
  std::string dialect;     // one of ClientOptions::dialect's names, not "auto"
  std::string rerank_url;  // where rerank requests go
  std::string score_url;   // empty: scores are asked for as rerankings
  std::string model;       // sent with requests; empty: none is
  std::size_t max_documents_per_request = 0;
  std::size_t max_request_bytes = 0;
};

// A call that failed. What is wrong with the arguments before anything is sent is a plain Error.
class __attribute__((visibility("default"))) ClientError : public Error {
 public:
  enum class Reason {
    kStatus,      // the server answered with an error
    kConnection,  // not found, refused, broken
    kTls,         // a certificate, the server's or ours
    kTimeout,     // the call's time is up
    kCancelled,   // by the stop token
    kReply,       // an answer that makes no sense
  };
  struct Details {
    Reason reason = Reason::kStatus;
    int status = 0;              // 0: no answer
    std::string server_message;  // what the server says is wrong; empty: nothing
    std::string request_id;      // as sent, or as the server calls it
    int num_attempts = 0;
  };

  ClientError(ErrorCode code, const std::string& message, Details details);
  const Details& details() const { return details_; }
  Reason reason() const { return details_.reason; }
  int status() const { return details_.status; }
  const std::string& server_message() const { return details_.server_message; }
  const std::string& request_id() const { return details_.request_id; }
  int num_attempts() const { return details_.num_attempts; }

 private:
  Details details_;
};

// All members are safe from any thread; connections are kept and shared between them.
class __attribute__((visibility("default"))) Client {
 public:
  // Connects to nothing yet. Throws Error{kInvalidArgument} naming the option.
  explicit Client(ClientOptions options = {});
  ~Client();
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;

  // How well each document answers the query. An empty list of them is answered without asking. Throws
  // ClientError; Error for what the server has no field for.
  RerankReply rerank(const std::string& query, const std::vector<std::string>& documents,
                     const RerankOptions& options = {}, const std::stop_token& stop = {}) const;

  // The score of each pair: one query for all documents, or as many queries as documents. Servers without a
  // score route are asked for rerankings, one for each query. Throws as rerank does.
  ScoreReply score(const std::vector<std::string>& queries, const std::vector<std::string>& documents,
                   const CallOptions& options = {}, const std::stop_token& stop = {}) const;

  // Asks the server who it is, if the dialect is "auto" and nobody asked yet. Throws ClientError.
  ServerInfo server(const std::stop_token& stop = {}) const;

  // Whether GET /health says 200 within connect_timeout, at the first attempt. Throws ClientError only when
  // cancelled.
  bool healthy(const std::stop_token& stop = {}) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rerank
