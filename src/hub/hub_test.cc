// Without network: checksums, names, listings, ranges, environment.
#include "hub/hub.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "checkpoint/scratch_directory.h"
#include "hub/digest.h"
#include "hub/huggingface_hub.h"
#include "hub/modelscope_hub.h"
#include "hub/range_fetch.h"
#include "hub/range_plan.h"
#include "tests/support/error_of.h"

namespace rerank {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

const std::string kSha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";  // of "abc"
const std::string kGitBlob = "f2ba8f84ab5c1bce84a7b441cb1959cfc7093b7f";                         // of "abc"

std::string digest_of(Digest::Kind kind, const std::string& text) {
  DigestBuilder builder(kind, text.size());
  builder.add(text.substr(0, 1));
  builder.add(text.substr(1));
  return builder.result().hex;
}

TEST(Digest, IsWhatTheHubsSay) {
  EXPECT_EQ(digest_of(Digest::Kind::kSha256, "abc"), kSha256);
  EXPECT_EQ(digest_of(Digest::Kind::kGitBlob, "abc"), kGitBlob);  // `printf abc | git hash-object --stdin`
  EXPECT_EQ(parse_digest(kSha256), (Digest{Digest::Kind::kSha256, kSha256}));
  EXPECT_EQ(parse_digest("F2BA8F84AB5C1BCE84A7B441CB1959CFC7093B7F"),
            (Digest{Digest::Kind::kGitBlob, kGitBlob}));
  for (const std::string& text : {std::string(), std::string(64, '*'), kSha256 + "0", kGitBlob.substr(1)}) {
    EXPECT_FALSE(parse_digest(text)) << text;
  }
}

TEST(FileNames, WantedAreThoseThatTheProgramReads) {
  for (const char* name :
       {"config.json", "tokenizer.json", "model.safetensors", "model-00001-of-00002.safetensors",
        "model.safetensors.index.json", "vocab.json", "merges.txt", "chat_template.jinja", "modules.json",
        "1_LogitScore/config.json", "1_Pooling/config.json", "2_Dense/model.safetensors",
        "3_LayerNorm/model.safetensors", "rerank_prompt.json"}) {
    EXPECT_TRUE(is_wanted_file(name)) << name;
  }
  for (const char* name :
       {"", "README.md", "pytorch_model.bin", "model.gguf", "onnx/model.onnx", "2_Dense/pytorch_model.bin",
        "a/1_LogitScore/config.json", "../2_Dense/model.safetensors", "../1_LogitScore/config.json",
        "adapter_model.safetensors", "consolidated.safetensors", "original/model.safetensors", ".safetensors",
        "a b.safetensors"}) {
    EXPECT_FALSE(is_wanted_file(name)) << name;
  }
}

TEST(FileNames, ThatLeadAwayAreRefused) {
  for (const char* name :
       {"", "/etc/passwd", "../model.safetensors", "a/../../b", "a/..", "a\\b", "a\nb", "a\x1b[1m"}) {
    EXPECT_THAT(error_of([&] { require_harmless_name(name); }), HasSubstr("nothing was downloaded")) << name;
  }
  for (const char* name : {"config.json", "a/b.txt", "..a", "a..b", "name with spaces", "\xc3\xa4"}) {
    EXPECT_EQ(error_of([&] { require_harmless_name(name); }), "no error") << name;
  }
}

std::string huggingface_listing(const std::string& siblings) {
  return R"({"id": "o/n", "sha": ")" + kGitBlob + R"(", "siblings": [)" + siblings + "]}";
}

TEST(HuggingFaceListing, TellsLargeFilesFromSmallOnes) {
  const RemoteModel model =
      parse_huggingface_listing(huggingface_listing(R"({"rfilename": "README.md", "size": 3, "blobId": ")" +
                                                    kGitBlob + R"("},
        {"rfilename": "config.json", "size": 3, "blobId": ")" +
                                                    kGitBlob + R"("},
        {"rfilename": "model.safetensors", "size": 7, "blobId": ")" +
                                                    kGitBlob + R"(",
         "lfs": {"sha256": ")" + kSha256 + R"(", "size": 7, "pointerSize": 130}},
        {"rfilename": "onnx/model.onnx"}, {"rfilename": "vocab.json"},
        {"rfilename": "tokenizer.json", "size": 9, "lfs": {"sha256": ")" +
                                                    std::string(64, '*') + R"(", "size": 9}})"),
                                "URL");
  EXPECT_EQ(model.commit, kGitBlob);
  ASSERT_EQ(model.files.size(), 4U);
  EXPECT_EQ(model.files[0].name, "config.json");
  EXPECT_EQ(model.files[0].size_bytes, 3U);
  EXPECT_EQ(model.files[0].digest, (Digest{Digest::Kind::kGitBlob, kGitBlob}));
  EXPECT_EQ(model.files[1].name, "model.safetensors");
  EXPECT_EQ(model.files[1].size_bytes, 7U);
  EXPECT_EQ(model.files[1].digest, (Digest{Digest::Kind::kSha256, kSha256}));
  EXPECT_EQ(model.files[2].digest.hex, "") << "a mirror that leaves it out";
  EXPECT_EQ(model.files[3].digest.hex, "") << "hidden from those without access";
}

