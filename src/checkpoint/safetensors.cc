#include "checkpoint/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/string.hpp>
#include <cstring>
#include <utility>

#include "rerank/error.h"
#include "text/strict_json.h"

namespace rerank {
namespace {

namespace json = boost::json;

constexpr std::size_t kLengthBytes = 8;
// The limit of the format's own library.
constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;
constexpr std::string_view kAgain = "; download the file again";

// Reads the entries of one header. `name_` and `tensor_` say in messages where it was.
class HeaderReader {
 public:
  HeaderReader(std::string_view name, std::size_t data_begin, std::size_t data_bytes)
      : name_(name), data_begin_(data_begin), data_bytes_(data_bytes) {}

  std::vector<SafetensorsEntry> read(const json::object& header) {
    std::vector<SafetensorsEntry> entries;
    for (const json::key_value_pair& pair : header) {
      tensor_.assign(pair.key().data(), pair.key().size());
      if (tensor_ == "__metadata__") {
        check_metadata(pair.value());
      } else {
        entries.push_back(read_entry(pair.value()));
      }
    }
    check_offsets(entries);
    std::erase_if(entries,
                  [](const SafetensorsEntry& entry) { return entry.name.ends_with(kPositionIdsEnding); });
    return entries;
  }

 private:
  [[noreturn]] void refuse(std::string_view what, std::string_view advice = kAgain,
                           ErrorCode code = ErrorCode::kInvalidArgument) const {
    throw Error(code, fmt::format("{}: tensor {}: {}{}", name_, shown_text(tensor_), what, advice));
  }

  void check_metadata(const json::value& value) const {
    bool good = value.is_object();
    if (good) {
      for (const json::key_value_pair& pair : value.get_object()) good = good && pair.value().is_string();
    }
    if (!good) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("{}: __metadata__ must be an object of strings{}", name_, kAgain));
    }
  }

  SafetensorsEntry read_entry(const json::value& value) const {
    if (!value.is_object()) refuse("its entry is not an object");
    const json::object& fields = value.get_object();
    for (const json::key_value_pair& pair : fields) {
      const std::string_view key(pair.key().data(), pair.key().size());
      if (key != "dtype" && key != "shape" && key != "data_offsets") {
        refuse(fmt::format("unknown field {}", shown_text(key)),
               "; save the checkpoint with the safetensors library", ErrorCode::kUnsupported);
      }
    }
    SafetensorsEntry entry;
    entry.name = tensor_;
    const bool is_integer = tensor_.ends_with(kPositionIdsEnding) && field(fields, "dtype") == "I64";
    if (!is_integer) entry.type = read_type(field(fields, "dtype"));
    const json::value& shape = field(fields, "shape");
    if (!shape.is_array()) refuse("shape is not a list");
    std::uint64_t size_bytes = is_integer ? sizeof(std::int64_t) : element_bytes(entry.type);
    for (const json::value& dimension : shape.get_array()) {
      const std::uint64_t size = read_size(dimension, "shape");
      if (__builtin_mul_overflow(size_bytes, size, &size_bytes)) refuse("its shape is too large");
      entry.shape.push_back(static_cast<std::int64_t>(size));
    }
    const json::value& offsets = field(fields, "data_offsets");
    if (!offsets.is_array() || offsets.get_array().size() != 2)
      refuse("data_offsets is not a list of two numbers");
    const std::uint64_t begin = read_size(offsets.get_array()[0], "data_offsets");
    const std::uint64_t end = read_size(offsets.get_array()[1], "data_offsets");
    if (begin > end || end > data_bytes_) {
      refuse(fmt::format("its data_offsets [{}, {}] are outside the {} bytes of data in the file", begin, end,
                         data_bytes_));
    }
    if (end - begin != size_bytes) {
      refuse(fmt::format("it takes {} bytes, but shape {} of {} takes {}", end - begin, shown_text(shape),
                         to_string(entry.type), size_bytes));
    }
    entry.offset = data_begin_ + begin;
    entry.size_bytes = size_bytes;
    return entry;
  }

  const json::value& field(const json::object& fields, std::string_view key) const {
    const json::value* value = fields.if_contains(key);
    if (value == nullptr) refuse(fmt::format("{} is missing", key));
    return *value;
  }

