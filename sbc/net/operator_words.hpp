// What the operator's commands say, and what is kept of it in the state folder: devices, times.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sbc/net/control.hpp"

namespace postern::net {

/// The text of that name; empty: there is none.
std::string text_in(const ControlArguments& arguments, std::string_view name);
/// A user name that one word of a line can hold: printable, at most 128 bytes.
bool is_device(std::string_view text);
/// A whole number; 0: it is none.
std::int64_t number_in(std::string_view text);
/// Seconds since 1970.
std::int64_t seconds_now();
/// As `2026-01-01T12:00:00Z`.
std::string time_text(std::int64_t seconds);

}  // namespace postern::net
