// workload.h: requests from a file.
#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "load/http/request_body.h"
#include "load/workload.h"
#include "rerank/error.h"

namespace rerank::load {

std::vector<Job> file_workload(const std::string& path, const RequestForm& form) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    throw Error(ErrorCode::kNotFound, fmt::format("cannot read {}: {}", path, std::strerror(errno)));
  }
  std::vector<Job> jobs;
  std::string line;
  for (std::int64_t number = 1; std::getline(file, line); ++number) {
    if (line.ends_with('\r')) line.pop_back();
    if (line.find_first_not_of(" \t") == std::string::npos) continue;
    try {
      jobs.push_back(job_from_body(line, form));
    } catch (const Error& error) {
      throw Error(error.code(), fmt::format("{}:{}: {}", path, number, error.what()));
    }
  }
  require(!jobs.empty(),
          fmt::format("{} contains no requests; write one JSON object per line, as clients send them", path));
  return jobs;
}

}  // namespace rerank::load
