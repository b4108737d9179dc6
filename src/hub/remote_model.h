// What a hub says of a model: the files that this program needs of it, how long they are and their checksums.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "hub/digest.h"

namespace rerank {

// One revision of one model, as people name it.
struct ModelName {
  std::string repository;  // "ORG/NAME" or "NAME"
  std::string revision;    // branch, tag or commit
};

struct RemoteFile {
  std::string name;  // plain, without a folder
  std::uint64_t size_bytes = 0;
  Digest digest;
};

struct RemoteModel {
  std::string commit;             // names the snapshot: 40 hexadecimal digits
  std::vector<RemoteFile> files;  // in the order of their names
};

// Whether this program reads a file of this name: config.json, the tokenizer's files, and weights as
// safetensors with their index, at the top of the model's folder.
bool is_wanted_file(std::string_view name);

// Throws Error unless `name`, which a server sent, stays inside the folder that it is joined to and can be
// shown on a terminal.
void require_harmless_name(std::string_view name);

// Sorts the files, and throws Error naming `repository` when what no model can be without is missing, or a
// file occurs twice.
void complete_listing(RemoteModel& model, std::string_view repository);

}  // namespace rerank
