// What a scenario leaves out of a message is filled in, so that a scenario shows what it is about.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace postern::replay {

/// A header of a message's lines, by its long name without case; "" if there is none.
std::string header_of(std::string_view bytes, std::string_view name);

struct Sender {
  std::string name;     ///< of the party
  std::string address;  ///< "192.0.2.1:5060"
  int next_cseq = 1;
  std::string via = "UDP";  ///< the transport, as a Via names it
};

/// A request from its lines: Via, Max-Forwards, From, To, Call-ID, CSeq and Content-Length are added where they are missing. A line
/// "- Name" leaves that one out.
std::string complete_request(std::vector<std::string> lines, const Sender& sender);
/// An answer to `request`: Via, Record-Route, From, To (with `tag`), Call-ID and CSeq are copied, Content-Length is added.
std::string answer_to(std::string_view request, const std::string& status_line, const std::string& tag, std::vector<std::string> lines);

}  // namespace postern::replay
