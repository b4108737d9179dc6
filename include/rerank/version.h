// The version of the program and library.
#pragma once

namespace rerank {

// "MAJOR.MINOR.PATCH".
__attribute__((visibility("default"))) const char* version();

}  // namespace rerank
