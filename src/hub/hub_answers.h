// What both hubs' answers have in common: JSON, and words for a refusal.
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

// An object's member, or nothing when it is missing or of another type.
const boost::json::object* object_at(const boost::json::object& object, std::string_view key);
const boost::json::array* array_at(const boost::json::object& object, std::string_view key);
std::string text_at(const boost::json::object& object, std::string_view key);  // empty: nothing
std::optional<std::uint64_t> size_at(const boost::json::object& object, std::string_view key);

// The JSON object of an answer from `url`. Throws Error when it is none: often a proxy's or a login's page.
boost::json::object parse_answer(const std::string& body, std::string_view url);

// Throws Error when a file is longer than any file system holds.
void require_possible_size(const RemoteFile& file);

// "; HF_TOKEN was sent" or what to set, for a sentence about missing access. `variable` names where people
// put a token.
std::string token_advice(const HubAccess& access, std::string_view variable);

// For a status that says nothing more of itself. `said`: the hub's own words, or nothing.
Error other_refusal(const TransferHead& head, const std::string& said);

}  // namespace rerank
