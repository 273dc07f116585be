// The messages in a stream of octets (RFC 3261 §18.3), and the way back into it after something that was none.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace postern::net {

/// Bounded: holds at most one message of Bounds::message octets and what one append() adds to it.
class SipFramer {
 public:
  using Sink = std::function<void(std::string_view message)>;

  /// `in_step`: the stream is known from its beginning. Otherwise all is passed over until octets come that begin like a message.
  explicit SipFramer(bool in_step) : in_step_(in_step) {}

  /// What comes next in the stream; each whole message goes to the sink, line ends between messages as one keep-alive. What cannot be
  /// framed goes there as it is, once, and then all is passed over until a segment begins like a message.
  void append(std::string_view octets, const Sink& sink);
  /// Octets are missing: what was begun is lost.
  void gap();
  /// A message has begun and not ended.
  [[nodiscard]] bool inside() const { return !buffer_.empty(); }
  [[nodiscard]] std::size_t held() const { return buffer_.size(); }

 private:
  /// The size of what stands first in the text; 0: it has not all come yet.
  std::size_t frame(std::string_view text);

  std::string buffer_;
  std::size_t searched_ = 0;  ///< of the buffer, without an end of the header section
  bool in_step_;
};

}  // namespace postern::net
