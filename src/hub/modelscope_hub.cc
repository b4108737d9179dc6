#include "hub/modelscope_hub.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>

#include "hub/hub_answers.h"
#include "rerank/error.h"
#include "text/strict_json.h"

namespace rerank {
namespace {

constexpr std::int32_t kMaxRedirects = 5;
constexpr std::chrono::seconds kStallTimeout{30};
constexpr std::chrono::seconds kListingTimeout{300};
constexpr std::size_t kMaxListingBytes = std::size_t{16} << 20;

std::string content_commit(const std::vector<RemoteFile>& files) {
  std::string text;
  for (const RemoteFile& file : files) text += fmt::format("{} {}\n", file.digest.hex, file.name);
  DigestBuilder builder(Digest::Kind::kGitBlob, text.size());
  builder.add(text);
  return builder.result().hex;
}

// The message of the hub in a refusal; empty if there is none.
std::string message_of(const TransferReply& reply) {
  try {
    return text_at(parse_answer(reply.body, reply.head.url), "Message");
  } catch (const Error&) {
    return {};
  }
}

}  // namespace

RemoteModel parse_modelscope_listing(const std::string& json, std::string_view url) {
  const boost::json::object answer = parse_answer(json, url);
  const boost::json::object* const data = object_at(answer, "Data");
  const boost::json::array* const entries = data == nullptr ? nullptr : array_at(*data, "Files");
  if (entries == nullptr) {
    const std::string said = text_at(answer, "Message");
    throw Error(ErrorCode::kNotFound,
                fmt::format("{} lists no files: {}", shown_text(url),
                            said.empty() ? "check that the endpoint is a model hub" : shown_text(said)));
  }
  RemoteModel model;
  for (const boost::json::value& value : *entries) {
    const boost::json::object* const entry = value.if_object();
    if (entry == nullptr || text_at(*entry, "Type") == "tree") continue;
    RemoteFile file;
    file.name = text_at(*entry, "Path");
    require_harmless_name(file.name);
    if (!is_wanted_file(file.name)) continue;
    const std::optional<std::uint64_t> size_bytes = size_at(*entry, "Size");
    const std::optional<Digest> digest = parse_digest(text_at(*entry, "Sha256"));
    require(size_bytes && digest && digest->kind == Digest::Kind::kSha256,
            fmt::format("{} does not list a SHA-256 and size for {}, so it cannot be verified",
                        shown_text(url), file.name));
    file.size_bytes = *size_bytes;
    file.digest = *digest;
    require_possible_size(file);
    model.files.push_back(std::move(file));
  }
  return model;
}

RemoteModel ModelScopeHub::list(const ModelName& name, const HubClient& client) const {
  TransferRequest request;
  request.url = fmt::format("{}/api/v1/models/{}/repo/files?Revision={}&Recursive=true", access_.endpoint,
                            name.repository, percent_encoded(name.revision));
  request.headers = headers();
  request.max_redirects = kMaxRedirects;
  request.keeps_tls = true;  // the checksums come from this response
  request.stall_timeout = kStallTimeout;
  request.timeout = kListingTimeout;
  request.max_body_bytes = kMaxListingBytes;
  const TransferReply reply = client.send(request);
  if (reply.head.status != 200) throw refusal(name, reply);
  RemoteModel model = parse_modelscope_listing(reply.body, request.url);
  complete_listing(model, name.repository);
  model.commit = content_commit(model.files);
  return model;
}

std::string ModelScopeHub::file_url(const ModelName& name, const RemoteModel&,
                                    const std::string& file) const {
  return fmt::format("{}/api/v1/models/{}/repo?Revision={}&FilePath={}", access_.endpoint, name.repository,
                     percent_encoded(name.revision), percent_encoded(file));
}

HeaderList ModelScopeHub::headers() const {
  if (access_.token.empty()) return {};
  // Older servers accept a token only as a session cookie.
  return {{"Authorization", "Bearer " + access_.token}, {"Cookie", "m_session_id=" + access_.token}};
}

std::vector<std::string> ModelScopeHub::references(const ModelName& name, const RemoteModel&) const {
  if (name.revision == default_revision()) return {name.revision, "main"};
  return {name.revision};
}

Error ModelScopeHub::refusal(const ModelName& name, const TransferReply& reply) const {
  const std::int32_t status = reply.head.status;
  const std::string said = message_of(reply);
  if (status == 401 || status == 403) {
    return {ErrorCode::kUnavailable,
            fmt::format("{} denied access to {} (status {}{}{}): check the name; if the model is private, {}",
                        access_.endpoint, name.repository, status, said.empty() ? "" : ", ", shown_text(said),
                        token_advice(access_, "MODELSCOPE_API_TOKEN"))};
  }
  if (status == 404) {
    return {
        ErrorCode::kNotFound,
        fmt::format("{} has no model {} with revision {} (the default is {}); check the name and --revision",
                    access_.endpoint, name.repository, name.revision, default_revision())};
  }
  return other_refusal(reply.head, said);
}

}  // namespace rerank