TEST(HuggingFaceListing, RefusesWhatIsNone) {
  for (const char* text :
       {"", "<html>", "[]", "{}", R"({"sha": "../../x", "siblings": []})", R"({"sha": "ab"})"}) {
    EXPECT_THAT(error_of([&] { parse_huggingface_listing(text, "https://hub"); }), HasSubstr("https://hub"))
        << text;
  }
  EXPECT_THAT(
      error_of([&] { parse_huggingface_listing(huggingface_listing(R"({"rfilename": "../x"})"), "URL"); }),
      HasSubstr("../x"));
  EXPECT_THAT(error_of([&] {
                parse_huggingface_listing(
                    huggingface_listing(R"({"rfilename": "config.json", "size": 9000000000000000000})"),
                    "URL");
              }),
              HasSubstr("too large for a model file"));
}

TEST(ModelScopeListing, HasAChecksumForEveryFile) {
  const RemoteModel model = parse_modelscope_listing(
      R"({"Code": 200, "Success": true, "Data": {"Files": [
        {"Path": "onnx", "Type": "tree", "Size": 0},
        {"Path": ".gitattributes", "Type": "blob", "Size": 3, "Sha256": ")" +
          kSha256 + R"("},
        {"Path": "config.json", "Type": "blob", "Size": 3, "Sha256": ")" +
          kSha256 + R"("}]}})",
      "URL");
  ASSERT_EQ(model.files.size(), 1U);
  EXPECT_EQ(model.files[0].digest, (Digest{Digest::Kind::kSha256, kSha256}));
  EXPECT_THAT(
      error_of([] {
        parse_modelscope_listing(
            R"({"Data": {"Files": [{"Path": "config.json", "Type": "blob", "Size": 3, "Sha256": ""}]}})",
            "URL");
      }),
      HasSubstr("cannot be verified"));
  EXPECT_THAT(
      error_of([] { parse_modelscope_listing(R"({"Code": 404, "Message": "no such thing"})", "URL"); }),
      HasSubstr("no such thing"));
}

