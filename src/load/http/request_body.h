// Makes jobs of requests: writes the JSON of each dialect, and reads bodies from a file.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "load/workload.h"

namespace rerank::load {

// Throws Error if the extra body is not a JSON object.
Job make_job(std::string query, std::vector<std::string> documents, const RequestForm& form);

// A job from a `body` as a client sends it. Throws Error saying what is wrong with it.
Job job_from_body(std::string_view body, const RequestForm& form);

}  // namespace rerank::load
