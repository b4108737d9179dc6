#include "checkpoint/safetensors_header.h"

#include "text/json_writer.h"

namespace rerank {
namespace {

const char* dtype_name(DataType type) {
  return type == DataType::kFloat32 ? "F32" : type == DataType::kBFloat16 ? "BF16" : "F16";
}

}  // namespace

std::uint64_t tensor_bytes(const TensorInfo& tensor) {
  std::uint64_t size_bytes = element_bytes(tensor.type);
  for (const std::int64_t dimension : tensor.shape) size_bytes *= static_cast<std::uint64_t>(dimension);
  return size_bytes;
}

std::string make_safetensors_header(std::span<const TensorInfo> tensors) {
  JsonWriter json;
  json.begin_object();
  // Transformers rejects files that do not name the framework that wrote them.
  json.key("__metadata__").begin_object().key("format").string("pt").end_object();
  std::uint64_t offset = 0;
  for (const TensorInfo& tensor : tensors) {
    const std::uint64_t end = offset + tensor_bytes(tensor);
    json.escaped_key(tensor.name).begin_object().key("dtype").string(dtype_name(tensor.type));
    json.key("shape").begin_array();
    for (const std::int64_t dimension : tensor.shape) json.number(dimension);
    json.end_array();
    json.key("data_offsets").begin_array();
    json.number(static_cast<std::int64_t>(offset)).number(static_cast<std::int64_t>(end));
    json.end_array().end_object();
    offset = end;
  }
  std::string text = json.end_object().take();
  text.append((8 - text.size() % 8) % 8, ' ');
  std::string out;
  for (int byte = 0; byte < 8; ++byte) out.push_back(static_cast<char>((text.size() >> (8 * byte)) & 0xff));
  return out + text;
}

}  // namespace rerank
