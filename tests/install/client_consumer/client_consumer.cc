// Scores two documents on the server at the URL that it is given, and prints the scores as the program does,
// one a line.
#include <rerank/client.h>
#include <rerank/settings.h>
#include <rerank/version.h>

#include <charconv>
#include <cstdio>

int main(int argc, char** argv) {
  rerank::SettingsOptions settings;
  if (argc > 1) settings.flags["url"] = argv[1];
  try {
    const rerank::Client client(rerank::client_options(rerank::Settings::load(settings)));
    const rerank::RerankReply reply =
        client.rerank("edit photos", {"image editor with layers and filters", "mail server for small sites"});
    for (const float score : reply.scores) {
      char digits[32];
      const std::to_chars_result end = std::to_chars(digits, digits + sizeof(digits), score);
      std::printf("%.*s\n", static_cast<int>(end.ptr - digits), digits);
    }
  } catch (const rerank::ClientError& error) {
    std::fprintf(stderr, "%s (status %d)\n", error.what(), error.status());
    return 1;
  } catch (const rerank::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
