// A dialect: the format of requests and replies of one kind of client, as data and one function. Each has its
// own file in this folder; dialects.cc has the only list of them.
#pragma once

#include <span>
#include <string_view>

#include "api/api_error.h"
#include "api/openapi_schemas.h"
#include "api/request_fields.h"
#include "api/routes.h"
#include "api/scoring_call.h"

namespace rerank::api {

class ReplyWriter;

// Whether a reply contains the texts of the documents.
enum class Echo {
  kNever,
  kOnRequest,  // if return_documents, return_text or return_input is true
  kByDefault,  // unless one of them is false
  kAlways,
};

struct Dialect {
  std::string_view name;                // of --reply-format
  std::string_view clients;             // for documentation: "Cohere, Jina and vLLM"
  std::span<const Route> routes;        // requests to them are in this dialect
  std::span<const Field> selectors;     // so are requests with any of these fields
  Field documents = Field::kDocuments;  // the field in which its clients send the documents
  Echo echo = Echo::kByDefault;
  bool best_first = true;  // otherwise in the order of the request, regardless of top_n
  // Of a request that does not ask for logits. kSigmoid is for models that declare logits, where the server
  // or the API that the clients know promises 0 to 1; a model that declares a sigmoid of its own keeps that.
  Activation activation = Activation::kModel;
  int num_lists = 1;  // how many times the reply lists the documents
  ErrorStyle error_style = ErrorStyle::kObject;
  std::string_view model_owner = "rerank.cpp";  // in the list of models at its routes
  NamedSchema reply;                            // its schema; dialects may share one
  void (*write)(ReplyWriter& reply);
  // Its row in the table of reply formats in docs/api.md: what selects it, and what the reply looks like.
  std::string_view documented_request;
  std::string_view documented_reply;
};

}  // namespace rerank::api
