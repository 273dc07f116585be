#include "sbc/bodies.hpp"

#include <algorithm>
#include <array>

#include "sbc/sdp.hpp"
#include "sip/uri.hpp"

namespace postern::sbc {
namespace {

using std::string_view;

constexpr int deepest = 4;  // multiparts in multiparts; what is deeper is taken for text
constexpr std::array known_types{
    string_view{"application/simple-message-summary"},
    string_view{"application/dialog-info+xml"},
    string_view{"application/reginfo+xml"},
    string_view{"application/pidf+xml"},
    string_view{"application/pidf-diff+xml"},
    string_view{"application/xpidf+xml"},
    string_view{"application/cpim-pidf+xml"},
    string_view{"application/rpid+xml"},
    string_view{"application/rlmi+xml"},
    string_view{"application/watcherinfo+xml"},
    string_view{"application/conference-info+xml"},
    string_view{"application/resource-lists+xml"},
    string_view{"message/sipfrag"},
    string_view{"message/sip"},
    string_view{"message/cpim"},
};

std::size_t end_of_line(string_view text, std::size_t from) {
  const std::size_t end = text.find('\n', from);
  return end == string_view::npos ? text.size() : end + 1;
}

/// The next place of a delimiter line (RFC 2046 §5.1.1); npos: none.
std::size_t find_delimiter(string_view body, string_view delimiter, std::size_t from) {
  for (std::size_t at = from; (at = body.find(delimiter, at)) != string_view::npos; ++at) {
    if (at == 0 || body[at - 1] == '\n') return at;
  }
  return string_view::npos;
}

/// The value of a part's Content-Type, folds included; empty: none.
string_view content_type_in(string_view headers) {
  constexpr string_view name = "content-type";
  for (std::size_t at = 0; at < headers.size(); at = end_of_line(headers, at)) {
    const string_view line = headers.substr(at);
    if (line.size() <= name.size() || !sip::iequals(line.substr(0, name.size()), name)) continue;
    const std::size_t colon = line.find_first_not_of(" \t", name.size());
    if (colon == string_view::npos || line[colon] != ':') continue;
    std::size_t end = end_of_line(line, colon);
    while (end < line.size() && (line[end] == ' ' || line[end] == '\t')) end = end_of_line(line, end);
    return line.substr(colon + 1, end - colon - 1);
  }
  return {};
}

/// Where a part's headers end: behind the empty line. Without headers that is its first.
std::size_t end_of_headers(string_view part) {
  for (std::size_t at = 0; at < part.size();) {
    const std::size_t next = end_of_line(part, at);
    const string_view line = part.substr(at, next - at);
    if (line == "\r\n" || line == "\n") return next;
    at = next;
  }
  return part.size();
}

std::string delimiter_of(string_view content_type) {
  const std::size_t semicolon = content_type.find(';');
  if (semicolon == string_view::npos) return {};
  string_view boundary = sip::find_param(content_type.substr(semicolon), "boundary").value_or(string_view{});
  if (boundary.size() >= 2 && boundary.front() == '"' && boundary.back() == '"') boundary = boundary.substr(1, boundary.size() - 2);
  return boundary.empty() ? std::string{} : "--" + std::string(boundary);
}

}  // namespace

BodyKind body_kind(string_view content_type) {
  std::array<char, 48> buffer{};
  std::size_t size = 0;
  for (const char c : content_type.substr(0, content_type.find(';'))) {
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n') continue;  // "message / sipfrag" is legal (RFC 3261 §25.1)
    if (size == buffer.size()) return BodyKind::unknown;
    buffer[size++] = c;
  }
  const string_view type{buffer.data(), size};
  constexpr string_view multipart = "multipart/";
  if (sip::iequals(type.substr(0, multipart.size()), multipart)) return BodyKind::multipart;
  if (sip::iequals(type, "application/sdp")) return BodyKind::sdp;
  const bool known = std::ranges::any_of(known_types, [type](string_view one) { return sip::iequals(type, one); });
  return known ? BodyKind::known : BodyKind::unknown;
}

string_view content_type_of(const sip::RawMessage& message) {
  if (message.body().empty()) return {};
  const sip::HeaderLine* header = message.find(sip::HeaderName::content_type);
  return header == nullptr ? string_view{} : message.text(header->value);
}

void BodyVeil::append(std::string& out, string_view content_type, string_view body, int depth) {
  switch (body_kind(content_type)) {
    case BodyKind::unknown:
      out.append(body);
      return;
    case BodyKind::known:
      append_known(out, body);
      return;
    case BodyKind::sdp:
      append_sdp(out, body);
      return;
    case BodyKind::multipart:
      break;
  }
  const std::string delimiter = delimiter_of(content_type);
  if (delimiter.empty() || depth == deepest) {
    append_known(out, body);
  } else {
    append_parts(out, delimiter, body, depth + 1);
  }
}

// dialog-info names calls by their Call-ID and tags (RFC 4235 §4.1.1), and who picks one up writes them into a Replaces.
void BodyVeil::append_known(std::string& out, string_view body) {
  struct Name {
    string_view text;
    std::size_t at;  // the next; npos: there is no other
  };
  std::array<Name, 3> names{{{"call-id=\"", 0}, {"local-tag=\"", 0}, {"remote-tag=\"", 0}}};
  std::size_t done = 0;
  const auto find_from_done = [&](Name& name) {
    if (name.at != string_view::npos && (name.at < done || done == 0)) name.at = body.find(name.text, done);
  };
  while (true) {
    std::ranges::for_each(names, find_from_done);
    const Name& next = *std::ranges::min_element(names, {}, &Name::at);
    if (next.at == string_view::npos) break;
    const std::size_t begin = next.at + next.text.size();
    const string_view value = body.substr(begin, body.find('"', begin) - begin);
    veil_.append(out, body.substr(done, begin - done), access_);
    if (!names_.append_marked(out, value)) out.append(value);
    done = begin + value.size();
  }
  veil_.append(out, body.substr(done), access_);
}

void BodyVeil::append_sdp(std::string& out, string_view sdp) {
  const std::size_t begin = out.size();
  if (names_.media_address()) {
    append_with_media_address(out, sdp, names_, veil_, access_);
  } else {
    out.append(sdp);
  }
  if (!audio_inside_ && !is_inside(access_.peer.address)) audio_inside_ = sbc::audio_inside(string_view(out).substr(begin));
}

void BodyVeil::append_parts(std::string& out, string_view delimiter, string_view body, int depth) {
  std::size_t at = find_delimiter(body, delimiter, 0);
  veil_.append(out, body.substr(0, at), access_);
  while (at != string_view::npos) {
    const std::size_t begin = end_of_line(body, at);
    veil_.append(out, body.substr(at, begin - at), access_);
    at = find_delimiter(body, delimiter, begin);
    append_part(out, body.substr(begin, at == string_view::npos ? at : at - begin), depth);
  }
}

void BodyVeil::append_part(std::string& out, string_view part, int depth) {
  const std::size_t content = end_of_headers(part);
  const string_view headers = part.substr(0, content);
  veil_.append(out, headers, access_);
  append(out, content_type_in(headers), part.substr(content), depth);
}

}  // namespace postern::sbc
