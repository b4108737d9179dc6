// The safetensors reader: what it reads from valid files, and how it rejects every kind of invalid file.
#include "checkpoint/safetensors.h"

#include <fmt/format.h>

#include <random>

#include "checkpoint/safetensors_header.h"
#include "checkpoint/scratch_directory.h"
#include "tests/support/error_of.h"

namespace rerank {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

std::vector<SafetensorsEntry> parse(std::string_view bytes) {
  // A copy of exactly this size, so that AddressSanitizer detects reads past the end.
  const std::vector<char> copy(bytes.begin(), bytes.end());
  return parse_safetensors(std::as_bytes(std::span(copy)), "f");
}

constexpr std::string_view kGood =
    R"({"__metadata__":{"format":"pt"},"b":{"dtype":"F32","shape":[2],"data_offsets":[12,20]},)"
    R"("a":{"dtype":"BF16","shape":[2,3],"data_offsets":[0,12]},"c":{"dtype":"F16","shape":[],"data_offsets":[20,22]},)"
    R"("e":{"dtype":"F16","shape":[0,7],"data_offsets":[22,22]}})";
constexpr std::size_t kGoodBytes = 22;

TEST(Safetensors, ReadsEveryTypeAndShape) {
  const std::vector<SafetensorsEntry> entries = parse(safetensors_bytes(kGood, kGoodBytes));
  ASSERT_EQ(entries.size(), 4u);
  const std::size_t data = 8 + kGood.size();
  EXPECT_EQ(entries[0].name, "a");
  EXPECT_EQ(entries[0].type, DataType::kBFloat16);
  EXPECT_THAT(entries[0].shape, ElementsAre(2, 3));
  EXPECT_EQ(entries[0].offset, data);
  EXPECT_EQ(entries[1].name, "b");
  EXPECT_EQ(entries[1].type, DataType::kFloat32);
  EXPECT_EQ(entries[1].offset, data + 12);
  EXPECT_EQ(entries[2].type, DataType::kFloat16);
  EXPECT_THAT(entries[2].shape, ElementsAre());
  EXPECT_EQ(entries[2].size_bytes, 2u);
  EXPECT_EQ(entries[3].size_bytes, 0u);
}

TEST(Safetensors, ViewsTheMappedBytes) {
  const ScratchDirectory scratch;
  const SafetensorsFile file(scratch.write("m.safetensors", safetensors_bytes(kGood, kGoodBytes)));
  const TensorView view = file.view(file.entries()[1]);
  EXPECT_EQ(view.type, DataType::kFloat32);
  EXPECT_THAT(view.shape, ElementsAre(2));
  EXPECT_EQ(std::to_integer<int>(view.data[0]), 12);
  EXPECT_EQ(view.data, file.bytes().data() + file.entries()[1].offset);
  file.release(file.entries()[1]);
  EXPECT_EQ(std::to_integer<int>(view.data[7]), 19);
}

TEST(Safetensors, AcceptsAnEmptyTableAndPadding) {
  EXPECT_TRUE(parse(safetensors_bytes("{}", 0)).empty());
  EXPECT_TRUE(parse(safetensors_bytes("{}   \n ", 0)).empty());
}

// BERT's files contain them. They are skipped by name, but their offsets are validated.
TEST(Safetensors, LeavesOutPositionIds) {
  const auto header = [](std::string_view end) {
    return fmt::format(R"({{"a.position_ids":{{"dtype":"I64","shape":[1,2],"data_offsets":[0,{}]}},)"
                       R"("b":{{"dtype":"F32","shape":[1],"data_offsets":[{},{}]}}}})",
                       end, end, std::stoi(std::string(end)) + 4);
  };
  const std::vector<SafetensorsEntry> entries = parse(safetensors_bytes(header("16"), 20));
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0].name, "b");
  EXPECT_THAT(error_of([&] { parse(safetensors_bytes(header("8"), 12)); }), HasSubstr("takes 8 bytes"));
}

// A header with a single tensor t and these fields.
std::string one(std::string_view dtype, std::string_view shape, std::string_view offsets) {
  return fmt::format(R"({{"t":{{"dtype":{},"shape":{},"data_offsets":{}}}}})", dtype, shape, offsets);
}

struct BadHeader {
  std::string header;
  std::size_t data_bytes;
  const char* says;
};

