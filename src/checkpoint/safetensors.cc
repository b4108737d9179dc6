#include "checkpoint/safetensors.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "rerank/error.h"
#include "text/json_view.h"

namespace rerank {
namespace {

constexpr std::size_t kLengthBytes = 8;
// The limit of the reference implementation.
constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;
constexpr std::string_view kAgain = "; download the file again";

std::uint64_t read_size(const JsonView& value) {
  const std::int64_t size = value.integer();
  if (size < 0) value.refuse(fmt::format("is {}, which is below 0", size));
  return static_cast<std::uint64_t>(size);
}

DataType read_type(const JsonView& value) {
  const std::string_view type = value.string();
  if (type == "BF16") return DataType::kBFloat16;
  if (type == "F16") return DataType::kFloat16;
  if (type == "F32") return DataType::kFloat32;
  value.unsupported(
      fmt::format("is {}: not supported; use a checkpoint in BF16, F16 or F32", value.quoted()));
}

// The offset counts from the beginning of the data.
SafetensorsEntry read_entry(std::string_view name, const JsonView& fields, std::size_t data_bytes) {
  fields.allow_only({"dtype", "shape", "data_offsets"}, "save the checkpoint with the safetensors library");
  SafetensorsEntry entry;
  entry.name = name;
  const JsonView type = fields.at("dtype"), shape = fields.at("shape"), offsets = fields.at("data_offsets");
  const bool is_integer = name.ends_with(kPositionIdsEnding) && type.string() == "I64";
  if (!is_integer) entry.type = read_type(type);
  std::uint64_t size_bytes = is_integer ? sizeof(std::int64_t) : element_bytes(entry.type);
  for (std::size_t i = 0; i < shape.array().size(); ++i) {
    const std::uint64_t size = read_size(shape.element(i));
    if (__builtin_mul_overflow(size_bytes, size, &size_bytes)) shape.refuse("is too large");
    entry.shape.push_back(static_cast<std::int64_t>(size));
  }
  if (offsets.array().size() != 2) offsets.refuse("should be a list of two numbers");
  const std::uint64_t begin = read_size(offsets.element(0)), end = read_size(offsets.element(1));
  if (begin > end || end > data_bytes) {
    offsets.refuse(
        fmt::format("are [{}, {}], outside the {} bytes of data in the file", begin, end, data_bytes));
  }
  if (end - begin != size_bytes) {
    fields.refuse(fmt::format("takes {} bytes, but shape [{}] of {} takes {}", end - begin,
                              fmt::join(entry.shape, ","), to_string(entry.type), size_bytes));
  }
  entry.offset = begin;
  entry.size_bytes = size_bytes;
  return entry;
}

void check_metadata(const JsonView& metadata) {
  for (const boost::json::key_value_pair& member : metadata.object()) metadata.member(member).string();
}

// Sorts by offset. Every byte of the data belongs to exactly one tensor, as the format demands.
void check_offsets(std::vector<SafetensorsEntry>& entries, const JsonView& header, std::size_t data_bytes) {
  std::sort(entries.begin(), entries.end(), [](const SafetensorsEntry& a, const SafetensorsEntry& b) {
    return std::pair(a.offset, a.size_bytes) < std::pair(b.offset, b.size_bytes);
  });
  std::size_t end = 0;
  for (const SafetensorsEntry& entry : entries) {
    const JsonView tensor = header.at(entry.name);
    if (entry.offset < end) tensor.refuse("overlaps the data of another tensor");
    if (entry.offset > end)
      tensor.refuse(fmt::format("has {} bytes before its data that belong to no tensor", entry.offset - end));
    end = entry.offset + entry.size_bytes;
  }
  if (end != data_bytes) {
    header.refuse(fmt::format("leaves the last {} bytes of the file to no tensor", data_bytes - end));
  }
}

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
        fmt::format("{}: not a safetensors file, or a damaged one: it states a header of {} bytes, above the "
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
  const JsonFile header(text, fmt::format("{}: header", name));
  const std::size_t data_begin = kLengthBytes + header_bytes, data_bytes = file.size() - data_begin;
  std::vector<SafetensorsEntry> entries;
  for (const boost::json::key_value_pair& member : header.object()) {
    const std::string_view key = member.key();
    if (key == "__metadata__") {
      check_metadata(header.member(member));
    } else {
      entries.push_back(read_entry(key, header.member(member), data_bytes));
    }
  }
  check_offsets(entries, header, data_bytes);
  std::erase_if(entries,
                [](const SafetensorsEntry& entry) { return entry.name.ends_with(kPositionIdsEnding); });
  for (SafetensorsEntry& entry : entries) entry.offset += data_begin;
  return entries;
}

SafetensorsFile::SafetensorsFile(const std::filesystem::path& path)
    : file_(path), entries_(parse_safetensors(file_.bytes(), path.string())) {}

TensorView SafetensorsFile::view(const SafetensorsEntry& entry) const {
  return {entry.type, entry.shape, file_.bytes().data() + entry.offset};
}

}  // namespace rerank
