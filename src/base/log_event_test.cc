#include "base/log_event.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "base/log.h"

namespace rerank {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string logged(log::Format format, const std::string& value) {
  testing::internal::CaptureStderr();
  log::configure(log::Level::kInfo, format);
  const log::Field fields[] = {
      {"text", std::string_view(value)}, {"count", std::int64_t{3}}, {"ms", 1.5}, {"good", true}};
  log::event(log::Level::kInfo, "it happened", fields);
  log::event(log::Level::kDebug, "nobody asked", fields);
  return testing::internal::GetCapturedStderr();
}

TEST(LogEvent, IsTextForPeople) {
  EXPECT_THAT(logged(log::Format::kText, "word"),
              HasSubstr("it happened text=word count=3 ms=1.500 good=true\n"));
  EXPECT_THAT(logged(log::Format::kText, "two words"), HasSubstr(R"(text="two words" count)"));
}

TEST(LogEvent, IsOneLineWhateverATextHolds) {
  EXPECT_THAT(logged(log::Format::kText, "a\n[info] forged\x1b[2J"),
              HasSubstr(R"(a\u000a[info] forged\u001b[2J)"));
}

// A terminal obeys U+009B as it does ESC [, many collectors split at the others.
TEST(LogEvent, EscapesEverythingThatSteers) {
  const std::string text = "/a\u009b31m\u0085b\u2028c\u2029d\u202ee\u007f";
  const std::string escaped = R"(/a\u009b31m\u0085b\u2028c\u2029d\u202ee\u007f)";
  for (const log::Format format : {log::Format::kText, log::Format::kJson}) {
    EXPECT_THAT(logged(format, text), HasSubstr(escaped));
    // Not only events.
    testing::internal::CaptureStderr();
    log::warn("cannot open {}: {}", text, "two\nlines");
    EXPECT_THAT(testing::internal::GetCapturedStderr(),
                HasSubstr("cannot open " + escaped + R"(: two\u000alines)"));
  }
}

TEST(LogEvent, TextIsEscapedOnce) {
  EXPECT_THAT(logged(log::Format::kText, "back\\slash"), HasSubstr(R"(text="back\\slash")"));
  testing::internal::CaptureStderr();
  log::info("C:\\path \"quoted\"");
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr(R"(C:\path "quoted")"));
}

TEST(LogEvent, IsJsonForCollectors) {
  const std::string text =
      logged(log::Format::kJson, "quote \" backslash \\ newline \n bad \xff good \xc3\xa9");
  EXPECT_THAT(
      text,
      HasSubstr(R"("level":"info","message":"it happened","text":"quote \" backslash \\ newline \u000a)"));
  EXPECT_THAT(text, HasSubstr("bad \xEF\xBF\xBD good \xc3\xa9\",\"count\":3,\"ms\":1.500,\"good\":true}\n"));
  EXPECT_THAT(text, Not(HasSubstr("nobody asked")));
  testing::internal::CaptureStderr();
  log::info("plain {}", "\"message\"");
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr(R"("message":"plain \"message\""})"));
}

}  // namespace
}  // namespace rerank
