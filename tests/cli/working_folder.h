// A working folder of a test's own, for files that the program finds by itself, and no settings around it.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "tests/cli/small_model.h"

namespace rerank {

class WorkingFolder {
 public:
  WorkingFolder() : before_(std::filesystem::current_path()) {
    std::filesystem::create_directory(model_.path("here"));
    std::filesystem::current_path(model_.path("here"));
    for (const char* name : {"MODEL_PATH", "PORT", "HOST", "TP", "DTYPE", "ENV_FILE", "XDG_CONFIG_HOME",
                             "RERANK_API_KEY", "VLLM_API_KEY", "RERANK_URL", "RERANK_MODEL"}) {
      unsetenv(name);
    }
    setenv("HOME", model_.path("home").c_str(), 1);
  }
  ~WorkingFolder() { std::filesystem::current_path(before_); }
  WorkingFolder(const WorkingFolder&) = delete;
  WorkingFolder& operator=(const WorkingFolder&) = delete;

  const SmallModel& model() const { return model_; }

  static void write(const std::string& name, std::string_view content) {
    std::ofstream(name, std::ios::binary) << content;
  }

 private:
  std::filesystem::path before_;
  SmallModel model_;
};

}  // namespace rerank
