// vocab.txt with the tokenizer_config.json beside it: read or refused with words, and what is read encodes.
// The input is the two, a zero byte between them; a vocabulary without the special tokens gets them before
// it.
#include <string>
#include <vector>

#include "rerank/error.h"
#include "tests/fuzz/fuzz_target.h"
#include "tokenizer/read_vocab_txt.h"

namespace rerank::fuzz {
namespace {

constexpr std::string_view kText = "The he\u0301 'll [SEP] 2024\r\n  \xF0\x9F\x98\x80 end";
constexpr std::string_view kSpecial = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n";

void read(std::string_view vocab, std::string_view config) {
  try {
    const MemoryBound bound(2000 * (vocab.size() + config.size()) + (std::size_t{8} << 20));
    const TokenizerPipeline read = read_vocab_txt(vocab, config, "vocab.txt");
    expect(read.frames.pair.parts.size() == 5, "a pair has three special tokens around it");
    std::string storage;
    const std::string_view normal = read.normalizers.normalized(kText, storage);
    std::size_t num_bytes = 0;
    read.pre_tokenizers.split(normal, [&](const PreToken& word) {
      std::vector<std::int32_t> ids;
      std::vector<std::size_t> ends;
      read.model->append(word.text, {}, ids, &ends);
      expect(!ids.empty() && ids.size() == ends.size() && ends.back() == word.text.size(),
             "a word is all of its tokens");
      for (const std::int32_t id : ids)
        expect(read.model->vocabulary().bytes_of(id).has_value(), "an id has a token");
      num_bytes += word.text.size();
    });
    expect(num_bytes <= normal.size(), "words are of the text");
  } catch (const Error& error) {
    expect_presentable(error.what());
    expect(error.code() != ErrorCode::kInternal, "an odd file is no mistake of ours");
  }
}

}  // namespace

void run_input(std::string_view input) {
  const std::size_t border = std::min(input.find('\0'), input.size());
  const std::string_view vocab = input.substr(0, border);
  const std::string_view config = input.substr(std::min(border + 1, input.size()));
  read(vocab, config);
  read(std::string(kSpecial).append(vocab), config);
  read(std::string(kSpecial).append(vocab), "");
}

}  // namespace rerank::fuzz
