// A hub of models: what its listings mean, where its files stand, and what its refusals say. The bytes of the
// files are fetched elsewhere.
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

  // The revision that is meant when none is named.
  virtual std::string default_revision() const = 0;
  // Throws Error, saying what to do: no such model or revision, no access, a listing that makes no sense.
  virtual RemoteModel list(const ModelName& name, const HubClient& client) const = 0;
  virtual std::string file_url(const ModelName& name, const RemoteModel& model,
                               const std::string& file) const = 0;
  // For every request; Authorization among them where there is a token.
  virtual HeaderList headers() const = 0;
  // The names below refs/ that point to the snapshot of `name` from now on; none where `name` is a commit
  // itself.
  virtual std::vector<std::string> references(const ModelName& name, const RemoteModel& model) const = 0;
  // What an answer with an error's status means, and what to do.
  virtual Error refusal(const ModelName& name, const TransferReply& reply) const = 0;
};

std::unique_ptr<Hub> make_hub(HubKind kind, HubAccess access);

// Every byte that a URL's path or query gives a meaning is escaped, slashes too.
std::string percent_encoded(std::string_view text);

}  // namespace rerank
