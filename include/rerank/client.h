// A client for reranker servers: rerank.cpp's own, vLLM, Text Embeddings Inference, llama.cpp, Infinity,
// Cohere and Jina. Needs no part of the engine.
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
  // http:// or https://, with a path if the server has a path prefix. /v1, /v2 or a route such as /v1/rerank
  // at its end is recognized.
  std::string url = "http://localhost:8000";
  std::string unix_socket;  // path of a socket to connect to instead of the URL's host
  std::string api_key;      // sent as "Authorization: Bearer KEY"
  std::string model;        // empty: the server's only or first one
  // The kind of server: "auto" (detected once, before the first call), "rerank" (rerank.cpp), "vllm", "tei",
  // "llama.cpp", "infinity", "cohere" or "jina".
  std::string dialect = "auto";

  std::chrono::milliseconds connect_timeout{5'000};
  std::chrono::milliseconds timeout{120'000};  // of a whole call, including waits and retries; 0: none
  // Retries per request: on 429, 502, 503 and when the connection is lost before any of the response arrived.
  std::int32_t max_retries = 4;
  std::int32_t max_connections = 16;  // at a time, for all threads

  // Longer lists are sent as several concurrent requests. 0: the limit that the server reports or is known to
  // have, at most 1000.
  std::size_t max_documents_per_request = 0;
  std::size_t max_request_bytes = 0;  // of the texts of a request; 0: the known limit of the server
  std::size_t max_reply_bytes = std::size_t{64} << 20;  // decompressed; headers are limited to 256 KiB

  bool compress_requests = false;  // gzip; supported by rerank.cpp and few others
  bool compress_replies = false;   // request gzip

  std::string ca_file;           // PEM; empty: the system's
  std::string certificate_file;  // PEM, of this client
  std::string key_file;          // PEM; empty: in certificate_file
  bool verify_tls = true;

  std::vector<std::pair<std::string, std::string>> headers;  // sent with every request
  std::string user_agent;                                    // empty: rerank/VERSION
};

// Options of one call. An option that the server has no field for is an error, never ignored.
struct CallOptions {
  std::string instruction;                // what makes a document relevant; empty: the server's default
  std::int32_t max_tokens_per_query = 0;  // 0: all
  std::int32_t max_tokens_per_document = 0;
  std::optional<bool>
      truncate;  // truncate documents of pairs that are too long, or refuse them; unset: the server's default
  bool raw_scores = false;                           // logits instead of scores
  std::int32_t priority = 0;                         // lower numbers first, if the server supports it
  std::string model;                                 // empty: ClientOptions::model
  std::string request_id;                            // sent as X-Request-Id; empty: random
  std::optional<std::chrono::milliseconds> timeout;  // instead of ClientOptions::timeout
};

struct RerankOptions : CallOptions {
  std::size_t top_n = 0;         // of RerankReply::items; 0: all
  bool return_documents = true;  // whether items contain their texts
};

struct RerankItem {
  std::size_t index = 0;  // of the document in the call
  float score = 0;
  std::string text;        // the document; empty unless requested
  bool truncated = false;  // the document was truncated; only rerank.cpp reports it
};

// Common to all replies.
struct ReplyDetails {
  std::string model;  // from the server; empty: not reported
  // Tokens of all pairs; unset: not reported.
  std::optional<std::int64_t> num_tokens;
  std::vector<bool> truncated;           // [documents]
  std::vector<std::string> request_ids;  // one per request sent
  std::vector<std::string> raw;          // the bodies of the responses
};

struct RerankReply : ReplyDetails {
  std::vector<RerankItem> items;  // best score first; ties in the original order
  // [documents], in the original order, including those beyond top_n: all are requested.
  std::vector<float> scores;
};

struct ScoreReply : ReplyDetails {
  std::vector<float> scores;  // [documents]
};

// The server of a client, as detected or configured.
struct ServerInfo {
  std::string dialect;     // one of ClientOptions::dialect's names, not "auto"
  std::string rerank_url;  // where rerank requests go
  std::string score_url;   // empty: pairs are scored by rerank requests
  std::string model;       // sent with requests; empty: none
  std::size_t max_documents_per_request = 0;
  std::size_t max_request_bytes = 0;
};

// A call that failed. Invalid arguments are a plain Error, before anything is sent.
class __attribute__((visibility("default"))) ClientError : public Error {
 public:
  enum class Reason {
    kStatus,      // the server returned an error
    kConnection,  // name not found, refused, lost
    kTls,         // the server's certificate, or the client's
    kTimeout,     // the timeout of the call
    kCancelled,   // by the stop token
    kReply,       // an invalid response
  };
  struct Details {
    Reason reason = Reason::kStatus;
    int status = 0;              // 0: no response
    std::string server_message;  // from the error response; may be empty
    std::string request_id;      // as sent, or from the server
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

// All members are safe from any thread; open connections are kept and shared between threads.
class __attribute__((visibility("default"))) Client {
 public:
  // Does not connect yet. Throws Error{kInvalidArgument} naming the option.
  explicit Client(ClientOptions options = {});
  ~Client();
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;

  // Scores each document for the query. Without documents nothing is sent. Throws ClientError; Error for an
  // option that the server has no field for.
  RerankReply rerank(const std::string& query, const std::vector<std::string>& documents,
                     const RerankOptions& options = {}, const std::stop_token& stop = {}) const;

  // Scores pairs: one query for all documents, or one per document. If the server has no score route, rerank
  // requests are sent, one per query. Throws as rerank does.
  ScoreReply score(const std::vector<std::string>& queries, const std::vector<std::string>& documents,
                   const CallOptions& options = {}, const std::stop_token& stop = {}) const;

  // Returns the server, after detecting it if the dialect is "auto" and it is not known yet. Throws
  // ClientError.
  ServerInfo server(const std::stop_token& stop = {}) const;

  // Whether GET /health returns 200 within connect_timeout, without retries. Throws ClientError only if
  // cancelled.
  bool healthy(const std::stop_token& stop = {}) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rerank
