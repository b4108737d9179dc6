// The version of the program and library.
#pragma once

namespace rerank {

// "MAJOR.MINOR.PATCH".
const char* version();

}  // namespace rerank
