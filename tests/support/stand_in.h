// For tests: what each kind of server answers, in its own shape. A document's text is its score.
#pragma once

#include <string>
#include <vector>

#include "tests/support/scripted_server.h"

namespace rerank::client {

// Answers of a server of this dialect, named as ClientOptions names them: its cards, its rerank route and, if
// it has one, its score route; 404 elsewhere. "plain" has a rerank route of Jina's shape at /rerank and
// nothing else.
ScriptedAnswer stand_in_answer(const std::string& dialect, const ScriptedRequest& request);

ScriptedServer::Script stand_in(const std::string& dialect);

// The documents of a request, whatever its field for them is.
std::vector<std::string> documents_of(const ScriptedRequest& request);

// The value of a header, named in lower case; empty: none.
std::string header_of(const ScriptedRequest& request, const std::string& name);

}  // namespace rerank::client
