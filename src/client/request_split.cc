#include "client/request_split.h"

#include <string_view>
#include <unordered_map>
#include <utility>

#include "text/json_writer.h"

namespace rerank::client {
namespace {

// In a body, with its comma.
std::size_t json_bytes(std::string_view text) {
  return JsonWriter::string_bytes(text) + 1;
}

// Fills one part after another.
class PartBuilder {
 public:
  // `shared` is the query of every part; null if each document has its own.
  PartBuilder(const RequestLimits& limits, const std::string* shared) : limits_(limits), shared_(shared) {}

  void add(std::size_t position, const std::string* query, const std::string& document) {
    const std::size_t pair_bytes = json_bytes(document) + (query != nullptr ? json_bytes(*query) : 0);
    const bool is_full = parts_.empty() || parts_.back().positions.size() >= limits_.max_documents ||
                         num_bytes_ + pair_bytes > limits_.max_bytes;
    if (is_full) begin_part();
    RequestPart& part = parts_.back();
    if (query != nullptr) part.texts.queries.emplace_back(*query);
    part.texts.documents.emplace_back(document);
    part.positions.push_back(position);
    num_bytes_ += pair_bytes;
  }
  std::vector<RequestPart> take() { return std::move(parts_); }

 private:
  void begin_part() {
    parts_.emplace_back();
    num_bytes_ = 0;
    if (shared_ == nullptr) return;
    parts_.back().texts.queries.emplace_back(*shared_);
    num_bytes_ = json_bytes(*shared_);
  }

  const RequestLimits& limits_;
  const std::string* shared_;
  std::vector<RequestPart> parts_;
  std::size_t num_bytes_ = 0;  // of the last part
};

}  // namespace

std::vector<RequestPart> split_documents(const std::string& query, const std::vector<std::string>& documents,
                                         const RequestLimits& limits) {
  PartBuilder parts(limits, &query);
  for (std::size_t i = 0; i < documents.size(); ++i) parts.add(i, nullptr, documents[i]);
  return parts.take();
}

std::vector<RequestPart> split_pairs(const std::vector<std::string>& queries,
                                     const std::vector<std::string>& documents, const RequestLimits& limits) {
  PartBuilder parts(limits, nullptr);
  for (std::size_t i = 0; i < documents.size(); ++i) parts.add(i, &queries[i], documents[i]);
  return parts.take();
}

std::vector<RequestPart> split_by_query(const std::vector<std::string>& queries,
                                        const std::vector<std::string>& documents,
                                        const RequestLimits& limits) {
  std::vector<std::pair<const std::string*, std::vector<std::size_t>>>
      groups;  // in order of their first pair
  std::unordered_map<std::string_view, std::size_t> group_of;
  for (std::size_t i = 0; i < queries.size(); ++i) {
    const auto [found, is_new] = group_of.try_emplace(queries[i], groups.size());
    if (is_new) groups.emplace_back(&queries[i], std::vector<std::size_t>());
    groups[found->second].second.push_back(i);
  }
  std::vector<RequestPart> parts;
  for (const auto& [query, positions] : groups) {
    PartBuilder builder(limits, query);
    for (const std::size_t position : positions) builder.add(position, nullptr, documents[position]);
    for (RequestPart& part : builder.take()) parts.push_back(std::move(part));
  }
  return parts;
}

}  // namespace rerank::client