std::vector<BadHeader> bad_headers() {
  const std::string bf16 = "\"BF16\"";
  return {
      {"", 0, "does not start with {"},
      {" {}", 0, "does not start with {"},
      {"[]", 0, "does not start with {"},
      {"{", 0, "not JSON"},
      {"{}x", 0, "after the end"},
      {"{\"t\":1}", 0, "header: t should be an object, not 1"},
      {"{\"t\":{}}", 0, "header: t lacks the key \"dtype\""},
      {R"({"t":{"dtype":"F32"}})", 0, "header: t lacks the key \"shape\""},
      {R"({"t":{"dtype":"F32","shape":[1]}})", 0, "header: t lacks the key \"data_offsets\""},
      {R"({"t":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"scale":2}})", 4,
       "header: t has the key \"scale\", which this version does not know; save the"},
      {R"({"t":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"t":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
       4, "\"t\" occurs twice"},
      {R"({"t":{"dtype":"F32","dtype":"F16","shape":[1],"data_offsets":[0,4]}})", 4,
       "\"dtype\" occurs twice"},
      {R"({"__metadata__":[]})", 0, "__metadata__ should be an object, not a list"},
      {R"({"__metadata__":{"a":1}})", 0, "__metadata__.a should be a string, not 1"},
      {one("\"I64\"", "[1]", "[0,8]"), 8,
       "header: t.dtype is \"I64\": not supported; use a checkpoint in BF16"},
      {one("\"F8_E4M3\"", "[1]", "[0,1]"), 1, "header: t.dtype is \"F8_E4M3\": not supported"},
      {one("\"bf16\"", "[1]", "[0,2]"), 2, "header: t.dtype is \"bf16\": not supported"},
      {one("7", "[1]", "[0,2]"), 2, "header: t.dtype should be a string, not 7"},
      {one(bf16, "3", "[0,6]"), 6, "header: t.shape should be a list, not 3"},
      {one(bf16, "[-1]", "[0,2]"), 2, "header: t.shape[0] is -1, which is below 0"},
      {one(bf16, "[1.5]", "[0,3]"), 3, "header: t.shape[0] should be an integer, not 1.5"},
      {one(bf16, "[1e0]", "[0,2]"), 2, "should be an integer"},
      {one(bf16, "[\"1\"]", "[0,2]"), 2, "should be an integer"},
      {one(bf16, "[null]", "[0,2]"), 2, "should be an integer"},
      {one(bf16, "[[1]]", "[0,2]"), 2, "should be an integer"},
      {one(bf16, "[9223372036854775808]", "[0,2]"), 2, "should be an integer"},
      {one(bf16, "[9223372036854775807]", "[0,2]"), 2, "header: t takes 2 bytes"},
      {one(bf16, "[9223372036854775807,3]", "[0,2]"), 2, "header: t.shape is too large"},
      {one(bf16, "[4294967296,4294967296]", "[0,0]"), 0, "header: t.shape is too large"},
      {one(bf16, "[9223372036854775807,9223372036854775807,0]", "[0,0]"), 0, "header: t.shape is too large"},
      {one(bf16, "[1]", "[0]"), 2, "header: t.data_offsets should be a list of two numbers"},
      {one(bf16, "[1]", "[0,2,4]"), 4, "header: t.data_offsets should be a list of two numbers"},
      {one(bf16, "[1]", "{}"), 2, "header: t.data_offsets should be a list, not an object"},
      {one(bf16, "[1]", "[0,-2]"), 2, "header: t.data_offsets[1] is -2"},
      {one(bf16, "[1]", "[0,2.0]"), 2, "header: t.data_offsets[1] should be an integer, not 2"},
      {one(bf16, "[1]", "[2,0]"), 2, "header: t.data_offsets are [2, 0], outside"},
      {one(bf16, "[2]", "[0,4]"), 2, "header: t.data_offsets are [0, 4], outside the 2 bytes"},
      {one(bf16, "[1]", "[9223372036854775805,9223372036854775807]"), 2, "outside"},
      {one(bf16, "[2]", "[0,2]"), 2, "header: t takes 2 bytes, but shape [2] of bfloat16 takes 4"},
      {one(bf16, "[1]", "[0,4]"), 4, "header: t takes 4 bytes, but shape [1] of bfloat16 takes 2"},
      {one(bf16, "[1]", "[2,4]"), 4, "header: t has 2 bytes before its data that belong to no tensor"},
      {one(bf16, "[1]", "[0,2]"), 3, "leaves the last 1 bytes of the file to no tensor"},
      {R"({"t":{"dtype":"F16","shape":[2],"data_offsets":[0,4]},"u":{"dtype":"F16","shape":[2],"data_offsets":[2,6]}})",
       6, "header: u overlaps the data"},
      {R"({"t":{"dtype":"F16","shape":[2],"data_offsets":[0,4]},"u":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}})",
       4, "overlap"},
      {R"({"t":{"dtype":"F16","shape":[1],"data_offsets":[0,2]},"u":{"dtype":"F16","shape":[1],"data_offsets":[4,6]}})",
       6, "header: u has 2 bytes before"},
  };
}

