// RFC 4648 §5 without padding.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace postern::sbc {

/// A letter of the alphabet?
bool is_base64url(char letter);
void append_base64url(std::string& out, std::span<const std::uint8_t> bytes);
/// Decodes into `out` and returns how many bytes that were; nullopt: a letter outside the alphabet, non-canonical trailing bits,
/// or more than fits.
std::optional<std::size_t> decode_base64url(std::string_view text, std::span<std::uint8_t> out);

}  // namespace postern::sbc