TEST(Listing, MustHoldAModel) {
  const auto fault = [](const std::vector<std::string>& names) {
    RemoteModel model;
    for (const std::string& name : names) model.files.push_back({name, 1, {}});
    return error_of([&] { complete_listing(model, "o/n"); });
  };
  EXPECT_EQ(fault({"model.safetensors", "config.json"}), "no error");
  EXPECT_THAT(fault({"config.json"}), HasSubstr("safetensors"));
  EXPECT_THAT(fault({"model.safetensors"}), HasSubstr("config.json"));
  EXPECT_THAT(fault({"model.safetensors", "config.json", "config.json"}), HasSubstr("twice"));
  // Sizes of all files add up only where there are not too many.
  EXPECT_THAT(fault(std::vector<std::string>(10'001, "config.json")), HasSubstr("lists 10001 files"));
}

TEST(ContentRange, IsReadStrictly) {
  const auto range = parse_content_range("bytes 10-19/100");
  ASSERT_TRUE(range);
  EXPECT_EQ(range->first, 10U);
  EXPECT_EQ(range->last, 19U);
  EXPECT_EQ(range->whole_bytes, 100U);
  EXPECT_FALSE(parse_content_range("bytes 0-9/*")->whole_bytes);
  for (const char* text :
       {"", "bytes", "bytes 0-9", "bytes */100", "bytes 9-0/100", "bytes 0-100/100", "bytes 0-9/1x",
        "bytes 0-9/", "items 0-9/100", "bytes -1-9/100", "bytes 0-99999999999999999999/*"}) {
    EXPECT_FALSE(parse_content_range(text)) << text;
  }
}

TEST(RangePlan, SharesBlocksUntilAllStand) {
  RangePlan plan(10, 2);
  plan.add_file(95, std::vector<bool>{true, false, false, false, false, true, false, false, false, false});
  std::set<std::uint64_t> seen;
  int num_files_done = 0;
  while (const auto run = plan.next()) {
    EXPECT_TRUE(run->by_range);
    EXPECT_EQ(run->begin % 10, 0U);
    for (std::uint64_t at = run->begin; at < run->end; at += 10) {
      EXPECT_TRUE(seen.insert(at).second) << "given twice: " << at;
      if (plan.complete(0, at / 10)) ++num_files_done;
    }
    EXPECT_TRUE(run->end % 10 == 0 || run->end == 95);
  }
  EXPECT_EQ(seen, (std::set<std::uint64_t>{10, 20, 30, 40, 60, 70, 80, 90}));
  EXPECT_EQ(num_files_done, 1);
  EXPECT_TRUE(plan.is_complete(0));
}

TEST(RangePlan, TakesBackWhatWasNotDone) {
  RangePlan plan(10, 1);
  plan.add_file(40, std::vector<bool>(4));
  const auto run = plan.next();
  ASSERT_TRUE(run);
  EXPECT_GT(run->end, 10U);
  plan.complete(0, 0);
  plan.give_back(*run);
  const auto again = plan.next();
  ASSERT_TRUE(again);
  EXPECT_EQ(again->begin, 10U);
}

TEST(RangePlan, GivesAFileWithoutRangesToOneAtATime) {
  RangePlan plan(10, 4);
  plan.add_file(40, std::vector<bool>(4));
  const auto first = plan.next();
  const auto second = plan.next();
  ASSERT_TRUE(first && second);
  plan.ignore_ranges(0);
  plan.give_back(*second);
  EXPECT_FALSE(plan.next()) << "the first range is still claimed";
  plan.complete(0, 0);
  plan.give_back(*first);
  const auto whole = plan.next();
  ASSERT_TRUE(whole);
  EXPECT_FALSE(whole->by_range);
  EXPECT_EQ(whole->begin, 10U);
  EXPECT_EQ(whole->end, 40U);
  EXPECT_FALSE(plan.next());
}

TEST(RangePlan, AsksForSmallFilesWhole) {
  RangePlan plan(10, 4);
  plan.add_file(0, {});
  plan.add_file(9, std::vector<bool>(1));
  EXPECT_TRUE(plan.is_complete(0));
  const auto run = plan.next();
  ASSERT_TRUE(run);
  EXPECT_EQ(run->file, 1U);
  EXPECT_FALSE(run->by_range);
}

class HubEnvironment : public testing::Test {
 protected:
  const ScratchDirectory scratch_;
  const ScopedVariable home_{"HOME", scratch_.path().c_str()};
  const ScopedVariable hf_home_{"HF_HOME", nullptr};
  const ScopedVariable xdg_{"XDG_CACHE_HOME", nullptr};
  const ScopedVariable token_path_{"HF_TOKEN_PATH", nullptr};
  const ScopedVariable token_{"HF_TOKEN", nullptr};
  const ScopedVariable older_token_{"HUGGING_FACE_HUB_TOKEN", nullptr};
  const ScopedVariable endpoint_{"HF_ENDPOINT", nullptr};
  const ScopedVariable domain_{"MODELSCOPE_DOMAIN", nullptr};
  const ScopedVariable modelscope_token_{"MODELSCOPE_API_TOKEN", nullptr};
  const ScopedVariable vllm_{"VLLM_USE_MODELSCOPE", nullptr};
  const ScopedVariable offline_{"HF_HUB_OFFLINE", nullptr};
  const ScopedVariable older_offline_{"TRANSFORMERS_OFFLINE", nullptr};
};

TEST_F(HubEnvironment, FindsTokensWhereHuggingFaceDoes) {
  EXPECT_EQ(hub_access(HubKind::kHuggingFace, "").token, "");
  scratch_.write(".cache/huggingface/token", "from-file\n");
  EXPECT_EQ(hub_access(HubKind::kHuggingFace, "").token, "from-file");
  EXPECT_THAT(hub_access(HubKind::kHuggingFace, "").token_source, HasSubstr(".cache/huggingface/token"));
  const ScopedVariable older("HUGGING_FACE_HUB_TOKEN", "older");
  EXPECT_EQ(hub_access(HubKind::kHuggingFace, "").token, "older");
  const ScopedVariable token("HF_TOKEN", " newer\n");
  EXPECT_EQ(hub_access(HubKind::kHuggingFace, "").token, "newer");
  EXPECT_EQ(hub_access(HubKind::kModelScope, "").token, "") << "one hub's token is not for the other";
}

TEST_F(HubEnvironment, FindsEndpoints) {
  EXPECT_EQ(hub_access(HubKind::kHuggingFace, "").endpoint, "https://huggingface.co");
  EXPECT_EQ(hub_access(HubKind::kModelScope, "").endpoint, "https://www.modelscope.cn");
  const ScopedVariable mirror("HF_ENDPOINT", "https://mirror/");
  const ScopedVariable domain("MODELSCOPE_DOMAIN", "www.modelscope.ai");
  EXPECT_EQ(hub_access(HubKind::kHuggingFace, "").endpoint, "https://mirror");
  EXPECT_EQ(hub_access(HubKind::kModelScope, "").endpoint, "https://www.modelscope.ai");
  EXPECT_EQ(hub_access(HubKind::kHuggingFace, "http://own:1").endpoint, "http://own:1");
  EXPECT_THAT(error_of([] { hub_access(HubKind::kHuggingFace, "file:///etc"); }), HasSubstr("--endpoint"));
}

TEST_F(HubEnvironment, ChoosesTheHub) {
  EXPECT_EQ(hub_kind(""), HubKind::kHuggingFace);
  EXPECT_EQ(hub_kind("modelscope"), HubKind::kModelScope);
  EXPECT_THAT(error_of([] { hub_kind("github"); }), AllOf(HasSubstr("--from"), HasSubstr("modelscope")));
  const ScopedVariable vllm("VLLM_USE_MODELSCOPE", "True");
  EXPECT_EQ(hub_kind(""), HubKind::kModelScope);
  EXPECT_EQ(hub_kind("huggingface"), HubKind::kHuggingFace);
}

TEST_F(HubEnvironment, HeedsOffline) {
  EXPECT_EQ(error_of([] { require_online(); }), "no error");
  const ScopedVariable offline("HF_HUB_OFFLINE", "1");
  EXPECT_THAT(error_of([] { require_online(); }), HasSubstr("HF_HUB_OFFLINE"));
}

TEST(HubAddresses, AreEscaped) {
  const ModelName name{"o/n", "refs/pr/1"};
  RemoteModel model;
  model.commit = "c0ffee";
  EXPECT_EQ(HuggingFaceHub({"https://h", "", ""}).file_url(name, model, "a b.json"),
            "https://h/o/n/resolve/c0ffee/a%20b.json");
  EXPECT_EQ(HuggingFaceHub({"https://h", "", ""}).file_url(name, model, "1 x/b.json"),
            "https://h/o/n/resolve/c0ffee/1%20x/b.json");
  EXPECT_EQ(ModelScopeHub({"https://h", "", ""}).file_url(name, model, "x&y"),
            "https://h/api/v1/models/o/n/repo?Revision=refs%2Fpr%2F1&FilePath=x%26y");
}

TEST(HubReferences, LetTheModelBeFoundByItsNameAlone) {
  RemoteModel model;
  model.commit = kGitBlob;
  EXPECT_THAT(HuggingFaceHub({}).references({"o/n", "main"}, model), ElementsAre("main"));
  EXPECT_THAT(HuggingFaceHub({}).references({"o/n", kGitBlob}, model), ElementsAre());
  EXPECT_THAT(ModelScopeHub({}).references({"o/n", "master"}, model), ElementsAre("master", "main"));
  EXPECT_THAT(ModelScopeHub({}).references({"o/n", "v1"}, model), ElementsAre("v1"));
}

}  // namespace
}  // namespace rerank
