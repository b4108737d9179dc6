// Ranks two documents with the installed library and prints their scores as the program does, one a line.
#include <rerank/engine.h>
#include <rerank/version.h>

#include <charconv>
#include <cstdio>

int main(int argc, char** argv) {
  rerank::EngineOptions options;
  options.model = argc > 1 ? argv[1] : "demo";
  options.use_weight_cache = false;
  try {
    rerank::Engine engine(options);
    rerank::Request request;
    request.query = "edit photos";
    request.documents = {"image editor with layers and filters", "mail server for small sites"};
    for (const rerank::DocumentScore& document : engine.score(request).documents) {
      char digits[32];
      const std::to_chars_result end = std::to_chars(digits, digits + sizeof(digits), document.score);
      std::printf("%.*s\n", static_cast<int>(end.ptr - digits), digits);
    }
  } catch (const rerank::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
