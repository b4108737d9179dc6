#include "apps/rerank/output/ranking.h"

#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

#include "apps/rerank/output/terminal_text.h"

namespace rerank::cli {
namespace {

Ranking three_documents() {
  Ranking ranking;
  ranking.model = "m";
  ranking.query = "a \"query\"";
  ranking.documents = {{"one", R"("one")"}, {"two\tTWO\x1b[2J", R"("two")"}, {"three", R"({"t":"three"})"}};
  ranking.scores = {{.score = 0.25F, .num_tokens = 5},
                    {.score = 0.75F, .logit_yes = 2, .logit_no = 0.5F, .num_tokens = 7, .truncated = true},
                    {.score = 0.25F, .num_tokens = 6}};
  ranking.order = {1, 0};
  ranking.num_tokens = 18;
  ranking.num_cached_tokens = 4;
  return ranking;
}

TEST(Ranking, AsJson) {
  EXPECT_EQ(as_json(three_documents()), R"({"model":"m","query":"a \"query\"","results":[
{"index":1,"score":0.75,"truncated":true,"document":"two"},
{"index":0,"score":0.25,"document":"one"}
],"usage":{"prompt_tokens":18,"total_tokens":18,"cached_tokens":4}}
)");
  Ranking raw = three_documents();
  raw.raw = true;
  raw.num_cached_tokens = -1;
  EXPECT_NE(as_json(raw).find(R"("score":1.5,)"), std::string::npos);
  EXPECT_EQ(as_json(raw).find("cached_tokens"), std::string::npos);
}

TEST(Ranking, AsTabSeparatedValuesThatKeepTheirColumns) {
  EXPECT_EQ(as_tsv(three_documents()), "1\t0.75\t1\ttwo TWO␛[2J\n0\t0.25\t0\tone\n");
}

TEST(Ranking, ATableIsNoWiderThanTheTerminalAndMarksWhatWasCut) {
  Ranking ranking = three_documents();
  ranking.documents[0].text = std::string(300, 'x');
  for (const int width : {30, 60, 80, 200}) {
    std::istringstream lines(as_table(ranking, {.width = width}));
    std::string line;
    std::getline(lines, line);
    for (int row = 0; row < 2 && std::getline(lines, line); ++row) {
      EXPECT_LE(display_width(line), width) << line;
    }
  }
  const std::string table = as_table(ranking, {.width = 80});
  EXPECT_NE(table.find("0.7500*"), std::string::npos) << table;
  EXPECT_NE(table.find("best 2 of 3 documents, 18 tokens"), std::string::npos) << table;
  EXPECT_EQ(table.find('\x1b'), std::string::npos) << "no colours where none are wanted";
}

}  // namespace
}  // namespace rerank::cli
