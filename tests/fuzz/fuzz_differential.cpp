// Two readers, one message: what both of our steps accept, sofia-sip reads as the prescreen does. A filter and a PBX that see different
// messages in the same bytes are what smuggling is made of. And what passes without a second reader, because it is plain, passes with one.
#include <sofia-sip/msg.h>
#include <sofia-sip/msg_addr.h>
#include <sofia-sip/msg_parser.h>
#include <sofia-sip/sip.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_parser.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>

#include "sip/message.hpp"
#include "sip/plain.hpp"

namespace {

using postern::sip::RawMessage;
using std::string_view;

void require(bool holds) {
  if (!holds) std::abort();
}

string_view view(const char* text) { return text == nullptr ? string_view{} : string_view{text}; }

struct DestroyMessage {
  void operator()(msg_t* message) const { msg_destroy(message); }
};
using MessagePtr = std::unique_ptr<msg_t, DestroyMessage>;

MessagePtr read(string_view bytes) {
  MessagePtr msg{msg_create(sip_default_mclass(), MSG_DO_EXTRACT_COPY)};
  msg_iovec_t part{};
  const auto size = static_cast<usize_t>(bytes.size());
  require(msg_recv_iovec(msg.get(), &part, 1, size, 1) == 1);
  std::memcpy(part.mv_base, bytes.data(), bytes.size());
  require(msg_recv_commit(msg.get(), size, 1) == 0);
  msg_extract(msg.get());
  return msg;
}

void compare_lines(const msg_t* msg, const RawMessage& m) {
  std::size_t line = 0;
  for (const msg_header_t* header = *msg_chain_head(msg); header != nullptr; header = header->sh_succ) {
    if (header->sh_class == sip_separator_class) break;
    if (header->sh_class == sip_request_class || header->sh_class == sip_status_class || header->sh_len == 0) continue;
    require(line < m.header_count);
    require(string_view(static_cast<const char*>(header->sh_data), header->sh_len) == m.text(m.header_lines()[line++].line));
  }
  require(line == m.header_count);
}

/// The readers for what is plain read what the readers for everything do.
void compare_plain(string_view value) {
  namespace plain = postern::sip::plain;
  using postern::sip::NameAddrView, postern::sip::UriView, postern::sip::ViaView;
  if (plain::Address address; plain::read_address(value, address)) {
    const auto all = NameAddrView::parse(value);
    require(all.has_value());
    const auto uri = UriView::parse(all->uri);
    require(uri && uri->user == address.user && uri->password.empty() && uri->headers.empty());
    require(uri->host == address.host.host && uri->port == address.host.port && uri->host_port() == address.host.whole);
    require(all->param("tag").value_or(string_view{}) == address.tag);
    require(all->bracketed && value.starts_with(all->display) &&
            value.substr(0, value.find('<')).find_first_not_of(' ', all->display.size()) == string_view::npos);
  }
  ViaView via;
  string_view branch;
  if (!plain::read_via(value, via, branch)) return;
  const auto all = ViaView::parse(value);
  require(all && all->is_sip_2() && all->whole == via.whole && all->version == via.version && all->transport == via.transport);
  require(all->sent_by == via.sent_by && all->host == via.host && all->port == via.port && all->params == via.params);
  require(all->param("branch").value_or(string_view{}) == branch);
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  RawMessage m;
  if (postern::sip::prescreen({reinterpret_cast<const char*>(data), size}, m).result != postern::sip::PrescreenResult::message) return 0;
  require(!m.any_via_below_top([](string_view element) { return element.empty(); }));
  for (const auto& header : m.header_lines()) compare_plain(m.text(header.value));
  if (const auto uri = postern::sip::UriView::parse(m.request_uri); m.is_request && uri) {
    require(uri->user == m.request_user);
    require(uri->host == m.request_host.host && uri->port == m.request_host.port && uri->host_port() == m.request_host.whole);
  }
  const bool good = postern::sip::check_fully(m).ok();
  require(good || !postern::sip::plain::is_good(m));
  if (!good) return 0;
  const MessagePtr msg = read(m.bytes);
  const sip_t* sip = sip_object(msg.get());
  require(sip != nullptr && sip->sip_via != nullptr && sip->sip_call_id != nullptr && sip->sip_cseq != nullptr);
  require((sip->sip_request != nullptr) == m.is_request);
  if (m.is_request) require(view(sip->sip_request->rq_method_name) == m.method_text);
  require(view(sip->sip_via->v_branch) == m.branch);
  require(view(sip->sip_call_id->i_id) == m.call_id);
  require(sip->sip_cseq->cs_seq == m.cseq && view(sip->sip_cseq->cs_method_name) == m.method_text);
  compare_lines(msg.get(), m);
  return 0;
}
