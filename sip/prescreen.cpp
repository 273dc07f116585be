#include "sip/prescreen.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "sip/chars.hpp"
#include "sip/header_fields.hpp"
#include "sip/readers.hpp"
#include "sip/start_line.hpp"

namespace postern::sip {
namespace {

using std::string_view;

constexpr std::size_t leading_line_ends = 8;  // bytes of CR and LF before the start line that are passed over (§7.5)
static_assert(static_cast<unsigned>(HeaderName::x_postern) < 128);

/// One line: without its end, and where the next begins. Filled in place and never copied: this is the innermost loop.
struct Line {
  string_view text;
  std::size_t begin = 0;
  std::size_t next = 0;
  bool ended = false;  ///< by LF
  bool clean = false;  ///< by CRLF, and no other CR in it

  void read(string_view bytes, std::size_t at) {
    begin = at;
    const char* from = bytes.data() + at;
    const std::size_t left = bytes.size() - at;
    const auto* lf = static_cast<const char*>(std::memchr(from, '\n', left));
    ended = lf != nullptr;
    std::size_t size = ended ? static_cast<std::size_t>(lf - from) : left;
    next = at + size + (ended ? 1 : 0);
    clean = false;
    if (ended && size > 0 && from[size - 1] == '\r') {
      --size;
      clean = std::memchr(from, '\r', size) == nullptr;
    }
    text = {from, size};
  }
};

bool more_commas(string_view text, std::size_t most) {
  if (text.size() <= most) return false;
  std::size_t commas = 0;
  for (std::size_t at = text.find(','); at != string_view::npos; at = text.find(',', at + 1)) {
    if (++commas > most) return true;
  }
  return false;
}

class Scanner {
 public:
  Scanner(string_view bytes, RawMessage& out) : bytes_(bytes), section_(bytes.substr(0, Bounds::header_section)), out_(out) {
    out_.bytes = bytes;
    clear();
  }

  Prescreened run(Framing framing) {
    Line first;
    first.read(section_, 0);
    if (!looks_like_sip(first.text)) return {};
    out_.start_line = {0, static_cast<std::uint32_t>(first.text.size())};
    fail(read_start_line(first.text, out_));
    if (!first.clean) fail(Defect::control_character);
    scan(first.next);
    check_presence();
    frame(framing);
    if (defect_ == Defect::none) return {PrescreenResult::message, Defect::none, false};
    return {PrescreenResult::malformed, defect_, answerable()};
  }

 private:
  void clear();
  void fail(Defect defect) {
    if (defect_ == Defect::none) defect_ = defect;
  }
  void scan(std::size_t at);
  bool take_field(const Line& line);
  void take_folds(Line& field);
  void read_value(HeaderLine& header, bool clean);
  void check_presence();
  void frame(Framing framing);
  [[nodiscard]] bool seen(HeaderName name) const { return (seen_[index(name) / 64] >> (index(name) % 64) & 1U) != 0; }
  void see(HeaderName name) { seen_[index(name) / 64] |= std::uint64_t{1} << (index(name) % 64); }
  static std::size_t index(HeaderName name) { return static_cast<std::size_t>(name); }
  [[nodiscard]] bool answerable() const {
    return out_.is_request && out_.method != Method::ack && copyable_ && !out_.top_via.whole.empty() && seen(HeaderName::from) &&
           seen(HeaderName::to) && seen(HeaderName::call_id) && seen(HeaderName::cseq);
  }

