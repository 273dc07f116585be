#include "sip/message.hpp"

#include <sofia-sip/msg.h>
#include <sofia-sip/msg_addr.h>
#include <sofia-sip/msg_parser.h>
#include <sofia-sip/sip.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_parser.h>
#include <sofia-sip/sip_util.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "sip/header_fields.hpp"
#include "sip/plain.hpp"

namespace postern::sip {
namespace {

using std::string_view;

/// What goes into sofia-sip's home before it asks malloc piece by piece. Measured: a message needs about six times its size.
/// The field is 16 bits wide and wraps silently beyond 65,535.
isize_t preload_size(std::size_t message) { return static_cast<isize_t>(std::min<std::size_t>(2048 + 6 * message, 65'000)); }

struct DestroyMessage {
  void operator()(msg_t* message) const { msg_destroy(message); }
};
using MessagePtr = std::unique_ptr<msg_t, DestroyMessage>;

ParseVerdict refuse(int status, string_view header) { return {status, header, {}}; }

string_view view(const char* text) { return text == nullptr ? string_view{} : string_view{text}; }

/// The first fatal header among those that sofia-sip could not parse or that stand twice. Duplicates keep their own class in that list,
/// so an entry's name may be read from it only if it is an error entry.
string_view fatal_error(const sip_t& sip) {
  for (const sip_error_t* error = sip.sip_error; error != nullptr; error = error->er_next) {
    const msg_hclass_t* type = error->er_common->h_class;
    const string_view name = view(type == sip_error_class ? error->er_name : type->hc_name);
    if (name.empty()) return "Header line";
    const HeaderName known = header_name_of(name);
    if (decides(known)) return to_string(known);
  }
  return {};
}

string_view missing(const sip_t& sip) {
  if (sip.sip_via == nullptr) return "Via";
  if (sip.sip_from == nullptr) return "From";
  if (sip.sip_to == nullptr) return "To";
  if (sip.sip_call_id == nullptr) return "Call-ID";
  if (sip.sip_cseq == nullptr) return "CSeq";
  return {};
}

/// Does each header field begin and end where the prescreen has it? Of a list in one line only the first element holds the line's bytes.
bool same_header_lines(const msg_t* msg, const RawMessage& message) {
  const auto lines = message.header_lines();
  std::size_t seen = 0;
  for (const msg_header_t* header = *msg_chain_head(msg); header != nullptr; header = header->sh_succ) {
    const msg_hclass_t* type = header->sh_class;
    if (type == sip_separator_class) break;
    if (type == sip_request_class || type == sip_status_class || header->sh_len == 0) continue;
    if (seen == lines.size()) return false;
    if (string_view(static_cast<const char*>(header->sh_data), header->sh_len) != message.text(lines[seen++].line)) return false;
  }
  return seen == lines.size();
}

/// Where the prescreen and sofia-sip read different things: two readings are what an attack on filters is made of.
string_view disagreement(const msg_t* msg, const sip_t& sip, const RawMessage& message) {
  if (message.is_request != (sip.sip_request != nullptr)) return "Start line";
  if (message.is_request && view(sip.sip_request->rq_method_name) != message.method_text) return "Method";
  if (!message.is_request && (sip.sip_status == nullptr || sip.sip_status->st_status != message.status_code)) return "Status code";
  if (view(sip.sip_call_id->i_id) != message.call_id) return "Call-ID";
  if (sip.sip_cseq->cs_seq != message.cseq || view(sip.sip_cseq->cs_method_name) != message.method_text) return "CSeq";
  if (view(sip.sip_via->v_branch) != message.branch) return "Via";
  if (view(sip.sip_from->a_tag) != message.from_tag) return "From";
  if (view(sip.sip_to->a_tag) != message.to_tag) return "To";
  if (!same_header_lines(msg, message)) return "Header line";
  return {};
}

ParseVerdict check_syntax(const msg_t* msg, const RawMessage& message, int extracted) {
  const sip_t* sip = sip_object(msg);
  if (sip == nullptr) return refuse(400, "Message");
  if (const string_view header = fatal_error(*sip); !header.empty()) return refuse(400, header);
  if (extracted != 1 || msg_has_error(msg) != 0) return refuse(400, "Message");
  if (const string_view header = missing(*sip); !header.empty()) return refuse(400, header);
  if (const string_view header = disagreement(msg, *sip, message); !header.empty()) return refuse(400, header);
  return {};
}

/// RFC 3261 §16.3, in its order.
ParseVerdict check_request(const sip_t& sip, const RawMessage& message, Schemes schemes) {
  const auto type = sip.sip_request->rq_url->url_type;
  if (schemes == Schemes::sip && type != url_sip && type != url_sips) return refuse(416, "Request-URI");
  if (sip_sanity_check(&sip) != 0) return refuse(400, "Request-URI");
  if (sip.sip_max_forwards != nullptr && sip.sip_max_forwards->mf_count == 0) return refuse(483, "Max-Forwards");
  // Neither can be answered or undone for want of an extension (§8.2.2.3).
  if (message.method == Method::ack || message.method == Method::cancel) return {};
  for (const HeaderLine& header : message.header_lines()) {
    if (header.name == HeaderName::proxy_require && !header.value.empty()) return {420, "Proxy-Require", message.text(header.value)};
  }
  return {};
}

bool feed(msg_t* msg, string_view bytes) {
  msg_iovec_t part{};
  const auto size = static_cast<usize_t>(bytes.size());
  if (msg_recv_iovec(msg, &part, 1, size, 1) != 1) return false;
  std::memcpy(part.mv_base, bytes.data(), bytes.size());
  return msg_recv_commit(msg, size, 1) == 0;
}

}  // namespace

ParseVerdict check(const RawMessage& message, Schemes schemes) {
  // It would cost as much as all else that is done with the message.
  return plain::is_good(message) ? ParseVerdict{} : check_fully(message, schemes);
}

ParseVerdict check_fully(const RawMessage& message, Schemes schemes) {
  const MessagePtr msg{msg_create(sip_default_mclass(), MSG_DO_EXTRACT_COPY)};  // keeps where each header stood
  if (!msg) return refuse(500, "Memory");
  su_home_preload(msg_home(msg.get()), 1, preload_size(message.bytes.size()));
  msg_maxsize(msg.get(), Bounds::message + 1);
  if (!feed(msg.get(), message.bytes)) return refuse(500, "Memory");
  const int extracted = msg_extract(msg.get());
  const ParseVerdict syntax = check_syntax(msg.get(), message, extracted);
  if (!syntax.ok() || !message.is_request) return syntax;
  return check_request(*sip_object(msg.get()), message, schemes);
}

}  // namespace postern::sip
