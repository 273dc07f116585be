// Writing a message that differs from the one that came only where we say so.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sip/prescreen.hpp"

namespace postern::sip {

/// A list of edits over the bytes of a RawMessage, applied in one pass. Everything else is copied as it came.
/// Reused from message to message: reset() keeps the memory.
class Editor {
 public:
  void reset(const RawMessage& message);

  /// Replaces a span by text. Spans must not overlap; they may come in any order.
  void replace(Span span, std::string_view text);
  /// Replaces a view into the message (for what UriView and others give).
  void replace(std::string_view part, std::string_view text);
  void remove(const HeaderLine& header);
  /// Puts "Name: value CRLF" before a header line; several at one place keep their order.
  void insert_before(const HeaderLine& header, std::string_view name, std::string_view value);
  /// Behind the last header.
  void append(std::string_view name, std::string_view value);
  /// Replaces the body and with it Content-Length (added if it was absent).
  void replace_body(std::string_view body);
  /// Adds Content-Length if it is absent, and writes it plainly if it is folded: a datagram may leave it out, a stream may not
  /// (RFC 3261 §20.14), and not every reader of a stream knows folds.
  void state_length();

  /// Where edits' texts live: an edit's text is copied here, so callers may pass temporaries. Folds in a text for the header section
  /// (CRLF and white space, RFC 3261 §7.3.1) become their white space.
  /// False, and nothing usable in `out`, if such a text held any other CR, LF or NUL (nobody injects a header through us), edits
  /// overlapped, or the result is larger than Bounds::message.
  [[nodiscard]] bool serialise(std::string& out);
  /// Where in what serialise() wrote the header begins that was appended last; 0: none was.
  [[nodiscard]] std::size_t last_appended() const { return last_appended_at_; }

 private:
  struct Edit {
    Span span;
    std::uint32_t order = 0;
    std::uint32_t text_begin = 0;
    std::uint32_t text_end = 0;
  };
  void add(Span span, std::string_view text, bool header_text);
  void append_unfolded(std::string_view text);
  void add_line(std::uint32_t at, std::string_view name, std::string_view value);

  const RawMessage* message_ = nullptr;
  std::vector<Edit> edits_;
  std::string texts_;
  std::size_t lines_added_ = 0;
  std::size_t lines_removed_ = 0;
  std::size_t new_body_size_ = 0;
  std::uint32_t last_appended_ = 0;  ///< an edit's order
  std::size_t last_appended_at_ = 0;
  bool length_stated_ = false;  ///< by an edit
  bool bad_ = false;
};

/// A response that we make ourselves to a request (RFC 3261 §8.2.6): all Vias, From, To (with `to_tag` added if it has none and
/// the status is not 100), Call-ID, CSeq, then `extra` (whole header lines, each with its CRLF) and Content-Length: 0.
/// The top Via gets received and rport as RFC 3581 §4 has them, made from `source_host` and `source_port`.
struct ResponseParts {
  int status_code = 0;
  std::string_view reason_phrase;
  std::string_view to_tag;
  std::string_view extra;
  std::string_view source_host;  ///< without brackets
  std::uint16_t source_port = 0;
};
void write_response(const RawMessage& request, const ResponseParts& parts, std::string& out);
/// The same in at most `limit` bytes; what does not fit is tried without Content-Length (which a datagram may leave out, §18.3). False, and
/// nothing usable in `out`: it does not fit. For answers to whoever has not proved to be where the request says that it came from.
[[nodiscard]] bool write_response_within(std::size_t limit, const RawMessage& request, const ResponseParts& parts, std::string& out);
/// The standard phrase: 404 -> "Not Found"; "Unknown" if it has none.
std::string_view reason_phrase_of(int status_code);

}  // namespace postern::sip
