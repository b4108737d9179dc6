// rerank_prompt.json: a prompt with query and document once each that is written and read as the same, or an
// Error with words.
#include "prompt/prompt_file.h"

#include "rerank/error.h"
#include "tests/fuzz/fuzz_target.h"

namespace rerank::fuzz {
namespace {

int count(const Prompt& prompt, PromptField field) {
  int found = 0;
  for (const PromptPiece& piece : prompt.pieces) {
    for (const PromptText& text : piece.texts) found += text.field == field ? 1 : 0;
  }
  return found;
}

}  // namespace

void run_input(std::string_view input) {
  const MemoryBound bound(2000 * input.size() + (std::size_t{256} << 10));
  const BuiltInPrompt known{"known",
                            {.prompt = {.pieces = {{.texts = {{"q: ", PromptField::kQuery}}},
                                                   {.texts = {{"d: ", PromptField::kDocument}}}}}}};
  try {
    const DeclaredPrompt declared = read_prompt_file(input, "prompt.json", {&known, 1});
    expect(count(declared.prompt, PromptField::kQuery) == 1, "a prompt has one query");
    expect(count(declared.prompt, PromptField::kDocument) == 1, "a prompt has one document");
    const std::string written = write_prompt_file(declared);
    expect(write_prompt_file(read_prompt_file(written, "written", {})) == written,
           "what is written can be read");
  } catch (const Error& error) {
    expect_presentable(error.what());
    expect(error.code() != ErrorCode::kInternal, "an odd file is no mistake of ours");
    expect(std::string_view(error.what()).starts_with("prompt.json"), "an error names the file");
  }
}

}  // namespace rerank::fuzz
