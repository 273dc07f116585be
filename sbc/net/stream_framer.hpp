// The messages in a live stream of octets (RFC 3261 §18.3), strictly: what cannot be framed is the end of the stream.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace postern::net {

/// What asks whether the other end still listens, and what answers (RFC 5626 §3.5.1).
inline constexpr std::string_view keep_alive_ping = "\r\n\r\n";
inline constexpr std::string_view keep_alive_pong = "\r\n";

/// Holds no octets: the caller keeps what is incomplete and shows it again with what has come behind it.
class StreamFramer {
 public:
  enum class Kind : std::uint8_t {
    incomplete,  ///< it has not all come yet
    message,
    keep_alive,  ///< line ends between messages
    ping,        ///< the same, four of them since the last message: CRLF CRLF, which wants CRLF (RFC 5626 §3.5.1)
    broken,      ///< no SIP, or SIP whose end cannot be found; nothing behind it can be understood
  };
  struct Piece {
    Kind kind = Kind::incomplete;
    std::string_view bytes;  ///< of `broken`: what there is to be judged
  };

  /// What stands first in `octets`, which are not empty. After an incomplete piece they begin as they did then. A header section is
  /// searched for its end once, however it is cut into pieces.
  Piece next(std::string_view octets);

 private:
  Piece line_ends(std::string_view octets);
  Piece headers(std::string_view octets);

  std::size_t searched_ = 0;  ///< of an incomplete piece: so far there is no end of the header section
  std::size_t size_ = 0;      ///< of an incomplete piece: the whole message; 0: not known yet
  unsigned line_ends_ = 0;    ///< octets of line ends in a row, up to a ping
  bool begins_well_ = false;  ///< the start line was looked at
};

}  // namespace postern::net
