// ModelScope's hub.
#pragma once

#include <string>
#include <vector>

#include "hub/hub.h"

namespace rerank {

class ModelScopeHub final : public Hub {
 public:
  explicit ModelScopeHub(HubAccess access) : access_(std::move(access)) {}

  std::string default_revision() const override { return "master"; }
  RemoteModel list(const ModelName& name, const HubClient& client) const override;
  std::string file_url(const ModelName& name, const RemoteModel& model,
                       const std::string& file) const override;
  HeaderList headers() const override;
  // The default revision gets the names of both hubs, so that the model is found by its name alone.
  std::vector<std::string> references(const ModelName& name, const RemoteModel& model) const override;
  Error refusal(const ModelName& name, const TransferReply& reply) const override;

 private:
  HubAccess access_;
};

// The needed files in the response of GET /api/v1/models/NAME/repo/files?Recursive=true. This hub lists a
// commit for each file but none for the model: the snapshot's is derived from names and checksums. Throws
// Error that starts with `url`.
RemoteModel parse_modelscope_listing(const std::string& json, std::string_view url);

}  // namespace rerank
