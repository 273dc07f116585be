#include "sip/local_request.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

namespace postern::sip {
namespace {

using std::string_view;

/// Request line and Via: a request of our own has one Via, the top one of the INVITE.
void begin_request(const RawMessage& sent_invite, string_view method, std::string& out) {
  out.append(method)
      .append(" ")
      .append(sent_invite.request_uri)
      .append(" SIP/2.0\r\nVia: ")
      .append(sent_invite.top_via.whole)
      .append("\r\n");
}

void append_lines(const RawMessage& from, HeaderName name, std::string& out) {
  for (const HeaderLine& header : from.header_lines()) {
    if (header.name == name) out += from.text(header.line);
  }
}

void end_request(const RawMessage& sent_invite, string_view method, string_view extra, std::string& out) {
  std::array<char, 10> number{};
  const char* end = std::to_chars(number.data(), number.data() + number.size(), sent_invite.cseq).ptr;
  const string_view cseq{number.data(), static_cast<std::size_t>(end - number.data())};
  append_lines(sent_invite, HeaderName::call_id, out);
  out.append("CSeq: ").append(cseq).append(" ").append(method).append("\r\n");
  append_lines(sent_invite, HeaderName::route, out);
  out.append(extra).append("Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n");
}

bool all_of_alphabet(string_view text, bool letters) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [letters](char c) {
    const bool digit = c >= '0' && c <= '9';
    return digit || (letters && ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.' || c == '-'));
  });
}

}  // namespace

void write_ack(const RawMessage& sent_invite, const RawMessage& response, std::string& out) {
  begin_request(sent_invite, "ACK", out);
  append_lines(sent_invite, HeaderName::from, out);
  append_lines(response, HeaderName::to, out);
  end_request(sent_invite, "ACK", {}, out);
}

void write_cancel(const RawMessage& sent_invite, string_view extra, std::string& out) {
  begin_request(sent_invite, "CANCEL", out);
  append_lines(sent_invite, HeaderName::from, out);
  append_lines(sent_invite, HeaderName::to, out);
  end_request(sent_invite, "CANCEL", extra, out);
}

void write_in_dialog(const RawMessage& sent_invite, const RawMessage& response, const InDialog& request, std::string& out) {
  string_view target = sent_invite.request_uri;
  const HeaderLine* contact = response.find(HeaderName::contact);
  const auto element = contact != nullptr ? ElementReader(response.text(contact->value)).next() : std::nullopt;
  const auto address = element ? NameAddrView::parse(*element) : std::nullopt;
  if (address && UriView::parse(address->uri)) target = address->uri;
  out.append(request.method).append(" ").append(target).append(" SIP/2.0\r\nVia: SIP/2.0/").append(sent_invite.top_via.transport);
  out.append(" ").append(sent_invite.top_via.sent_by).append(";branch=").append(request.branch).append("\r\n");
  append_lines(response, HeaderName::from, out);
  append_lines(response, HeaderName::to, out);
  append_lines(response, HeaderName::call_id, out);
  out.append("CSeq: ").append(std::to_string(request.cseq)).append(" ").append(request.method).append("\r\n");
  std::vector<string_view> routes;
  for (const HeaderLine& header : response.header_lines()) {
    if (header.name != HeaderName::record_route) continue;
    ElementReader reader(response.text(header.value));
    while (const auto route = reader.next()) routes.push_back(*route);
  }
  for (auto route = routes.rbegin(); route != routes.rend(); ++route) out.append("Route: ").append(*route).append("\r\n");
  out.append("Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n");
}

void append_reasons(const RawMessage& request, std::string& out) {
  constexpr std::size_t longest_protocol = 16;
  constexpr int most = 4;
  int written = 0;
  for (const HeaderLine& header : request.header_lines()) {
    if (header.name != HeaderName::reason) continue;
    ElementReader reader(request.text(header.value));
    for (auto element = reader.next(); element && written < most; element = reader.next()) {
      string_view protocol = element->substr(0, element->find(';'));
      const auto cause = find_param(element->substr(protocol.size()), "cause");
      while (protocol.ends_with(' ') || protocol.ends_with('\t')) protocol.remove_suffix(1);
      if (protocol.size() > longest_protocol || !all_of_alphabet(protocol, true)) continue;
      if (!cause || cause->size() > 3 || !all_of_alphabet(*cause, false)) continue;
      out.append("Reason: ").append(protocol).append(";cause=").append(*cause);
      if (iequals(protocol, "SIP") && *cause == "200") out += ";text=\"Call completed elsewhere\"";
      out += "\r\n";
      ++written;
    }
  }
}

}  // namespace postern::sip
