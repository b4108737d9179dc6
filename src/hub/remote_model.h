// A model as a hub lists it: the files that this program needs, with sizes and checksums.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "hub/digest.h"

namespace rerank {

// One revision of a model, as users name it.
struct ModelName {
  std::string repository;  // "ORG/NAME" or "NAME"
  std::string revision;    // branch, tag or commit
};

struct RemoteFile {
  std::string name;  // without a directory
  std::uint64_t size_bytes = 0;
  Digest digest;
};

struct RemoteModel {
  std::string commit;             // the name of the snapshot: 40 hexadecimal digits
  std::vector<RemoteFile> files;  // sorted by name
};

// Whether this program reads a file of this name: config.json, the tokenizer, safetensors weights with their
// index, and what declares prompts and scores.
bool is_wanted_file(std::string_view name);

// Throws Error unless `name`, which came from a server, stays inside the directory that it is joined to and
// is safe to print on a terminal.
void require_harmless_name(std::string_view name);

// Sorts the files. Throws Error naming `repository` if a required file is missing or a file is listed twice.
void complete_listing(RemoteModel& model, std::string_view repository);

}  // namespace rerank
