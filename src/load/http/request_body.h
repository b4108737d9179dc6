// Requests as jobs: the JSON of each dialect, and what a body read from a file asks for.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "load/workload.h"

namespace rerank::load {

// Throws Error if the form's extra body is no JSON object.
Job make_job(std::string query, std::vector<std::string> documents, const RequestForm& form);

// `body` as a client sends it. Throws Error saying what is wrong with it.
Job job_from_body(std::string_view body, const RequestForm& form);

}  // namespace rerank::load
