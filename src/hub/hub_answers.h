// What the responses of both hubs have in common: reading JSON, and the wording of refusals.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "http/transfer.h"
#include "hub/hub_access.h"
#include "hub/remote_model.h"

namespace rerank {

// A member of an object, or null if it is missing or of another type.
const boost::json::object* object_at(const boost::json::object& object, std::string_view key);
const boost::json::array* array_at(const boost::json::object& object, std::string_view key);
std::string text_at(const boost::json::object& object, std::string_view key);  // empty: missing
std::optional<std::uint64_t> size_at(const boost::json::object& object, std::string_view key);

// Parses the JSON object in a response from `url`. Throws Error if it is something else, often the page of a
// proxy or a login.
boost::json::object parse_answer(const std::string& body, std::string_view url);

// Throws Error if the file is larger than any file system supports.
void require_possible_size(const RemoteFile& file);

// How to get access: names the token that was sent, or `variable`, which should contain one.
std::string token_advice(const HubAccess& access, std::string_view variable);

// For any other status. `said`: the message of the hub, or empty.
Error other_refusal(const TransferHead& head, const std::string& said);

}  // namespace rerank
