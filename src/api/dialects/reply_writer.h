// What dialects write their replies with: the ranked documents, and the parts that several dialects have.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "api/reply.h"
#include "api/scoring_call.h"
#include "text/json_writer.h"

namespace rerank::api {

// A document of a reply, except its text.
struct RankedDocument {
  std::size_t index = 0;
  float value = 0;
  bool truncated = false;
};

// Upper bounds in bytes, reserved before a reply is written: everything around the lists of documents, except
// the model's name; a document in a list, except its text; ranking a document.
constexpr std::size_t kFrameBytes = 768;
constexpr std::size_t kDocumentBytes = 128;
constexpr std::size_t kRankingBytes = sizeof(RankedDocument) + sizeof(float) + sizeof(std::size_t);

class ReplyWriter {
 public:
  // REQUIRES: the arguments outlive this.
  ReplyWriter(const ScoringCall& call, const Result& result, const ReplyStamp& stamp);

  const ScoringCall& call() const { return call_; }
  const ReplyStamp& stamp() const { return stamp_; }
  // In the dialect's order, at most top_n.
  const std::vector<RankedDocument>& documents() const { return documents_; }
  JsonWriter& json() { return json_; }

  // The object of a document up to its value; its end; its text, if that was requested.
  void begin_document(const RankedDocument& document, std::string_view value_name);
  void end_document(const RankedDocument& document);
  void write_text(std::string_view name, const RankedDocument& document);
  bool has_text(const RankedDocument& document) const { return document.index < call_.echo.size(); }
  const std::string& text(const RankedDocument& document) const { return call_.echo[document.index]; }

  void write_id(std::string_view prefix);
  void begin_usage();  // an object that its caller ends
  void write_usage();
  void write_meta(std::string_view api_version);  // as Cohere's, which bills search units

 private:
  std::size_t expected_bytes() const;

  const ScoringCall& call_;
  const Result& result_;
  const ReplyStamp& stamp_;
  const std::vector<RankedDocument> documents_;
  JsonWriter json_;
};

}  // namespace rerank::api
