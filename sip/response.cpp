// Responses of our own (RFC 3261 §8.2.6).
#include <algorithm>
#include <array>

#include "sip/editor.hpp"
#include "sip/via_edit.hpp"

namespace postern::sip {
namespace {

using std::string_view;

struct Phrase {
  int code;
  string_view text;
};

/// The IANA registry's phrases, by code.
constexpr std::array phrases{
    Phrase{100, "Trying"},
    Phrase{180, "Ringing"},
    Phrase{181, "Call Is Being Forwarded"},
    Phrase{182, "Queued"},
    Phrase{183, "Session Progress"},
    Phrase{199, "Early Dialog Terminated"},
    Phrase{200, "OK"},
    Phrase{202, "Accepted"},
    Phrase{204, "No Notification"},
    Phrase{300, "Multiple Choices"},
    Phrase{301, "Moved Permanently"},
    Phrase{302, "Moved Temporarily"},
    Phrase{305, "Use Proxy"},
    Phrase{380, "Alternative Service"},
    Phrase{400, "Bad Request"},
    Phrase{401, "Unauthorized"},
    Phrase{402, "Payment Required"},
    Phrase{403, "Forbidden"},
    Phrase{404, "Not Found"},
    Phrase{405, "Method Not Allowed"},
    Phrase{406, "Not Acceptable"},
    Phrase{407, "Proxy Authentication Required"},
    Phrase{408, "Request Timeout"},
    Phrase{410, "Gone"},
    Phrase{412, "Conditional Request Failed"},
    Phrase{413, "Request Entity Too Large"},
    Phrase{414, "Request-URI Too Long"},
    Phrase{415, "Unsupported Media Type"},
    Phrase{416, "Unsupported URI Scheme"},
    Phrase{417, "Unknown Resource-Priority"},
    Phrase{420, "Bad Extension"},
    Phrase{421, "Extension Required"},
    Phrase{422, "Session Interval Too Small"},
    Phrase{423, "Interval Too Brief"},
    Phrase{424, "Bad Location Information"},
    Phrase{428, "Use Identity Header"},
    Phrase{429, "Provide Referrer Identity"},
    Phrase{430, "Flow Failed"},
    Phrase{433, "Anonymity Disallowed"},
    Phrase{436, "Bad Identity-Info"},
    Phrase{437, "Unsupported Certificate"},
    Phrase{438, "Invalid Identity Header"},
    Phrase{439, "First Hop Lacks Outbound Support"},
    Phrase{440, "Max-Breadth Exceeded"},
    Phrase{469, "Bad Info Package"},
    Phrase{470, "Consent Needed"},
    Phrase{480, "Temporarily Unavailable"},
    Phrase{481, "Call/Transaction Does Not Exist"},
    Phrase{482, "Loop Detected"},
    Phrase{483, "Too Many Hops"},
    Phrase{484, "Address Incomplete"},
    Phrase{485, "Ambiguous"},
    Phrase{486, "Busy Here"},
    Phrase{487, "Request Terminated"},
    Phrase{488, "Not Acceptable Here"},
    Phrase{489, "Bad Event"},
    Phrase{491, "Request Pending"},
    Phrase{493, "Undecipherable"},
    Phrase{494, "Security Agreement Required"},
    Phrase{500, "Server Internal Error"},
    Phrase{501, "Not Implemented"},
    Phrase{502, "Bad Gateway"},
    Phrase{503, "Service Unavailable"},
    Phrase{504, "Server Time-out"},
    Phrase{505, "Version Not Supported"},
    Phrase{513, "Message Too Large"},
    Phrase{555, "Push Notification Service Not Supported"},
    Phrase{580, "Precondition Failure"},
    Phrase{600, "Busy Everywhere"},
    Phrase{603, "Decline"},
    Phrase{604, "Does Not Exist Anywhere"},
    Phrase{606, "Not Acceptable"},
    Phrase{607, "Unwanted"},
    Phrase{608, "Rejected"},
};

constexpr string_view content_length = "Content-Length: 0\r\n";

/// "Name: value" as it came, folds included, without the line end.
void append_field(const RawMessage& request, const HeaderLine& header, std::string& out) {
  out.append(request.text({header.line.begin, header.value.end}));
}

void append_top_via(const RawMessage& request, const ResponseParts& parts, const HeaderLine& header, std::string& out) {
  const string_view field = request.text({header.line.begin, header.value.end});
  const auto before = static_cast<std::size_t>(request.top_via.whole.data() - field.data());
  out.append(field.substr(0, before));
  append_with_received(out, request.top_via, parts.source_host, parts.source_port, false);
  out.append(field.substr(before + request.top_via.whole.size()));
}

}  // namespace

string_view reason_phrase_of(int status_code) {
  const auto* found =
      std::lower_bound(phrases.begin(), phrases.end(), status_code, [](const Phrase& phrase, int code) { return phrase.code < code; });
  return found != phrases.end() && found->code == status_code ? found->text : "Unknown";
}

void write_response(const RawMessage& request, const ResponseParts& parts, std::string& out) {
  out.clear();
  out.reserve(request.body_begin + parts.extra.size() + 256);
  out.append("SIP/2.0 ").append(std::to_string(parts.status_code)).append(" ").append(parts.reason_phrase).append("\r\n");
  bool top = true;
  for (const HeaderLine& header : request.header_lines()) {
    if (header.name != HeaderName::via) continue;
    if (top) {
      append_top_via(request, parts, header, out);
    } else {
      append_field(request, header, out);
    }
    out.append("\r\n");
    top = false;
  }
  for (const HeaderName name : {HeaderName::from, HeaderName::to, HeaderName::call_id, HeaderName::cseq}) {
    const HeaderLine* header = request.find(name);
    if (header == nullptr) continue;
    append_field(request, *header, out);
    if (name == HeaderName::to && parts.status_code != 100 && request.to_tag.empty() && !parts.to_tag.empty()) {
      out.append(";tag=").append(parts.to_tag);
    }
    out.append("\r\n");
  }
  out.append(parts.extra).append(content_length).append("\r\n");
}

bool write_response_within(std::size_t limit, const RawMessage& request, const ResponseParts& parts, std::string& out) {
  write_response(request, parts, out);
  if (out.size() <= limit) return true;
  out.erase(out.size() - content_length.size() - 2, content_length.size());
  return out.size() <= limit;
}

}  // namespace postern::sip
