// The alphabet in which byte-level vocabularies are written: one printable character for each of the 256
// bytes (GPT-2's table). Which bytes form a token is up to the vocabulary.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace rerank {

// The character for this byte: the same one if it is printable Latin-1, otherwise one from U+0100 on.
char32_t byte_level_character(uint8_t byte);

// The bytes that `written` represents; nullopt if it contains a character outside the alphabet. REQUIRES:
// written is valid UTF-8.
std::optional<std::string> byte_level_bytes(std::string_view written);

// The inverse of byte_level_bytes.
std::string byte_level_written(std::string_view bytes);

}  // namespace rerank
