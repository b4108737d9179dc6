#include "hub/huggingface_hub.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "hub/hub_answers.h"
#include "rerank/error.h"

namespace rerank {
namespace {

constexpr std::int32_t kMaxRedirects = 5;
constexpr std::chrono::seconds kStallTimeout{30};
constexpr std::chrono::seconds kListingTimeout{300};
constexpr std::size_t kMaxListingBytes = std::size_t{16} << 20;

bool is_commit(std::string_view text) {
  const std::optional<Digest> digest = parse_digest(text);
  return digest && digest->kind == Digest::Kind::kGitBlob && digest->hex == text;
}

// An ETag without its quotes and the W/ of a weak one.
std::string_view bare_etag(std::string_view etag) {
  if (etag.starts_with("W/")) etag.remove_prefix(2);
  if (etag.size() >= 2 && etag.front() == '"' && etag.back() == '"') etag = etag.substr(1, etag.size() - 2);
  return etag;
}

// The "https://host:port" of a URL.
std::string origin_of(const std::string& url) {
  return url.substr(0, url.find('/', url.find("://") + 3));
}

bool is_inner_redirect(const TransferHead& head) {
  const std::string_view location = head.header("location");
  return head.status >= 300 && head.status < 400 && head.header("x-linked-etag").empty() &&
         location.starts_with('/') && !location.starts_with("//");
}

RemoteFile parse_sibling(const JsonView& sibling, std::string name) {
  RemoteFile file;
  file.name = std::move(name);
  const std::optional<JsonView> lfs = sibling.find("lfs");
  std::optional<JsonView> size = lfs ? lfs->find("size") : std::nullopt;
  if (!size) size = sibling.find("size");
  if (size) file.size_bytes = static_cast<std::uint64_t>(size->integer());
  // Where there is lfs, blobId is that of the pointer file in git.
  const std::optional<Digest> digest =
      parse_digest(lfs ? lfs->string_or("sha256", "") : sibling.string_or("blobId", ""));
  if (digest && size) file.digest = *digest;
  require_possible_size(file);
  return file;
}

}  // namespace

RemoteModel parse_huggingface_listing(const std::string& json, std::string_view url) {
  const JsonFile answer = parse_answer(json, url);
  const JsonView commit = answer.at("sha"), siblings = answer.at("siblings");
  if (!is_commit(commit.string())) commit.refuse("is not the hash of a commit");
  RemoteModel model;
  model.commit = commit.string();
  for (std::size_t i = 0; i < siblings.array().size(); ++i) {
    const JsonView sibling = siblings.element(i);
    std::string name(sibling.at("rfilename").string());
    require_harmless_name(name);
    if (is_wanted_file(name)) model.files.push_back(parse_sibling(sibling, std::move(name)));
  }
  return model;
}

RemoteModel HuggingFaceHub::list(const ModelName& name, const HubClient& client) const {
  TransferRequest request;
  request.url = fmt::format("{}/api/models/{}/revision/{}?blobs=true", access_.endpoint, name.repository,
                            percent_encoded(name.revision));
  request.headers = headers();
  request.max_redirects = kMaxRedirects;  // for a renamed model
  request.keeps_tls = true;               // the checksums come from this response
  request.stall_timeout = kStallTimeout;
  request.timeout = kListingTimeout;
  request.max_body_bytes = kMaxListingBytes;
  const TransferReply reply = client.send(request);
  if (reply.head.status != 200) throw refusal(name, reply);
  RemoteModel model = parse_huggingface_listing(reply.body, request.url);
  complete_listing(model, name.repository);
  for (RemoteFile& file : model.files) {
    if (file.digest.hex.empty()) ask_for_checksum(file_url(name, model, file.name), file, client);
  }
  return model;
}

void HuggingFaceHub::ask_for_checksum(const std::string& url, RemoteFile& file,
                                      const HubClient& client) const {
  TransferRequest request;
  request.method = "HEAD";
  request.url = url;
  request.headers = headers();
  request.stall_timeout = kStallTimeout;
  request.timeout = kListingTimeout;
  // Follows redirects within the hub only: the headers that matter come with the redirect to the storage,
  // whose own ETag is unrelated.
  TransferHead head = client.send(request).head;
  for (std::int32_t i = 0; i < kMaxRedirects && is_inner_redirect(head); ++i) {
    request.url = origin_of(access_.endpoint) + std::string(head.header("location"));
    head = client.send(request).head;
  }
  if (head.status >= 400) throw other_refusal(head, std::string(head.header("x-error-message")));
  const bool is_linked = !head.header("x-linked-etag").empty();
  const std::optional<Digest> digest =
      parse_digest(bare_etag(head.header(is_linked ? "x-linked-etag" : "etag")));
  const std::string_view size = head.header(is_linked ? "x-linked-size" : "content-length");
  const auto [end, error] = std::from_chars(size.data(), size.data() + size.size(), file.size_bytes);
  if (!digest || error != std::errc() || end != size.data() + size.size()) {
    throw Error(
        ErrorCode::kUnavailable,
        fmt::format(
            "{} does not list a checksum and size for {}, so it cannot be verified; use another --endpoint",
            access_.endpoint, file.name));
  }
  file.digest = *digest;
  require_possible_size(file);
}

std::string HuggingFaceHub::file_url(const ModelName& name, const RemoteModel& model,
                                     const std::string& file) const {
  const std::size_t slash = file.find('/');
  const std::string path = slash == std::string::npos ? percent_encoded(file)
                                                      : percent_encoded(file.substr(0, slash)) + "/" +
                                                            percent_encoded(file.substr(slash + 1));
  return fmt::format("{}/{}/resolve/{}/{}", access_.endpoint, name.repository, model.commit, path);
}

HeaderList HuggingFaceHub::headers() const {
  if (access_.token.empty()) return {};
  return {{"Authorization", "Bearer " + access_.token}};
}

std::vector<std::string> HuggingFaceHub::references(const ModelName& name, const RemoteModel& model) const {
  if (name.revision == model.commit) return {};
  return {name.revision};
}

Error HuggingFaceHub::refusal(const ModelName& name, const TransferReply& reply) const {
  const std::int32_t status = reply.head.status;
  const std::string_view code = reply.head.header("x-error-code");
  const std::string advice = token_advice(access_, "HF_TOKEN");
  if (code == "GatedRepo") {
    return {ErrorCode::kUnavailable,
            fmt::format("{} requires accepting its terms: accept them at {}/{}, then {}", name.repository,
                        access_.endpoint, name.repository, advice)};
  }
  if (code == "RevisionNotFound") {
    return {ErrorCode::kNotFound,
            fmt::format("{} has no revision {} at {}; name a branch, a tag or a commit with "
                        "--revision",
                        name.repository, name.revision, access_.endpoint)};
  }
  if (status == 401 || status == 403) {
    // This hub does not distinguish between a missing model and a private one.
    return {ErrorCode::kUnavailable,
            fmt::format("{} denied access to {} (status {}): check the name; if the model is private, {}",
                        access_.endpoint, name.repository, status, advice)};
  }
  if (status == 404) {
    return {ErrorCode::kNotFound,
            fmt::format("{} has no model {} with revision {}; check the name and --revision",
                        access_.endpoint, name.repository, name.revision)};
  }
  return other_refusal(reply.head, std::string(reply.head.header("x-error-message")));
}

}  // namespace rerank