TEST(Safetensors, RefusesBadHeaders) {
  for (const BadHeader& bad : bad_headers()) {
    EXPECT_THAT(error_of([&] { parse(safetensors_bytes(bad.header, bad.data_bytes)); }),
                AllOf(StartsWith("f: "), HasSubstr(bad.says)))
        << bad.header;
  }
}

TEST(Safetensors, RefusesBadLengths) {
  std::string bytes = safetensors_bytes(kGood, kGoodBytes);
  bytes[7] = '\xff';
  EXPECT_THAT(error_of([&] { parse(bytes); }), HasSubstr("above the limit"));
  std::fill_n(bytes.begin(), 8, '\xff');
  EXPECT_THAT(error_of([&] { parse(bytes); }), HasSubstr("above the limit"));
  std::string longer = safetensors_bytes(std::string(kGood) + " ", 0);
  longer.pop_back();
  EXPECT_THAT(error_of([&] { parse(longer); }), HasSubstr("cut off"));
  EXPECT_THAT(error_of([] { parse("version https://git-lfs.github.com/spec/v1\noid sha256:0\n"); }),
              HasSubstr("git lfs pull"));
}

TEST(Safetensors, RefusesAFileCutAtAnyByte) {
  const ScratchDirectory scratch;
  const std::string bytes = safetensors_bytes(kGood, kGoodBytes);
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_THAT(error_of([&] { parse(bytes.substr(0, length)); }), StartsWith("f: ")) << length;
  }
  const auto empty = scratch.write("empty.safetensors", "");
  EXPECT_THAT(error_of([&] { SafetensorsFile file(empty); }), HasSubstr("empty.safetensors is empty"));
  EXPECT_THAT(error_of([&] { SafetensorsFile file(scratch.path() / "none"); }), HasSubstr("none"));
}

// One random mutation that breaks parsers: changed bits, bytes and numbers, dropped or repeated pieces.
void mutate(std::string& text, std::mt19937_64& random) {
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  const std::size_t at = below(text.size());
  const std::size_t count = std::min(below(16) + 1, text.size() - at);
  constexpr std::array<std::string_view, 12> kTokens = {"-1",
                                                        "9223372036854775807",
                                                        "18446744073709551616",
                                                        "1e308",
                                                        "0.5",
                                                        "null",
                                                        "{",
                                                        "}",
                                                        "[",
                                                        "]",
                                                        "\"",
                                                        "\\u0000"};
  switch (below(6)) {
    case 0:
      text[at] = static_cast<char>(random());
      break;
    case 1:
      text[at] = static_cast<char>(text[at] ^ (1 << below(8)));
      break;
    case 2:
      text.erase(at, count);
      break;
    case 3:
      text.insert(at, text.substr(below(text.size()), count));
      break;
    case 4:
      text.replace(at, count, kTokens[below(kTokens.size())]);
      break;
    default:
      text[at] = static_cast<char>('0' + below(10));
      break;
  }
}

TEST(Safetensors, SurvivesRandomChanges) {
  std::mt19937_64 random(20240607);
  std::size_t num_refused = 0;
  constexpr std::size_t kRounds = 20000;
  for (std::size_t round = 0; round < kRounds; ++round) {
    std::string header(kGood);
    for (std::size_t change = random() % 4 + 1; change > 0 && !header.empty(); --change)
      mutate(header, random);
    std::string bytes = safetensors_bytes(header, kGoodBytes);
    if (random() % 8 == 0) bytes[random() % 8] = static_cast<char>(random());
    std::vector<SafetensorsEntry> entries;
    const std::string message = error_of([&] { entries = parse(bytes); });
    if (message != "no error") {
      ++num_refused;
      ASSERT_THAT(message, StartsWith("f: "));
    }
    for (const SafetensorsEntry& entry : entries) ASSERT_LE(entry.offset + entry.size_bytes, bytes.size());
  }
  EXPECT_GT(num_refused, kRounds / 2);
  EXPECT_LT(num_refused, kRounds);
}

TEST(Safetensors, ReadsItsOwnHeaders) {
  const std::vector<TensorInfo> tensors = {{"x \"quoted\"", DataType::kFloat16, {3}},
                                           {"y", DataType::kFloat32, {2, 2}},
                                           {"z", DataType::kBFloat16, {1, 1, 5}}};
  const std::string header = make_safetensors_header(tensors);
  EXPECT_EQ(header.size() % 8, 0u);
  const std::vector<SafetensorsEntry> entries = parse(header + std::string(6 + 16 + 10, 'x'));
  ASSERT_EQ(entries.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(entries[i].name, tensors[i].name);
    EXPECT_EQ(entries[i].type, tensors[i].type);
    EXPECT_EQ(entries[i].shape, tensors[i].shape);
  }
}

}  // namespace
}  // namespace rerank
