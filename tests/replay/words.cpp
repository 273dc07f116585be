#include "tests/replay/words.hpp"

#include <fmt/format.h>

#include <charconv>

#include "sbc/outcome.hpp"
#include "tests/replay/script.hpp"

namespace postern::replay {

int number_of(const std::string& text, int line) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) throw Failure(line, "\"" + text + "\" is no number");
  return value;
}

sbc::Endpoint endpoint_of(const std::string& text, int line) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) throw Failure(line, "an endpoint is ADDRESS:PORT");
  std::string host = text.substr(0, colon);
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  const auto address = acl::Address::parse(host);
  if (!address) throw Failure(line, "\"" + host + "\" is no address");
  return {*address, static_cast<std::uint16_t>(number_of(text.substr(colon + 1), line))};
}

std::chrono::milliseconds duration_of(const std::string& text, int line) {
  const std::size_t unit = text.find_first_not_of("0123456789");
  const int value = number_of(text.substr(0, unit), line);
  const std::string word = unit == std::string::npos ? "" : text.substr(unit);
  if (word == "ms") return std::chrono::milliseconds{value};
  if (word == "s") return std::chrono::seconds{value};
  if (word == "m") return std::chrono::minutes{value};
  if (word == "h") return std::chrono::hours{value};
  throw Failure(line, "a duration is 500ms, 30s, 10m or 1h");
}

std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    const char c = text[++i];
    if (c == 'x' && i + 2 < text.size()) {
      out += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
      i += 2;
      continue;
    }
    out += c == 'r' ? '\r' : c == 'n' ? '\n' : c == '0' ? '\0' : c;
  }
  return out;
}

std::string escaped(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
  return out;
}

std::size_t outcome_index(const std::string& word, int line) {
  for (std::size_t i = 0; i < sbc::outcome_count; ++i) {
    if (sbc::outcome_table.at(i).word == word) return i;
  }
  throw Failure(line, "\"" + word + "\" is no outcome");
}

}  // namespace postern::replay
