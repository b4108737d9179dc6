// What the library's errors are about, in the words of the command line: flags for options, and what a text
// is for the member of a request.
#pragma once

#include <string>

#include "rerank/error.h"
#include "rerank/types.h"

namespace rerank::cli {

std::string text_of(const Error& error);
// Of a request that failed. `is_placed`: the text's place in the input is told besides.
std::string text_of(const Result& result, bool is_placed);

}  // namespace rerank::cli
