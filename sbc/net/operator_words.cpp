#include "sbc/net/operator_words.hpp"

#include <fmt/chrono.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <system_error>

namespace postern::net {
namespace {

constexpr std::size_t longest_device = 128;

}  // namespace

std::string text_in(const ControlArguments& arguments, std::string_view name) {
  const auto found = arguments.find(name);
  return found == arguments.end() ? std::string() : found->second;
}

bool is_device(std::string_view text) {
  return !text.empty() && text.size() <= longest_device && std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

std::int64_t number_in(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size() ? number : 0;
}

std::int64_t seconds_now() { return static_cast<std::int64_t>(std::time(nullptr)); }

std::string time_text(std::int64_t seconds) { return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(static_cast<std::time_t>(seconds))); }

}  // namespace postern::net
