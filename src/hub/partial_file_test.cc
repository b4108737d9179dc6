// Partial files, and the directory of a model in the cache.
#include "hub/partial_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "checkpoint/model_location.h"
#include "checkpoint/scratch_directory.h"
#include "hub/model_cache.h"
#include "tests/support/error_of.h"

namespace rerank {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::uint64_t kBlock = PartialFile::kBlockBytes;

std::string content_of(std::uint64_t size_bytes) {
  std::string text(size_bytes, '\0');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * 2654435761U >> 13);
  return text;
}

Digest digest_of(Digest::Kind kind, const std::string& text) {
  DigestBuilder builder(kind, text.size());
  builder.add(text);
  return builder.result();
}

void write_block(PartialFile& partial, std::size_t block, const std::string& content) {
  partial.write(partial.block_begin(block),
                std::string_view(content).substr(partial.block_begin(block),
                                                 partial.block_end(block) - partial.block_begin(block)));
  partial.mark(block);
}

TEST(PartialFile, GoesOnWhereAnotherEnded) {
  const ScratchDirectory scratch;
  const auto path = scratch.path() / "x.part";
  const std::string content = content_of(2 * kBlock + 5);
  {
    PartialFile partial(path, content.size());
    ASSERT_EQ(partial.num_blocks(), 3U);
    EXPECT_EQ(partial.block_end(2), content.size());
    write_block(partial, 2, content);
    write_block(partial, 0, content);
  }
  PartialFile partial(path, content.size());
  EXPECT_TRUE(partial.is_written(0));
  EXPECT_FALSE(partial.is_written(1));
  EXPECT_TRUE(partial.is_written(2));
  write_block(partial, 1, content);
  std::uint64_t hashed_bytes = 0;
  EXPECT_EQ(partial.digest(Digest::Kind::kSha256, [&](std::uint64_t bytes) { hashed_bytes += bytes; }),
            digest_of(Digest::Kind::kSha256, content));
  EXPECT_EQ(hashed_bytes, content.size());
  partial.become(scratch.path() / "x");
  EXPECT_EQ(scratch.read("x"), content);
  EXPECT_THAT(scratch.names(), ElementsAre("x"));
}

TEST(PartialFile, StartsAnewWhereItIsOfAnotherSizeOrNone) {
  const ScratchDirectory scratch;
  const auto path = scratch.path() / "x.part";
  const std::string content = content_of(kBlock);
  {
    PartialFile partial(path, kBlock);
    write_block(partial, 0, content);
  }
  EXPECT_FALSE(PartialFile(path, 2 * kBlock).is_written(0));
  EXPECT_FALSE(PartialFile(path, kBlock).is_written(0)) << "of a run in between";
  scratch.write("x.part", std::string(kBlock + 18, '\1'));
  EXPECT_FALSE(PartialFile(path, kBlock).is_written(0)) << "as long, but another thing";
}

TEST(PartialFile, MayBeEmpty) {
  const ScratchDirectory scratch;
  PartialFile partial(scratch.path() / "x.part", 0);
  EXPECT_EQ(partial.num_blocks(), 0U);
  partial.become(scratch.path() / "x");
  EXPECT_EQ(scratch.read("x"), "");
}

TEST(PartialFile, SaysWhatTheSystemSays) {
  const ScratchDirectory scratch;
  EXPECT_THAT(error_of([&] { PartialFile(scratch.path() / "no" / "x", 1); }), HasSubstr("No such file"));
  const auto path = scratch.path() / "x.part";
  EXPECT_THAT(error_of([&] { PartialFile(path, std::uint64_t{1} << 45); }),
              AllOf(HasSubstr(path.string()), HasSubstr("--cache-dir")));
  EXPECT_THAT(scratch.names(), ElementsAre()) << "none of it is left";
}

