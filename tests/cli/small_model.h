// A tiny synthetic model, made by the program itself, and a folder for the files of one test.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace rerank {

// A new folder that goes with this object. In it: a model of two layers with a tokenizer whose tokens are
// bytes.
class SmallModel {
 public:
  SmallModel();
  ~SmallModel();
  SmallModel(const SmallModel&) = delete;
  SmallModel& operator=(const SmallModel&) = delete;

  std::string directory() const { return path("model"); }
  std::string tokenizer() const { return path("tokenizer.json"); }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  // Writes a file below the folder and returns its path.
  std::string file(const std::string& name, std::string_view content) const;

  // "rank -m MODEL --dtype float32 ..." of these commands with what they need to run here.
  std::vector<std::string> rank(const std::vector<std::string>& more) const;
  std::vector<std::string> score(const std::vector<std::string>& more) const;
  std::vector<std::string> verify(const std::vector<std::string>& more) const;

 private:
  std::vector<std::string> command(const char* name, const std::vector<std::string>& more) const;

  std::filesystem::path folder_;
};

std::string content_of(const std::string& path);
std::vector<std::string> lines_of(const std::string& text);

}  // namespace rerank
