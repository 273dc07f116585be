#include "tests/replay/message_text.hpp"

#include <algorithm>
#include <cctype>
#include <set>

#include "sip/header_name.hpp"
#include "sip/uri.hpp"
#include "tests/replay/pattern.hpp"

namespace postern::replay {
namespace {

std::string name_of(const std::string& line) { return line.substr(0, line.find_first_of(": \t")); }

// Compact forms are the same header.
bool is_header(const std::string& line, std::string_view name) {
  return sip::iequals(name_of(line), name) ||
         (sip::header_name_of(name_of(line)) == sip::header_name_of(name) && sip::header_name_of(name) != sip::HeaderName::unknown);
}

bool has(const std::vector<std::string>& headers, std::string_view name) {
  return std::ranges::any_of(headers, [name](const std::string& line) { return is_header(line, name); });
}

// The lines up to the first empty one, and the body behind it.
std::string take_body(std::vector<std::string>& lines) {
  const auto empty = std::ranges::find(lines, "");
  std::string body;
  if (empty != lines.end()) {
    for (auto line = empty + 1; line != lines.end(); ++line) body += *line + "\r\n";
    lines.erase(empty, lines.end());
  }
  return body;
}

std::string joined(const std::vector<std::string>& lines, const std::string& body) {
  std::string out;
  for (const std::string& line : lines) out += line + "\r\n";
  return out + "\r\n" + body;
}

/// The names behind "- ", whose lines are taken out.
std::set<std::string> take_left_out(std::vector<std::string>& lines) {
  std::set<std::string> names;
  std::erase_if(lines, [&](const std::string& line) {
    if (!line.starts_with("- ")) return false;
    names.insert(line.substr(2));
    return true;
  });
  return names;
}

}  // namespace

std::string header_of(std::string_view bytes, std::string_view name) {
  for (const std::string& line : lines_of_message(bytes)) {
    if (line.empty()) break;
    if (is_header(line, name) && line.find(": ") != std::string::npos) return line.substr(line.find(": ") + 2);
  }
  return {};
}

std::string complete_request(std::vector<std::string> lines, const Sender& sender) {
  const std::string body = take_body(lines);
  const std::string method = lines.front().substr(0, lines.front().find(' '));
  const std::size_t uri = std::min(method.size() + 1, lines.front().size());
  std::set<std::string> left_out = take_left_out(lines);
  std::vector<std::string> written = lines;
  std::size_t at = 1;  // behind the Vias, which stand on top
  while (at < written.size() && is_header(written[at], "Via")) ++at;
  const auto add = [&](const std::string& name, const std::string& value) {
    if (has(written, name) || left_out.contains(name)) return;
    written.insert(written.begin() + static_cast<std::ptrdiff_t>(at++), name + ": " + value);
  };
  std::string cseq = std::to_string(sender.next_cseq), call_id;
  for (const std::string& line : written) {
    if (sip::iequals(name_of(line), "CSeq")) cseq = line.substr(6, line.find(' ', 6) - 6);
    if (sip::iequals(name_of(line), "Call-ID")) call_id = line.substr(9) + "-";
  }
  std::ranges::replace_if(call_id, [](unsigned char c) { return std::isalnum(c) == 0; }, '-');
  // The ACK to a non-2xx and a CANCEL belong to the INVITE's transaction, and its CSeq number says so.
  if (at > 1) left_out.insert("Via");
  add("Via", "SIP/2.0/" + sender.via + " " + sender.address + ";branch=z9hG4bK-" + sender.name + "-" + call_id + cseq);
  add("Max-Forwards", "70");
  add("From", "<sip:" + sender.name + "@example.com>;tag=" + sender.name + "-tag");
  add("To", "<" + lines.front().substr(uri, lines.front().find(' ', uri) - uri) + ">");
  add("Call-ID", sender.name + "-call");
  add("CSeq", cseq + " " + method);
  at = written.size();
  add("Content-Length", std::to_string(body.size()));
  return joined(written, body);
}

std::string answer_to(std::string_view request, const std::string& status_line, const std::string& tag, std::vector<std::string> lines) {
  const std::string body = take_body(lines);
  const std::set<std::string> left_out = take_left_out(lines);
  std::vector<std::string> written{"SIP/2.0 " + status_line};
  for (const std::string& line : lines_of_message(request)) {
    if (line.empty()) break;
    for (const std::string_view copied : {"Via", "Record-Route", "From", "To", "Call-ID", "CSeq"}) {
      if (!is_header(line, copied) || (copied != "Via" && has(lines, copied))) continue;
      const bool tagged = copied != "To" || tag.empty() || line.find(";tag=") != std::string::npos;
      written.push_back(line + (tagged ? "" : ";tag=" + tag));
    }
  }
  written.insert(written.end(), lines.begin(), lines.end());
  if (!has(written, "Content-Length") && !left_out.contains("Content-Length"))
    written.push_back("Content-Length: " + std::to_string(body.size()));
  return joined(written, body);
}

}  // namespace postern::replay
