// Any bytes: the prescreen and every view that it fills stay inside of them.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "sip/glance.hpp"
#include "sip/prescreen.hpp"

namespace {

using postern::sip::RawMessage;
using std::string_view;

void require(bool holds) {
  if (!holds) std::abort();
}

void inside(string_view bytes, string_view part) {
  if (part.data() == nullptr) return;
  require(part.data() >= bytes.data() && part.data() + part.size() <= bytes.data() + bytes.size());
}

void check_views(string_view bytes, const RawMessage& m) {
  for (const string_view part : {m.bytes,           m.method_text,       m.request_uri,        m.reason_phrase,     m.branch,
                                 m.call_id,         m.user_agent,        m.from_user,          m.to_user,           m.from_tag,
                                 m.to_tag,          m.request_user,      m.request_host.whole, m.request_host.host, m.top_via.whole,
                                 m.top_via.version, m.top_via.transport, m.top_via.sent_by,    m.top_via.host,      m.top_via.params}) {
    inside(bytes, part);
  }
  require(m.body_begin <= m.bytes.size());
  std::size_t at = m.start_line.end;
  for (const auto& header : m.header_lines()) {
    require(at <= header.line.begin && header.line.begin == header.field_name.begin && header.field_name.end <= header.value.begin);
    require(header.value.begin <= header.value.end && header.value.end <= header.line.end && header.line.end <= m.body_begin);
    at = header.line.end;
  }
}

/// What is seen at a glance is what is read.
void check_glance(string_view bytes, const RawMessage& m) {
  const auto seen = postern::sip::glance(bytes);
  if (!seen) return;
  require(m.is_request && seen->method == m.method && seen->method_text == m.method_text);
  const auto user_agent = postern::sip::glance_user_agent(bytes, *seen);
  require(!user_agent || *user_agent == m.user_agent);
}

void check_elements(string_view bytes, string_view value) {
  using postern::sip::ElementReader;
  using postern::sip::NameAddrView;
  using postern::sip::UriView;
  using postern::sip::ViaView;
  ElementReader reader(value);
  while (const auto element = reader.next()) {
    inside(bytes, *element);
    if (const auto address = NameAddrView::parse(*element)) {
      for (const string_view part : {address->whole, address->display, address->uri, address->params}) inside(bytes, part);
      inside(bytes, address->param("tag").value_or(string_view{}));
      if (const auto uri = UriView::parse(address->uri)) {
        for (const string_view part : {uri->user, uri->password, uri->host, uri->port_text, uri->params, uri->headers, uri->host_port()})
          inside(bytes, part);
      }
    }
    if (const auto via = ViaView::parse(*element)) inside(bytes, via->sent_by);
  }
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const string_view bytes(reinterpret_cast<const char*>(data), size);
  RawMessage m;
  const auto found = postern::sip::prescreen(bytes, m);
  if (found.result != postern::sip::PrescreenResult::message && found.result != postern::sip::PrescreenResult::malformed) return 0;
  check_views(bytes, m);
  if (found.result == postern::sip::PrescreenResult::message) check_glance(bytes, m);
  for (const auto& header : m.header_lines()) check_elements(bytes, m.text(header.value));
  return 0;
}
