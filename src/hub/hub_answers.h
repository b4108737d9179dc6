// What the responses of both hubs have in common: reading JSON, and the wording of refusals.
#pragma once

#include <string>
#include <string_view>

#include "http/transfer.h"
#include "hub/hub_access.h"
#include "hub/remote_model.h"
#include "text/json_view.h"

namespace rerank {

// Parses the JSON in a response from `url`. Throws Error if it is something else, often the page of a proxy
// or a login.
JsonFile parse_answer(const std::string& body, std::string_view url);

// Throws Error if the file is larger than any file system supports.
void require_possible_size(const RemoteFile& file);

// How to get access: names the token that was sent, or `variable`, which should contain one.
std::string token_advice(const HubAccess& access, std::string_view variable);

// For any other status. `said`: the message of the hub, or empty.
Error other_refusal(const TransferHead& head, const std::string& said);

}  // namespace rerank
