#include "hub/modelscope_hub.h"

#include <fmt/format.h>

#include <algorithm>

#include "hub/hub_answers.h"
#include "rerank/error.h"

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
    return std::string(parse_answer(reply.body, reply.head.url).string_or("Message", ""));
  } catch (const Error&) {
    return {};
  }
}

}  // namespace

RemoteModel parse_modelscope_listing(const std::string& json, std::string_view url) {
  const JsonFile answer = parse_answer(json, url);
  const std::optional<JsonView> data = answer.find("Data");
  const std::optional<JsonView> entries = data ? data->find("Files") : std::nullopt;
  if (!entries) {
    const std::string_view said = answer.string_or("Message", "");
    throw Error(ErrorCode::kNotFound,
                fmt::format("{} lists no files: {}", shown_text(url),
                            said.empty() ? "check that the endpoint is a model hub" : shown_text(said)));
  }
  RemoteModel model;
  for (std::size_t i = 0; i < entries->array().size(); ++i) {
    const JsonView entry = entries->element(i);
    if (entry.string_or("Type", "") == "tree") continue;
    RemoteFile file;
    file.name = entry.at("Path").string();
    require_harmless_name(file.name);
    if (!is_wanted_file(file.name)) continue;
    const std::optional<Digest> digest = parse_digest(entry.string_or("Sha256", ""));
    require(digest && digest->kind == Digest::Kind::kSha256,
            fmt::format("{} does not list a SHA-256 for {}, so it cannot be verified", shown_text(url),
                        file.name));
    file.size_bytes = static_cast<std::uint64_t>(entry.at("Size").integer());
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
