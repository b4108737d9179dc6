// The API of a model hub: listings, file URLs, and what its refusals mean. It does not download files.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "http/transfer.h"
#include "hub/hub_access.h"
#include "hub/hub_client.h"
#include "hub/remote_model.h"

namespace rerank {

// Safe from any thread.
class Hub {
 public:
  virtual ~Hub() = default;

  // The default revision.
  virtual std::string default_revision() const = 0;
  // Throws Error when there is no such model or revision, no access, or an invalid listing; the message says
  // what to do.
  virtual RemoteModel list(const ModelName& name, const HubClient& client) const = 0;
  virtual std::string file_url(const ModelName& name, const RemoteModel& model,
                               const std::string& file) const = 0;
  // Sent with every request, including Authorization if there is a token.
  virtual HeaderList headers() const = 0;
  // The names below refs/ that are to point to the snapshot of `name`; empty if `name` is a commit.
  virtual std::vector<std::string> references(const ModelName& name, const RemoteModel& model) const = 0;
  // Turns a response with an error status into an error that says what to do.
  virtual Error refusal(const ModelName& name, const TransferReply& reply) const = 0;
};

std::unique_ptr<Hub> make_hub(HubKind kind, HubAccess access);

// Escapes every byte that has a meaning in a URL's path or query, slashes included.
std::string percent_encoded(std::string_view text);

}  // namespace rerank
