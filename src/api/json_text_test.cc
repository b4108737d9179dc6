#include "api/json_text.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace rerank::api {
namespace {

std::string escaped(char c) {
  if (c == '"' || c == '\\') return {'\\', c};
  if (c == '\n') return "\\n";
  if (c == '\r') return "\\r";
  if (c == '\t') return "\\t";
  if (c < 0x20 || c == 0x7f) return fmt::format("\\u{:04x}", static_cast<int>(c));
  return {c};
}

// Wherever it stands in the eight bytes that are looked at together, and twice at once.
TEST(JsonText, EscapesWhatMustBe) {
  for (int byte = 0; byte < 0x80; ++byte) {
    const char c = static_cast<char>(byte);
    for (std::size_t at = 0; at < 20; ++at) {
      const std::string before(at, 'a');
      std::string tail;
      for (std::size_t i = at; i < 19; i += 2) tail += "\xc3\xa4";
      EXPECT_EQ(JsonText().string(before + c + tail + c).take(),
                '"' + before + escaped(c) + tail + escaped(c) + '"')
          << "byte " << byte << " at " << at;
    }
  }
}

TEST(JsonText, ReplacesWhatIsNotUtf8) {
  for (std::size_t at = 0; at < 20; ++at) {
    const std::string before(at, 'a');
    EXPECT_EQ(JsonText().string(before + "\xff" + "bcdefghij").take(),
              '"' + before + "\xef\xbf\xbd" + "bcdefghij\"");
  }
}

}  // namespace
}  // namespace rerank::api
