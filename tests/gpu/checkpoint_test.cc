// A model on a GPU whose file is cut under it: all of it is on the GPU, and the file is not looked at again.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "rerank/engine.h"
#include "tests/support/backend_variants.h"
#include "tests/support/test_source_directory.h"

namespace rerank {
namespace {

namespace fs = std::filesystem;

// In the source tree, or where a bundle has it.
fs::path demo_model() {
  const fs::path source = test_source_directory();
  const fs::path in_tree = source / "models" / "demo";
  return fs::exists(in_tree) ? in_tree : source.parent_path() / "models" / "demo";
}

TEST(CheckpointOnAGpu, IsNotReadAgainAfterLoading) {
  if (usable_gpus().empty()) GTEST_SKIP() << "no GPU that will do";
  const fs::path copy = fs::temp_directory_path() / ("rerank_checkpoint_test." + std::to_string(::getpid()));
  fs::copy(demo_model(), copy, fs::copy_options::recursive);
  EngineOptions options;
  options.model = copy.string();
  options.device = "cuda";
  Engine engine(options);
  Request request;
  request.query = "how do plants make sugar";
  request.documents = {"Photosynthesis turns light into sugar.", "Bread is baked in an oven."};
  const Result before = engine.submit(request).get();
  ASSERT_EQ(before.status, Status::kOk) << before.message;
  // Reading a page of it would end the process.
  fs::resize_file(copy / "model.safetensors", 0);
  request.query += " of light";  // words of which nothing is kept
  request.documents.emplace_back("A whale is a mammal that lives in the sea.");
  EXPECT_EQ(engine.submit(request).get().status, Status::kOk);
  request.query = "how do plants make sugar";
  request.documents.pop_back();
  const Result after = engine.submit(request).get();
  ASSERT_EQ(after.status, Status::kOk) << after.message;
  for (std::size_t i = 0; i < before.documents.size(); ++i) {
    EXPECT_EQ(after.documents[i].score, before.documents[i].score);
  }
  fs::remove_all(copy);
}

}  // namespace
}  // namespace rerank
