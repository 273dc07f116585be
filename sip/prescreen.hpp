// The first look at a datagram: linear, allocation-free, and the place where every bound is enforced
// before sofia-sip (quadratic or recursive past them) sees a byte.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "sip/header_name.hpp"
#include "sip/method.hpp"
#include "sip/uri.hpp"

namespace postern::sip {

/// docs/adr: why these numbers.
struct Bounds {
  static constexpr std::size_t message = 65'535;
  static constexpr std::size_t header_section = std::size_t{16} * 1024;
  static constexpr std::size_t header_lines = 128;
  static constexpr std::size_t user_agent = 512;  ///< what is looked at of it
  static constexpr std::size_t commas_a_line = 64;
  static constexpr std::size_t commas = 192;  ///< in the whole header section: parsing an element costs far more than a byte
};

/// One header field; folded lines (§7.3.1) belong to the field that they continue.
struct HeaderLine {
  HeaderName name = HeaderName::unknown;
  Span line;        ///< from the name to past the CRLF
  Span field_name;  ///< as written
  Span value;       ///< without the white space around it; folds are inside as they came
};

/// Of a URI.
struct UriHost {
  std::string_view whole;  ///< with its port
  std::string_view host;   ///< IPv6 with its brackets
  std::uint16_t port = 0;  ///< 0: none given
};

/// Views into a message that passed the prescreen. Valid as long as the bytes are.
struct RawMessage {
  std::string_view bytes;  ///< the message: header section and body as framed by Content-Length (octets past it are cut off, §18.3)
  bool is_request = false;
  Method method = Method::other;  ///< of a response: the CSeq's
  std::string_view method_text;   ///< of a response: the CSeq's
  std::string_view request_uri;   ///< requests
  int status_code = 0;            ///< responses: 100..699
  std::string_view reason_phrase;
  Span start_line;  ///< without the CRLF
  ViaView top_via;
  std::string_view branch;  ///< of the top Via; empty: RFC 2543
  std::string_view call_id;
  std::uint32_t cseq = 0;
  std::string_view user_agent;          ///< User-Agent of a request, else empty; longer than 512 bytes: cut
  std::string_view from_user, to_user;  ///< of sip:, sips: and tel: URIs (there with its parameters), else empty
  std::string_view from_tag, to_tag;    ///< empty: none
  UriHost from_host, to_host;           ///< empty unless they are plainly written (sip/plain.hpp)
  std::string_view request_user;        ///< user of a sip:/sips: Request-URI
  UriHost request_host;                 ///< of a sip:/sips: Request-URI, else empty
  bool plain = false;  ///< the start line and the first Via, From and To are plainly written (sip/plain.hpp), and no field is folded
  std::size_t header_count = 0;
  union {
    /// The first header_count; the rest is not initialised (in a union, which leaves alone what the constructor does not name).
    std::array<HeaderLine, Bounds::header_lines> headers;
  };
  std::size_t body_begin = 0;  ///< offset of the body

  RawMessage() {}  // NOLINT: `headers` stays uninitialised on purpose (4 KB a packet)

  [[nodiscard]] std::span<const HeaderLine> header_lines() const { return {headers.data(), header_count}; }
  [[nodiscard]] std::string_view text(Span span) const { return bytes.substr(span.begin, span.size()); }
  /// Whom a request says that it comes from, as it stands there: who registers, else the user of From.
  [[nodiscard]] std::string_view claimed_user() const { return method == Method::register_ ? to_user : from_user; }
  [[nodiscard]] std::string_view body() const { return bytes.substr(body_begin); }
  /// The first header of that name, or nullptr.
  [[nodiscard]] const HeaderLine* find(HeaderName name) const;
  /// Does holds(element) for an element of Via below the top one?
  template <class Predicate>
  [[nodiscard]] bool any_via_below_top(Predicate&& holds) const {
    bool top = true;
    for (const HeaderLine& header : header_lines()) {
      if (header.name != HeaderName::via) continue;
      std::string_view value = text(header.value);
      if (top) value.remove_prefix(static_cast<std::size_t>(top_via.whole.data() - value.data()) + top_via.whole.size());
      top = false;
      ElementReader reader(value);
      while (const auto element = reader.next()) {
        if (holds(*element)) return true;
      }
    }
    return false;
  }
};

/// What a datagram is.
enum class PrescreenResult : std::uint8_t {
  message,     ///< `out` is filled
  keep_alive,  ///< CRLF, CRLFCRLF, or zero bytes, or only NULs (a few devices)
  stun,        ///< RFC 8489 §5: the two top bits 0 and the magic cookie
  garbage,     ///< does not begin like SIP: silence
  malformed,   ///< begins like SIP but breaks a rule; `defect` says which
};

/// Why a message is malformed; each is answerable if it is a request whose Via, From, To, Call-ID and CSeq could be read.
enum class Defect : std::uint8_t {
  none,
  start_line,
  version,
  header_section_too_large,
  too_many_headers,
  too_many_elements,
  bad_header_line,
  control_character /* NUL or bare CR in the header section */,
  no_end /* the empty line is missing */,
  content_length /* absent where required, inconsistent, not a number, past the end */,
  via,
  from,
  to,
  call_id,
  cseq,
  cseq_method /* differs from the request's */,
  repeated_header /* two of a header that may stand once */,
  method /* a method that the parser cannot take: 501 */,
  max_forwards,
  status_code,
};
/// The header or part to name in a 400 ("Content-Length", "CSeq" ...).
std::string_view to_string(Defect defect);

struct Prescreened {
  PrescreenResult result = PrescreenResult::garbage;
  Defect defect = Defect::none;
  bool answerable =
      false;  ///< malformed, but `out` has what an answer copies (all of Via, From, To, Call-ID, CSeq and it is a request, not an ACK)
};

/// What ends a message: the datagram, or its Content-Length, which a stream's messages must have (RFC 3261 §18.3, §20.14).
enum class Framing : std::uint8_t { datagram, content_length };

/// Looks at one datagram (or one framed stream message). `out` is filled as far as reading got.
Prescreened prescreen(std::string_view bytes, RawMessage& out, Framing framing = Framing::datagram);

}  // namespace postern::sip
