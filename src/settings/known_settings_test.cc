#include "settings/known_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace rerank {
namespace {

using testing::ElementsAre;

TEST(KnownSettings, HaveVariablesInTheOrderInWhichTheyCount) {
  const auto variables = [](const char* key) { return variables_of(*find_setting(key)); };
  EXPECT_THAT(variables("port"), ElementsAre("RERANK_PORT", "PORT"));
  EXPECT_THAT(variables("tp"), ElementsAre("RERANK_TENSOR_PARALLEL_SIZE", "RERANK_TP", "TP"));
  EXPECT_THAT(variables("max_documents"), ElementsAre("RERANK_MAX_DOCUMENTS"));
  EXPECT_THAT(variables("api_key"), ElementsAre("RERANK_API_KEY", "VLLM_API_KEY"));
  EXPECT_THAT(variables("model"), ElementsAre("RERANK_MODEL"));
  EXPECT_THAT(variables("model_path"), ElementsAre("RERANK_MODEL_PATH", "MODEL_PATH", "RERANK_MODEL"));
  EXPECT_THAT(variables("hf_home"), ElementsAre("HF_HOME"));
  EXPECT_EQ(find_setting("prot"), nullptr);
}

TEST(KnownSettings, HaveOneMeaningForAName) {
  std::set<std::string> seen;
  for (const KnownSetting& setting : known_settings()) {
    for (const std::string& name : variables_of(setting)) {
      // A model's name for clients is its path for who has no other.
      EXPECT_TRUE(seen.insert(name).second || name == "RERANK_MODEL") << name;
    }
    EXPECT_TRUE(seen.insert(std::string(setting.key)).second) << setting.key;
  }
}

TEST(KnownSettings, LeaveOthersTheirVariables) {
  const struct {
    const char* variable;
    const char* value;
    bool is_theirs;
  } cases[] = {
      {"RERANK_TEST_LARGE", "1", true},
      {"RERANK_CI_SECONDS", "9", true},
      {"RERANK_CUDA_MODULE", "x.so", true},
      {"RERANK_SERVICE_HOST", "10.0.0.1", true},
      {"RERANK_SERVICE_PORT", "8000", true},
      {"RERANK_SERVICE_PORT_HTTP", "8000", true},
      {"RERANK_PORT", "tcp://10.0.0.1:8000", true},
      {"RERANK_PORT_8000_TCP", "tcp://10.0.0.1:8000", true},
      {"RERANK_PORT_8000_TCP_ADDR", "10.0.0.1", true},
      {"RERANK_PORT_8000_UDP_PORT", "8000", true},
      {"RERANK_TINY_PORT", "tcp://10.0.0.1:8000", true},
      {"RERANK_PORT", "8000", false},
      {"RERANK_PORT_TCP", "8000", false},
      {"RERANK_PROT", "8000", false},
      {"RERANK_TESTING", "1", false},
  };
  for (const auto& c : cases) EXPECT_EQ(belongs_to_others(c.variable, c.value), c.is_theirs) << c.variable;
}

}  // namespace
}  // namespace rerank
