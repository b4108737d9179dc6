// The identity of a checkpoint's files by what is in them, and the record that saves reading them all again.
#pragma once

#include <chrono>
#include <span>
#include <string>

#include "checkpoint/safetensors.h"

namespace rerank {

// Sixteen hexadecimal digits that change with any byte of the files and with nothing else: not with their
// place, names, times or the machine. Reads them whole, with all processors, unless `record_directory` holds
// the record of an earlier call and path, size, inode, time of modification and time of change are the same
// still. An empty `record_directory`, or one that cannot be read or written, means reading. A file that was
// changed within `settling` may change again without another time: no record is kept of it.
std::string content_identity(std::span<const SafetensorsFile* const> files,
                             const std::string& record_directory,
                             std::chrono::milliseconds settling = std::chrono::milliseconds(2000));

}  // namespace rerank
