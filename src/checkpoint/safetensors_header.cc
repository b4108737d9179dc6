// Writing the header of a safetensors file.
#include "checkpoint/safetensors_header.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

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
  boost::json::object header;
  // Transformers refuses a file that does not say which framework wrote it.
  header["__metadata__"] = boost::json::object{{"format", "pt"}};
  std::uint64_t offset = 0;
  for (const TensorInfo& tensor : tensors) {
    const std::uint64_t end = offset + tensor_bytes(tensor);
    boost::json::object entry;
    entry["dtype"] = dtype_name(tensor.type);
    entry["shape"] = boost::json::array(tensor.shape.begin(), tensor.shape.end());
    entry["data_offsets"] = boost::json::array{offset, end};
    header[tensor.name] = std::move(entry);
    offset = end;
  }
  std::string text = boost::json::serialize(header);
  text.append((8 - text.size() % 8) % 8, ' ');
  std::string out;
  for (int byte = 0; byte < 8; ++byte) out.push_back(static_cast<char>((text.size() >> (8 * byte)) & 0xff));
  return out + text;
}

}  // namespace rerank
