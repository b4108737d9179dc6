#include "http/url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/error_of.h"

namespace rerank {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Url, HasParts) {
  const Url plain = parse_url("http://Example.ORG", "url");
  EXPECT_FALSE(plain.is_tls);
  EXPECT_EQ(plain.host, "example.org");
  EXPECT_EQ(plain.port, 80);
  EXPECT_EQ(plain.path, "");
  EXPECT_EQ(plain.origin(), "http://example.org");
  const Url tls = parse_url("https://me:secret@[::1]:8443/infinity/v1//", "url");
  EXPECT_TRUE(tls.is_tls);
  EXPECT_EQ(tls.user_info, "me:secret");
  EXPECT_EQ(tls.host, "::1");
  EXPECT_EQ(tls.port, 8443);
  EXPECT_EQ(tls.path, "/infinity/v1");
  EXPECT_EQ(tls.authority(), "[::1]:8443");
  EXPECT_EQ(tls.origin(), "https://[::1]:8443");
  EXPECT_EQ(parse_url("https://x:443/", "url").authority(), "x");
}

TEST(Url, SaysWhatIsWrong) {
  struct Case {
    const char* url;
    const char* message;
  };
  for (const Case& c :
       {Case{"", "must begin with http://"}, Case{"localhost:8000", "must begin with http://"},
        Case{"ftp://x", "must begin with http://"}, Case{"http://", "host is missing"},
        Case{"http:///v1", "host is missing"}, Case{"http://:80", "host is missing"},
        Case{"http://me@", "host is missing"}, Case{"http://x:0", "port as a number"},
        Case{"http://x:99999", "port as a number"}, Case{"http://x:8a", "port as a number"},
        Case{"http://x:", "port as a number"}, Case{"http://[::1]8", "port as a number"},
        Case{"http://[::1", "host is missing"}, Case{"http://a b", "whitespace"},
        Case{"http://h/?a=b", "remove the query"}, Case{"http://h#x", "remove the query"}}) {
    EXPECT_THAT(error_of([&c] { parse_url(c.url, "--url"); }), HasSubstr(c.message)) << c.url;
  }
  EXPECT_THAT(error_of([] { parse_url("x:1", "--url"); }), HasSubstr("--url \"x:1\": "));
}

TEST(Url, MessagesContainNoPassword) {
  EXPECT_THAT(error_of([] { parse_url("http://me:secret@h:x", "url"); }), Not(HasSubstr("secret")));
}

}  // namespace
}  // namespace rerank
