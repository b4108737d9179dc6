// The alphabet in which byte-level vocabularies are written: one printable character for each of the 256
// bytes (GPT-2's table). Only the spelling; which bytes form a token is the vocabulary's business.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace rerank {

// The character that stands for this byte: itself if it is printable Latin-1, else one from U+0100 on.
char32_t byte_level_character(uint8_t byte);

// The bytes that `written` stands for; nothing if it holds a character outside the alphabet.
// REQUIRES: written is valid UTF-8.
std::optional<std::string> byte_level_bytes(std::string_view written);

// The other way round.
std::string byte_level_written(std::string_view bytes);

}  // namespace rerank
