// A chat template: a prompt with query and document once each, or an Error with words, in bounded time.
#include "prompt/chat_template.h"

#include "prompt/split_prompt.h"
#include "rerank/error.h"
#include "tests/fuzz/fuzz_target.h"

namespace rerank::fuzz {

void run_input(std::string_view input) {
  const MemoryBound bound(2000 * input.size() + (std::size_t{256} << 20));
  for (const bool adds : {false, true}) {
    try {
      const Prompt prompt =
          read_chat_template(input, {.name = "template",
                                     .default_instruction = adds ? "find it" : "",
                                     .variables = {{"add_generation_prompt", adds}, {"bos_token", "<s>"}}});
      int num_fields = 0;
      for (const PromptPiece& piece : prompt.pieces) {
        expect(!piece.texts.empty(), "no piece is empty");
        for (const PromptText& text : piece.texts) {
          const bool is_of_pair = text.field == PromptField::kQuery || text.field == PromptField::kDocument;
          num_fields += is_of_pair ? 1 : 0;
          expect(!is_of_pair || !text.needs_instruction, "query and document are never left out");
        }
      }
      expect(separates_pair(prompt.pieces), "query and document are in pieces of their own");
      expect(num_fields == 2, "a prompt has one query and one document");
    } catch (const Error& error) {
      expect_presentable(error.what());
      expect(error.code() == ErrorCode::kUnsupported, "a template is read or not supported");
      expect(std::string_view(error.what()).starts_with("template: "), "an error names the file");
    }
  }
}

}  // namespace rerank::fuzz
