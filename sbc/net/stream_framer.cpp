#include "sbc/net/stream_framer.hpp"

#include <algorithm>
#include <optional>

#include "sbc/net/content_length.hpp"
#include "sip/prescreen.hpp"

namespace postern::net {
namespace {

constexpr std::string_view crlf = "\r\n";
constexpr std::string_view two_crlf = "\r\n\r\n";
constexpr std::string_view protocol = "SIP/";

/// A letter, as methods and "SIP/2.0" begin with: TLS, HTTP/2 and most noise do not get further.
bool is_letter(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }

}  // namespace

StreamFramer::Piece StreamFramer::next(std::string_view octets) {
  if (octets.front() == '\r' || octets.front() == '\n') return line_ends(octets);
  line_ends_ = 0;
  if (size_ == 0) {
    if (const Piece piece = headers(octets); piece.kind == Kind::broken) return piece;
  }
  if (size_ == 0 || octets.size() < size_) return {};
  const std::size_t size = size_;
  searched_ = size_ = 0;
  begins_well_ = false;
  return {Kind::message, octets.substr(0, size)};
}

StreamFramer::Piece StreamFramer::line_ends(std::string_view octets) {
  const std::size_t size = std::min({octets.find_first_not_of(crlf), octets.size(), keep_alive_ping.size() - line_ends_});
  line_ends_ = (line_ends_ + static_cast<unsigned>(size)) % static_cast<unsigned>(keep_alive_ping.size());
  return {line_ends_ == 0 ? Kind::ping : Kind::keep_alive, octets.substr(0, size)};
}

/// Sets size_ as soon as the header section has ended.
StreamFramer::Piece StreamFramer::headers(std::string_view octets) {
  const Piece broken{Kind::broken, octets.substr(0, sip::Bounds::message)};
  const std::string_view section = octets.substr(0, sip::Bounds::header_section + two_crlf.size());
  if (!begins_well_) {
    const std::string_view line = section.substr(0, section.find('\n'));
    if (!is_letter(line.front())) return broken;
    if (line.size() < section.size()) {
      if (line.find(protocol) == std::string_view::npos) return broken;
      begins_well_ = true;
    }
  }
  const std::size_t end = section.find(two_crlf, searched_ < two_crlf.size() ? 0 : searched_ - (two_crlf.size() - 1));
  searched_ = section.size();
  if (end == std::string_view::npos) return section.size() < sip::Bounds::header_section + two_crlf.size() ? Piece{} : broken;
  const std::size_t head = end + two_crlf.size();
  const std::optional<std::size_t> body = body_size(octets.substr(0, end));
  // Without one, what follows may be a body or the next message (§18.3): what is judged is the header section.
  if (!body) return {Kind::broken, octets.substr(0, head)};
  if (*body > sip::Bounds::message - head) return broken;
  size_ = head + *body;
  return {};
}

}  // namespace postern::net
