// A message that passed both steps, edited as the proxy edits: what comes out is a message again. What is refused is answered.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "sip/editor.hpp"
#include "sip/message.hpp"
#include "sip/via_edit.hpp"

namespace {

using postern::sip::Bounds;
using postern::sip::Editor;
using postern::sip::HeaderLine;
using postern::sip::HeaderName;
using postern::sip::Prescreened;
using postern::sip::PrescreenResult;
using postern::sip::RawMessage;

void require(bool holds) {
  if (!holds) std::abort();
}

void check_answer(const RawMessage& m) {
  std::string out;
  postern::sip::write_response(m, {400, "Bad Request", "tag", "", "192.0.2.1", 5060}, out);
  require(out.starts_with("SIP/2.0 400 ") && out.ends_with("\r\nContent-Length: 0\r\n\r\n"));
}

void check_identity(const RawMessage& m, Editor& editor) {
  std::string out;
  editor.reset(m);
  require(editor.serialise(out) && out == m.bytes);
}

void check_edits(const RawMessage& m, Editor& editor) {
  editor.reset(m);
  editor.insert_before(*m.find(HeaderName::via), "Via", "SIP/2.0/UDP 198.51.100.1:5060;branch=z9hG4bKours");
  editor.replace(m.top_via.whole, postern::sip::with_received(m.top_via, "192.0.2.1", 5060, true));
  if (m.is_request) editor.replace(m.request_uri, "sip:1001@192.0.2.9:5066");
  for (const HeaderLine& header : m.header_lines()) {
    if (header.name == HeaderName::user_agent) editor.remove(header);
    if (header.name == HeaderName::contact) editor.replace(header.value, "<sip:1001~token@198.51.100.1>");
  }
  editor.append("X-Postern-Source", "192.0.2.1:5060");
  editor.replace_body("v=0\r\n");
  std::string out;
  if (!editor.serialise(out)) {
    require(m.bytes.size() > Bounds::message - 1024);
    return;
  }
  RawMessage again;
  const Prescreened found = postern::sip::prescreen(out, again);
  if (m.header_count > Bounds::header_lines - 3 || m.body_begin > Bounds::header_section - 1024) return;
  // Our Via may be the comma too many only if it were put into the line; it has a line of its own.
  require(found.result == PrescreenResult::message && again.body() == "v=0\r\n" && again.branch == "z9hG4bKours");
  require(again.call_id == m.call_id && again.cseq == m.cseq && again.from_tag == m.from_tag && again.to_tag == m.to_tag);
  require(postern::sip::check(again).ok());
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Editor editor;
  RawMessage m;
  const Prescreened found = postern::sip::prescreen({reinterpret_cast<const char*>(data), size}, m);
  if (found.answerable) check_answer(m);
  if (found.result != PrescreenResult::message) return 0;
  check_identity(m, editor);
  if (postern::sip::check(m).ok()) check_edits(m, editor);
  return 0;
}
