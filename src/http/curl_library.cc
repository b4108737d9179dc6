#include "http/curl_library.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include "rerank/error.h"

namespace rerank {
namespace {

constexpr const char* kLibrary = "libcurl.so.4";

template <typename Function>
void find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  if (function == nullptr) {
    throw Error(ErrorCode::kUnavailable, fmt::format("{} has no {}: install a newer one", kLibrary, name));
  }
}

CurlLibrary opened() {
  void* const library = dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);  // never closed: connections may outlive us
  if (library == nullptr) {
    throw Error(ErrorCode::kUnavailable,
                fmt::format("{}: install libcurl (Debian: libcurl4), which every request to a server needs",
                            dlerror()));
  }
  CurlLibrary curl;
  find(library, "curl_easy_init", curl.easy_init);
  find(library, "curl_easy_cleanup", curl.easy_cleanup);
  find(library, "curl_easy_reset", curl.easy_reset);
  find(library, "curl_easy_setopt", curl.easy_setopt);
  find(library, "curl_easy_getinfo", curl.easy_getinfo);
  find(library, "curl_easy_strerror", curl.easy_strerror);
  find(library, "curl_multi_init", curl.multi_init);
  find(library, "curl_multi_cleanup", curl.multi_cleanup);
  find(library, "curl_multi_add_handle", curl.multi_add_handle);
  find(library, "curl_multi_remove_handle", curl.multi_remove_handle);
  find(library, "curl_multi_perform", curl.multi_perform);
  find(library, "curl_multi_poll", curl.multi_poll);
  find(library, "curl_multi_wakeup", curl.multi_wakeup);
  find(library, "curl_multi_info_read", curl.multi_info_read);
  find(library, "curl_multi_strerror", curl.multi_strerror);
  find(library, "curl_slist_append", curl.slist_append);
  find(library, "curl_slist_free_all", curl.slist_free_all);
  // Once per process, before the first handle. There is no need to undo it.
  decltype(&::curl_global_init) global_init = nullptr;
  find(library, "curl_global_init", global_init);
  require(global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK, "libcurl cannot be initialised",
          ErrorCode::kUnavailable);
  return curl;
}

}  // namespace

const CurlLibrary& CurlLibrary::get() {
  static const CurlLibrary library = opened();
  return library;
}

}  // namespace rerank