  string_view bytes_;
  string_view section_;  ///< where the header section must end
  RawMessage& out_;
  Defect defect_ = Defect::none;
  std::array<std::uint64_t, 2> seen_{};
  string_view content_length_;
  bool copyable_ = true;  ///< no stray line end in what an answer copies
};

void Scanner::clear() {
  out_.is_request = false;
  out_.method = Method::other;
  out_.status_code = 0;
  out_.top_via = {};
  out_.from_host = out_.to_host = out_.request_host = {};
  out_.cseq = 0;
  out_.plain = true;
  out_.header_count = 0;
  out_.body_begin = bytes_.size();
  for (string_view* view : {&out_.method_text, &out_.request_uri, &out_.reason_phrase, &out_.branch, &out_.call_id, &out_.user_agent,
                            &out_.from_user, &out_.to_user, &out_.from_tag, &out_.to_tag, &out_.request_user}) {
    *view = {};
  }
}

void Scanner::scan(std::size_t at) {
  Line line;
  while (at < section_.size()) {
    line.read(section_, at);
    if (line.ended && line.text.empty()) {
      if (!line.clean) fail(Defect::control_character);
      out_.body_begin = line.next;
      // One look over the whole section: NUL is legal nowhere in it but in a quoted pair, and C strings end there.
      const string_view whole = section_.substr(0, line.next);
      if (whole.find('\0') != string_view::npos) fail(Defect::control_character);
      if (more_commas(whole, Bounds::commas)) fail(Defect::too_many_elements);
      return;
    }
    if (!line.ended) break;
    take_folds(line);
    if (!take_field(line)) return;
    at = line.next;
  }
  fail(bytes_.size() > section_.size() ? Defect::header_section_too_large : Defect::no_end);
}

/// Adds the lines that continue a field (§7.3.1). One of white space alone is refused: some take it for the empty line.
void Scanner::take_folds(Line& field) {
  Line fold;
  while (field.next < section_.size() && (section_[field.next] == ' ' || section_[field.next] == '\t')) {
    out_.plain = false;
    fold.read(section_, field.next);
    if (chars::all(fold.text, chars::blank)) fail(Defect::bad_header_line);
    field.clean = field.clean && fold.clean;
    field.next = fold.next;
    field.text = chars::between(field.text, fold.text);
  }
}

/// False: no more fields are taken.
bool Scanner::take_field(const Line& line) {
  if (!line.clean) fail(Defect::control_character);
  if (out_.header_count == Bounds::header_lines) {
    fail(Defect::too_many_headers);
    return false;
  }
  const std::size_t name_size = chars::run(line.text, chars::token);
  // Between the name and its colon white space may stand, but no fold.
  const std::size_t colon = name_size + chars::run(line.text.substr(name_size), chars::blank);
  if (name_size == 0 || colon >= line.text.size() || line.text[colon] != ':' ||
      line.text.substr(name_size, colon - name_size).find('\n') != string_view::npos) {
    fail(Defect::bad_header_line);
    return true;
  }
  HeaderLine& header = out_.headers[out_.header_count++];
  const string_view value = chars::trim(line.text.substr(colon + 1));
  const auto offset = [this](const char* at) { return static_cast<std::uint32_t>(at - bytes_.data()); };
  header.name = header_name_of(line.text.substr(0, name_size));
  header.line = {static_cast<std::uint32_t>(line.begin), static_cast<std::uint32_t>(line.next)};
  header.field_name = {header.line.begin, static_cast<std::uint32_t>(line.begin + name_size)};
  header.value = {offset(value.data()), offset(value.data() + value.size())};
  read_value(header, line.clean);
  return true;
}

void Scanner::read_value(HeaderLine& header, bool clean) {
  const string_view value = out_.text(header.value);
  // Seen even if it is refused for its commas: a second Via must not pass for the top one.
  const bool again = seen(header.name);
  see(header.name);
  if (more_commas(value, Bounds::commas_a_line)) return fail(Defect::too_many_elements);
  if (header.name == HeaderName::unknown) return;
  switch (header.name) {
    case HeaderName::via:
    case HeaderName::from:
    case HeaderName::to:
    case HeaderName::call_id:
    case HeaderName::cseq:
      copyable_ = copyable_ && clean;
      break;
    case HeaderName::content_length:
      content_length_ = value;
      break;
    default:
      break;
  }
  if (!again) return fail(read_header(header.name, value, out_));
  if (header.name == HeaderName::content_length) return fail(Defect::content_length);
  if (stands_once(header.name)) fail(Defect::repeated_header);
}

void Scanner::check_presence() {
  struct Needed {
    HeaderName name;
    Defect defect;
  };
  constexpr std::array needed{Needed{HeaderName::via, Defect::via}, Needed{HeaderName::from, Defect::from},
                              Needed{HeaderName::to, Defect::to}, Needed{HeaderName::call_id, Defect::call_id},
                              Needed{HeaderName::cseq, Defect::cseq}};
  for (const Needed& one : needed) {
    if (!seen(one.name)) fail(one.defect);
  }
}

/// The body is what Content-Length says; without one, all that is there (§18.3).
void Scanner::frame(Framing framing) {
  if (!seen(HeaderName::content_length)) {
    if (framing == Framing::content_length) fail(Defect::content_length);
    return;
  }
  const auto length = read_number(content_length_, Bounds::message);
  if (!length || *length > bytes_.size() - out_.body_begin) return fail(Defect::content_length);
  out_.bytes = bytes_.substr(0, out_.body_begin + *length);
}

bool is_keep_alive(string_view bytes) {
  if (bytes.empty() || bytes == "\r\n" || bytes == "\r\n\r\n") return true;
  return std::all_of(bytes.begin(), bytes.end(), [](char c) { return c == '\0'; });
}

/// RFC 8489 §5: a header of 20 bytes, the two top bits 0, the magic cookie.
bool is_stun(string_view bytes) {
  return bytes.size() >= 20 && (static_cast<unsigned char>(bytes[0]) & 0xC0U) == 0 && bytes.substr(4, 4) == "\x21\x12\xA4\x42";
}

}  // namespace

const HeaderLine* RawMessage::find(HeaderName name) const {
  for (const HeaderLine& header : header_lines()) {
    if (header.name == name) return &header;
  }
  return nullptr;
}

std::string_view to_string(Defect defect) {
  constexpr std::array<string_view, 20> names{"",
                                              "Start line",
                                              "SIP version",
                                              "Header section too large",
                                              "Too many headers",
                                              "Too many elements",
                                              "Header line",
                                              "Control character",
                                              "End of headers",
                                              "Content-Length",
                                              "Via",
                                              "From",
                                              "To",
                                              "Call-ID",
                                              "CSeq",
                                              "CSeq",
                                              "Repeated header",
                                              "Method",
                                              "Max-Forwards",
                                              "Status code"};
  return names[static_cast<std::size_t>(defect)];
}

Prescreened prescreen(string_view bytes, RawMessage& out, Framing framing) {
  if (is_keep_alive(bytes)) return {PrescreenResult::keep_alive, Defect::none, false};
  if (is_stun(bytes)) return {PrescreenResult::stun, Defect::none, false};
  std::size_t begin = 0;
  while (begin < bytes.size() && begin < leading_line_ends && (bytes[begin] == '\r' || bytes[begin] == '\n')) ++begin;
  bytes.remove_prefix(begin);
  if (bytes.empty() || bytes.size() > Bounds::message) return {};
  return Scanner(bytes, out).run(framing);
}

}  // namespace postern::sip
