#include "sbc/net/sip_framer.hpp"

#include <algorithm>

#include "sbc/net/content_length.hpp"
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
  const std::size_t body = body_size(text.substr(0, end)).value_or(0);
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
