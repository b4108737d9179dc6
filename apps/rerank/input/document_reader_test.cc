#include "apps/rerank/input/document_reader.h"

#include <gtest/gtest.h>

#include <string>

#include "apps/rerank/command.h"
#include "checkpoint/scratch_directory.h"
#include "tests/support/error_of.h"

namespace rerank::cli {
namespace {

TEST(DocumentReader, ALineIsADocumentAndFilesFollowEachOther) {
  const ScratchDirectory folder;
  const auto first = folder.write("a.txt", "one \"quoted\"\n\nthree");
  const auto second = folder.write("b.txt", "four\r\n");
  const auto documents = read_documents({first, second}, "");
  ASSERT_EQ(documents.size(), 4U);
  EXPECT_EQ(documents[0].text, "one \"quoted\"");
  EXPECT_EQ(documents[0].json, R"("one \"quoted\"")");
  EXPECT_EQ(documents[1].text, "");
  EXPECT_EQ(documents[3].text, "four");
}

TEST(DocumentReader, AFieldOfJsonLines) {
  const ScratchDirectory folder;
  const auto file = folder.write("a.jsonl", "{\"id\":1,\"text\":\"one\"}\n\n{\"text\":\"two\"}\n");
  const auto documents = read_documents({file}, "text");
  ASSERT_EQ(documents.size(), 2U);
  EXPECT_EQ(documents[0].text, "one");
  EXPECT_EQ(documents[0].json, R"({"id":1,"text":"one"})") << "the object as it was written";
  EXPECT_NE(error_of([&] { read_documents({file}, "id"); }).find("a.jsonl:1"), std::string::npos);
}

TEST(DocumentReader, JsonLinesWithoutAFieldAreRefused) {
  const ScratchDirectory folder;
  EXPECT_THROW(read_documents({folder.write("a.jsonl", "{}\n")}, ""), UsageError);
}

TEST(DocumentReader, NoDocumentsAtAllAreAnError) {
  const ScratchDirectory folder;
  const std::string path = folder.write("a.txt", "");
  EXPECT_EQ(error_of([&] { read_documents({path}, ""); }), "no documents: " + path + " is empty");
}

}  // namespace
}  // namespace rerank::cli
