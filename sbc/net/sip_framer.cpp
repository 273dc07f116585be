#include "sbc/net/sip_framer.hpp"

#include <algorithm>
#include <charconv>

#include "sip/header_name.hpp"
#include "sip/method.hpp"
#include "sip/prescreen.hpp"

namespace postern::net {
namespace {

constexpr std::string_view line_end = "\r\n";
constexpr std::string_view section_end = "\r\n\r\n";

bool begins_like_a_message(std::string_view text) {
  if (text.starts_with("SIP/2.0 ")) return true;
  const std::size_t space = text.find(' ');
  return space != std::string_view::npos && sip::method_of(text.substr(0, space)) != sip::Method::other;
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view blank = " \t";
  const std::size_t begin = text.find_first_not_of(blank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(blank) - begin + 1);
}

/// Of the header section's first Content-Length; 0 without one, more than any message may have where it is no number.
std::size_t body_size(std::string_view head) {
  while (!head.empty()) {
    const std::size_t end = std::min(head.find(line_end), head.size());
    const std::string_view line = head.substr(0, end);
    head.remove_prefix(std::min(end + line_end.size(), head.size()));
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || sip::header_name_of(trim(line.substr(0, colon))) != sip::HeaderName::content_length) continue;
    const std::string_view value = trim(line.substr(colon + 1));
    std::size_t size = 0;
    const auto [last, error] = std::from_chars(value.data(), value.data() + value.size(), size);
    return error == std::errc{} && last == value.data() + value.size() ? size : sip::Bounds::message + 1;
  }
  return 0;
}

}  // namespace

void SipFramer::gap() {
  buffer_.clear();
  searched_ = 0;
  in_step_ = false;
}

std::size_t SipFramer::frame(std::string_view text) {
  if (text[0] == '\r' || text[0] == '\n') return std::min(text.find_first_not_of(line_end), text.size());
  const std::size_t from = searched_ < section_end.size() ? 0 : searched_ - section_end.size();
  const std::size_t end = text.find(section_end, from);
  if (end == std::string_view::npos || end > sip::Bounds::header_section) {
    searched_ = text.size();
    if (text.size() <= sip::Bounds::header_section) return 0;
    in_step_ = false;
    return text.size();
  }
  const std::size_t head = end + section_end.size();
  const std::size_t body = body_size(text.substr(0, end));
  if (body > sip::Bounds::message - head) {
    in_step_ = false;
    return text.size();
  }
  return head + body <= text.size() ? head + body : 0;
}

void SipFramer::append(std::string_view octets, const Sink& sink) {
  if (!in_step_) {
    if (!begins_like_a_message(octets)) return;
    in_step_ = true;
  }
  buffer_.append(octets);
  std::size_t taken = 0;
  while (taken < buffer_.size()) {
    const std::string_view rest = std::string_view(buffer_).substr(taken);
    const std::size_t size = frame(rest);
    if (size == 0) break;
    sink(rest.substr(0, size));
    taken += size;
    searched_ = 0;
  }
  buffer_.erase(0, taken);
}

}  // namespace postern::net