  DataType read_type(const json::value& value) const {
    if (!value.is_string()) refuse("dtype is not a string");
    const std::string_view type(value.get_string().data(), value.get_string().size());
    if (type == "BF16") return DataType::kBFloat16;
    if (type == "F16") return DataType::kFloat16;
    if (type == "F32") return DataType::kFloat32;
    refuse(fmt::format("dtype {} is not supported", shown_text(type)),
           "; use a checkpoint in BF16, F16 or F32", ErrorCode::kUnsupported);
  }

  std::uint64_t read_size(const json::value& value, std::string_view what) const {
    if (!value.is_int64() || value.get_int64() < 0) {
      refuse(fmt::format("{} has {}, which is no whole number from 0 to 2^63 - 1", what, shown_text(value)));
    }
    return static_cast<std::uint64_t>(value.get_int64());
  }

  // Sorts by offset. Every byte of the data belongs to exactly one tensor, as the format demands.
  void check_offsets(std::vector<SafetensorsEntry>& entries) {
    std::sort(entries.begin(), entries.end(), [](const SafetensorsEntry& a, const SafetensorsEntry& b) {
      return std::pair(a.offset, a.size_bytes) < std::pair(b.offset, b.size_bytes);
    });
    std::size_t end = data_begin_;
    for (const SafetensorsEntry& entry : entries) {
      tensor_ = entry.name;
      if (entry.offset < end) refuse("its data overlap those of another tensor");
      if (entry.offset > end)
        refuse(fmt::format("{} bytes before its data belong to no tensor", entry.offset - end));
      end = entry.offset + entry.size_bytes;
    }
    const std::size_t file_bytes = data_begin_ + data_bytes_;
    if (end != file_bytes) {
      throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: the last {} bytes belong to no tensor{}",
                                                           name_, file_bytes - end, kAgain));
    }
  }

  std::string_view name_;
  std::size_t data_begin_;
  std::size_t data_bytes_;
  std::string tensor_;
};

std::uint64_t read_header_bytes(std::span<const std::byte> file, std::string_view name) {
  constexpr std::string_view kPointer = "version https://git-lfs";
  if (file.size() >= kPointer.size() && std::memcmp(file.data(), kPointer.data(), kPointer.size()) == 0) {
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format("{}: only a pointer to the file, left by git; run `git lfs pull` in its directory",
                    name));
  }
  if (file.size() < kLengthBytes) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: cut off after {} bytes{}", name, file.size(), kAgain));
  }
  std::uint64_t header_bytes = 0;
  for (std::size_t i = 0; i < kLengthBytes; ++i) {
    header_bytes |= std::uint64_t{std::to_integer<std::uint8_t>(file[i])} << (8 * i);
  }
  if (header_bytes > kMaxHeaderBytes) {
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format("{}: no safetensors file, or a damaged one: it states a header of {} bytes, above the "
                    "limit of {}{}",
                    name, header_bytes, kMaxHeaderBytes, kAgain));
  }
  if (header_bytes > file.size() - kLengthBytes) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: cut off: its header takes {} bytes, but only {} follow{}", name,
                            header_bytes, file.size() - kLengthBytes, kAgain));
  }
  return header_bytes;
}

}  // namespace

std::vector<SafetensorsEntry> parse_safetensors(std::span<const std::byte> file, std::string_view name) {
  const std::uint64_t header_bytes = read_header_bytes(file, name);
  const std::string_view text(reinterpret_cast<const char*>(file.data()) + kLengthBytes, header_bytes);
  if (text.empty() || text.front() != '{') {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: its header does not start with {{{}", name, kAgain));
  }
  const json::value header = parse_strict_json(text, fmt::format("{}: header", name));
  const std::size_t data_begin = kLengthBytes + header_bytes;
  return HeaderReader(name, data_begin, file.size() - data_begin).read(header.get_object());
}

SafetensorsFile::SafetensorsFile(const std::filesystem::path& path)
    : file_(path), entries_(parse_safetensors(file_.bytes(), path.string())) {}

TensorView SafetensorsFile::view(const SafetensorsEntry& entry) const {
  return {entry.type, entry.shape, file_.bytes().data() + entry.offset};
}

}  // namespace rerank
