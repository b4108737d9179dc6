// Hugging Face's hub and its mirrors.
#pragma once

#include <string>
#include <vector>

#include "hub/hub.h"

namespace rerank {

class HuggingFaceHub final : public Hub {
 public:
  explicit HuggingFaceHub(HubAccess access) : access_(std::move(access)) {}

  std::string default_revision() const override { return "main"; }
  RemoteModel list(const ModelName& name, const HubClient& client) const override;
  std::string file_url(const ModelName& name, const RemoteModel& model,
                       const std::string& file) const override;
  HeaderList headers() const override;
  std::vector<std::string> references(const ModelName& name, const RemoteModel& model) const override;
  Error refusal(const ModelName& name, const TransferReply& reply) const override;

 private:
  void ask_for_checksum(const std::string& url, RemoteFile& file, const HubClient& client) const;

  HubAccess access_;
};

// The needed files in the response of GET /api/models/NAME/revision/REVISION?blobs=true. A file without a
// checksum or size, which gated models and some mirrors leave out, gets an empty digest. Throws Error that
// starts with `url`.
RemoteModel parse_huggingface_listing(const std::string& json, std::string_view url);

}  // namespace rerank
