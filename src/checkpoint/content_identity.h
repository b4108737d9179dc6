// The identity of a checkpoint, a hash of its files' contents, and the record that saves reading them again.
#pragma once

#include <chrono>
#include <span>
#include <string>

#include "checkpoint/safetensors.h"

namespace rerank {

// Returns 16 hexadecimal digits that depend only on the bytes of the files: not on paths, names, times or the
// machine. Reads the files whole, on all processors, unless `record_directory` contains the record of an
// earlier call and path, size, inode, mtime and ctime are unchanged. If `record_directory` is empty, or
// cannot be read or written, the files are always read. No record is kept of files modified less than
// `settling` ago, which could change again without a new timestamp.
std::string content_identity(std::span<const SafetensorsFile* const> files,
                             const std::string& record_directory,
                             std::chrono::milliseconds settling = std::chrono::milliseconds(2000));

}  // namespace rerank
