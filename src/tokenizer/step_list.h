// How each stage finds its steps in tokenizer.json: a closed list of types with their readers.
#pragma once

#include <fmt/format.h>

#include <span>
#include <string_view>
#include <vector>

#include "text/json_view.h"

namespace rerank {

template <typename Reader>
struct StepKind {
  std::string_view type;
  Reader* read;
};

// The reader for the step's type. Throws Error{kUnsupported} that names the known types.
template <typename Reader, size_t Size>
Reader& reader_of(const JsonView& step, const StepKind<Reader> (&kinds)[Size]) {
  const std::string_view type = step.at("type").string();
  std::string known;
  for (const StepKind<Reader>& kind : kinds) {
    if (kind.type == type) return *kind.read;
    known += fmt::format("{}\"{}\"", known.empty() ? "" : ", ", kind.type);
  }
  step.unsupported(fmt::format("has the type \"{}\"; supported are {}", type, known));
}

// The members of a step `{"type": "Sequence", LIST: [...]}`, or the step itself.
std::vector<JsonView> flattened(const JsonView& step, std::string_view list);

}  // namespace rerank