RemoteModel one_file_model(const ScratchDirectory& scratch, const std::string& content) {
  RemoteModel model;
  model.commit = "0123456789012345678901234567890123456789";
  model.files.push_back({"config.json", content.size(), digest_of(Digest::Kind::kGitBlob, content)});
  scratch.write("models--o--n/blobs/" + model.files[0].digest.hex, content);
  return model;
}

TEST(ModelCache, PublishesWhereEveryCommandLooks) {
  const ScratchDirectory scratch;
  const ScopedVariable hub("HF_HUB_CACHE", scratch.path().c_str());
  RemoteModel model = one_file_model(scratch, "{}");
  model.files.push_back(model.files.front());
  model.files.back().name = "1_LogitScore/config.json";
  const ModelCache cache(scratch.path(), "o/n");
  cache.make_folders();
  const auto snapshot = cache.publish(model, {"main", "refs/pr/1"});
  EXPECT_EQ(model_directory("o/n"), snapshot);
  EXPECT_EQ(model_directory("o/n@refs/pr/1"), snapshot);
  EXPECT_EQ(scratch.read("models--o--n/refs/main"), model.commit);
  EXPECT_EQ(std::filesystem::read_symlink(snapshot / "config.json"),
            "../../blobs/" + model.files[0].digest.hex);
  EXPECT_EQ(scratch.read("models--o--n/snapshots/" + model.commit + "/config.json"), "{}");
  EXPECT_EQ(scratch.read("models--o--n/snapshots/" + model.commit + "/1_LogitScore/config.json"), "{}");
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(scratch.path() / "models--o--n")) {
    names.push_back(entry.path().filename());
  }
  EXPECT_THAT(names, testing::UnorderedElementsAre("blobs", "refs", "snapshots"));
}

TEST(ModelCache, CompletesWhatAnotherToolBegan) {
  const ScratchDirectory scratch;
  const RemoteModel model = one_file_model(scratch, "{}");
  const std::string folder = "models--o--n/snapshots/" + model.commit;
  scratch.write(folder + "/README.md", "kept");
  scratch.write(folder + "/config.json", "of an earlier time");
  const ModelCache cache(scratch.path(), "o/n");
  cache.publish(model, {});
  EXPECT_EQ(scratch.read(folder + "/config.json"), "{}");
  EXPECT_EQ(scratch.read(folder + "/README.md"), "kept");
}

TEST(ModelCache, KnowsAWholeBlobFromAPart) {
  const ScratchDirectory scratch;
  const RemoteModel model = one_file_model(scratch, "{}");
  const ModelCache cache(scratch.path(), "o/n");
  EXPECT_TRUE(cache.has_blob(model.files[0]));
  cache.verify_blob(model.files[0], [] {});
  EXPECT_TRUE(cache.has_blob(model.files[0]));
  scratch.write("models--o--n/blobs/" + model.files[0].digest.hex, "[]");
  EXPECT_TRUE(cache.has_blob(model.files[0]));
  cache.verify_blob(model.files[0], [] {});
  EXPECT_FALSE(cache.has_blob(model.files[0])) << "removed: its checksum was wrong";
  scratch.write("models--o--n/blobs/" + model.files[0].digest.hex, "{");
  EXPECT_FALSE(cache.has_blob(model.files[0]));
  EXPECT_THAT(error_of([&] { cache.require_room(std::uint64_t{1} << 60); }),
              AllOf(HasSubstr("are needed"), HasSubstr("--cache-dir")));
}

TEST(FileLock, IsHeldByOne) {
  const ScratchDirectory scratch;
  const auto path = scratch.path() / "lock";
  const int other = ::open(path.c_str(), O_RDWR | O_CREAT, 0666);
  ASSERT_EQ(::flock(other, LOCK_EX), 0);
  int num_waits = 0;
  const FileLock lock(path, [&] {
    if (++num_waits == 2) ::close(other);
  });
  EXPECT_GE(num_waits, 2);
}

}  // namespace
}  // namespace rerank
