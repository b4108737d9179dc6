#include "checkpoint/model_location.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <string_view>
#include <system_error>

#include "base/ascii.h"
#include "checkpoint/checkpoint.h"
#include "rerank/error.h"

namespace rerank {
namespace {

namespace fs = std::filesystem;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

bool is_existing_directory(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

// Neither empty nor able to escape the directory it is appended to.
bool is_plain_name(std::string_view name) {
  return !name.empty() && name.front() != '.' && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return is_digit(c) || is_letter(c) || c == '-' || c == '_' || c == '.';
  });
}

bool is_plain_path(std::string_view path) {
  const std::size_t slash = path.find('/');
  if (slash == std::string_view::npos) return is_plain_name(path);
  return is_plain_name(path.substr(0, slash)) && is_plain_path(path.substr(slash + 1));
}

std::string download_advice(const RepositoryName& repository) {
  return repository.revision == "main"
             ? fmt::format("`rerank pull {}`", repository.name)
             : fmt::format("`rerank pull {}@{}`", repository.name, repository.revision);
}

fs::path cached_directory(const RepositoryName& repository, const fs::path& cache) {
  const fs::path root = cache / cache_folder(repository.name);
  if (!is_existing_directory(root)) {
    throw Error(
        ErrorCode::kNotFound,
        fmt::format(
            "model {}: no such directory, and not in the Hugging Face cache {}; get it with {}, or give "
            "the directory that holds its config.json",
            repository.name, cache.string(), download_advice(repository)));
  }
  const fs::path reference = root / "refs" / repository.revision;
  std::string commit;
  if (std::ifstream file(reference); !(file >> commit) || !is_plain_name(commit))
    commit = repository.revision;
  fs::path snapshot = root / "snapshots" / commit;
  if (!is_existing_directory(snapshot)) {
    throw Error(
        ErrorCode::kNotFound,
        fmt::format(
            "model {}: the Hugging Face cache has no revision {} of it (looked for {} and {}); get it "
            "with {}",
            repository.name, repository.revision, reference.string(), snapshot.string(),
            download_advice(repository)));
  }
  return snapshot;
}

}  // namespace

bool RepositoryName::is_well_formed() const {
  return is_plain_path(name) && std::count(name.begin(), name.end(), '/') <= 1 && is_plain_path(revision);
}

RepositoryName parse_repository_name(const std::string& model) {
  const std::size_t at = model.find('@');
  if (at == std::string::npos) return {model};
  return {model.substr(0, at), model.substr(at + 1)};
}

std::string cache_folder(const std::string& repository) {
  std::string folder = "models--" + repository;
  if (const std::size_t slash = folder.find('/'); slash != std::string::npos) folder.replace(slash, 1, "--");
  return folder;
}

fs::path huggingface_cache() {
  if (const std::string hub = environment("HF_HUB_CACHE"); !hub.empty()) return hub;
  if (const std::string home = environment("HF_HOME"); !home.empty()) return fs::path(home) / "hub";
  if (const std::string xdg = environment("XDG_CACHE_HOME"); !xdg.empty()) {
    return fs::path(xdg) / "huggingface" / "hub";
  }
  return fs::path(environment("HOME")) / ".cache" / "huggingface" / "hub";
}

fs::path model_directory(const std::string& model) {
  require(!model.empty(),
          "the name of the model is empty; give a directory, a Hugging Face name, demo or synth:SIZE");
  if (model == "demo") return demo_model_directory();
  if (is_existing_directory(model)) return model;
  std::error_code ignored;
  if (fs::exists(model, ignored)) {
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format("model {}: a file; give the directory that holds config.json and the weights", model));
  }
  const RepositoryName repository = parse_repository_name(model);
  if (!repository.is_well_formed()) {
    throw Error(ErrorCode::kNotFound, fmt::format("model {}: no such directory", model));
  }
  return cached_directory(repository, huggingface_cache());
}

fs::path tokenizer_location(const std::string& model, const std::string& tokenizer) {
  if (!tokenizer.empty()) return tokenizer;
  const fs::path directory = model.starts_with("synth:") ? demo_model_directory() : model_directory(model);
  std::error_code ignored;
  for (const char* name : {"tokenizer.json", "vocab.txt"}) {
    if (fs::exists(directory / name, ignored)) return directory / name;
  }
  for (const char* name : {"sentencepiece.bpe.model", "spiece.model", "tokenizer.model"}) {
    if (!fs::exists(directory / name, ignored)) continue;
    throw Error(
        ErrorCode::kUnsupported,
        fmt::format(
            "{} has {} but no tokenizer.json; write one with Transformers: python3 -c \"from transformers "
            "import AutoTokenizer as T; T.from_pretrained('{}').save_pretrained('{}')\"",
            directory.string(), name, directory.string(), directory.string()));
  }
  throw Error(ErrorCode::kNotFound,
              fmt::format("{} has no tokenizer.json; name one with --tokenizer", directory.string()));
}

fs::path demo_model_directory() {
  std::error_code ignored;
  return demo_model_directory(fs::read_symlink("/proc/self/exe", ignored), RERANK_DEMO_MODEL_DIR);
}

fs::path demo_model_directory(const fs::path& program, const fs::path& source) {
  if (const std::string named = environment("RERANK_DEMO_MODEL"); !named.empty()) {
    require(is_existing_directory(named),
            fmt::format("RERANK_DEMO_MODEL is {}, which is not a directory", named), ErrorCode::kNotFound);
    return named;
  }
  const fs::path prefix = program.parent_path().parent_path();
  fs::path installed = prefix / "share" / "rerank" / "models" / "demo";
  if (is_existing_directory(installed)) return installed;
  if (is_existing_directory(source)) return source;
  throw Error(ErrorCode::kNotFound,
              fmt::format("the demo model is neither in {} nor in {}; set RERANK_DEMO_MODEL to its directory",
                          installed.string(), source.string()));
}

}  // namespace rerank
