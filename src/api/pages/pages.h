// The two HTML pages, which load nothing from the network; their sources are the .html files here.
#pragma once

#include <string_view>

namespace rerank::api {

std::string_view playground_page();  // of /
std::string_view docs_page();        // of /docs; it reads /openapi.json

// For the header Content-Security-Policy of both.
std::string_view page_security_policy();

}  // namespace rerank::api
