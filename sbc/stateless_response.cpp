#include "sbc/stateless_response.hpp"

#include "sip/message.hpp"
#include "sip/via_edit.hpp"

namespace postern::sbc {

using sip::HeaderName;

Outcome StatelessResponses::pass(const sip::RawMessage& response, const Flow& flow, TimePoint now, Outbox& out) {
  const bool provisional = response.status_code < 200;
  if (response.method == sip::Method::register_ || response.status_code == 100 || (provisional && response.method != sip::Method::invite))
    return Outcome::no_transaction;
  return flow.side == Side::core ? from_core(response, flow, now, out) : from_access(response, flow, now, out);
}

Outcome StatelessResponses::from_access(const sip::RawMessage& response, const Flow& flow, TimePoint now, Outbox& out) {
  auto asker = state_.branches.open(response, flow);
  if (!asker) return Outcome::no_transaction;
  if (!sip::check(response).ok()) return Outcome::malformed;
  asker->flow.transport = state_.options.pbx.transport;
  asker->flow.local = state_.options.pbx.bind->address;
  const auto via = sip::ViaView::parse(asker->via);
  if (!via) return Outcome::no_transaction;
  std::string vias = sip::with_received(*via, asker->flow.peer.address.to_string(), asker->flow.peer.port, false) + "\n";
  std::string routes;
  if (const auto letters = response.top_via.param(OutwardRewriter::beside_branch)) {
    const auto id = parse_branch(response.branch);
    const auto beside = state_.branches.open_beside(*letters, *id);
    if (!beside) return Outcome::no_transaction;
    const std::size_t end = beside->find("\n\n");
    const bool has_vias = !beside->starts_with('\n');
    if (has_vias) vias += beside->substr(0, end + 1);
    routes = has_vias ? beside->substr(end + 2) : beside->substr(1);
  }
  if (!inward_.response(response, flow, {vias, routes, redirects_.judge(response, flow, now)}, message_)) return Outcome::too_large;
  out.add(asker->flow) = message_;
  return Outcome::forwarded;
}

Outcome StatelessResponses::from_core(const sip::RawMessage& response, const Flow& flow, TimePoint now, Outbox& out) {
  const auto asker = state_.branches.open(response.branch, flow);
  if (!asker || asker->flow.listener >= state_.options.listeners.size()) return Outcome::no_transaction;
  if (!sip::check(response).ok() || !read_head(response, *asker)) return Outcome::malformed;
  if (!outward_.response(response, flow, {asker->flow, head_, now}, message_)) return Outcome::too_large;
  // What an INVITE of before our start brought in is forgotten, and its answer must arrive.
  out.add(asker->flow, response.method != sip::Method::invite) = message_;
  return Outcome::forwarded;
}

// What he wrote comes back to him as he wrote it. Hidden names that he did not write are the PBX's, and are not shown; if he wrote one, he
// must not learn by its disappearance that it is one (docs/adr/0007).
bool StatelessResponses::read_head(const sip::RawMessage& response, const Asker& asker) {
  head_ = "\r\n";  // the request line: nobody asks for it
  if (!add_vias(response, asker)) return false;
  add_party(response, HeaderName::from, asker.from, asker);
  add_party(response, HeaderName::to, asker.to, asker);
  std::string call_id;
  if (!state_.names.append_marked(call_id, response.call_id)) call_id = response.call_id;
  add_line("Call-ID", call_id);
  for (const sip::HeaderLine& header : response.header_lines()) {
    const std::string_view value = response.text(header.value);
    if (header.name == HeaderName::cseq) add_line("CSeq", value);
    if (header.name == HeaderName::unsupported) add_words("Require", value, asker);
  }
  // Behind our own entry stand those of the device's side.
  bool ours = false;
  for (const sip::HeaderLine& header : response.header_lines()) {
    if (header.name != HeaderName::record_route) continue;
    sip::ElementReader reader(response.text(header.value));
    while (const auto route = reader.next()) {
      const auto uri = route_uri(*route);
      text_.clear();
      if (ours && state_.names.holds_access_marker(*route) && state_.names.append_marked(text_, *route)) {
        add_line("Record-Route", text_);  // a name that he wrote himself
      } else if (ours) {
        add_words("Record-Route", *route, asker);
      }
      ours = ours || (uri && is_our_route(state_.names, *uri));
    }
  }
  return true;
}

bool StatelessResponses::add_vias(const sip::RawMessage& response, const Asker& asker) {
  std::size_t seen = 0;
  for (const sip::HeaderLine& header : response.header_lines()) {
    if (header.name != HeaderName::via) continue;
    sip::ElementReader reader(response.text(header.value));
    while (const auto element = reader.next()) {
      if (++seen == 1) continue;  // our own
      if (const auto via = sip::ViaView::parse(*element); seen == 2 && !(via && via->is_sip_2())) return false;
      add_words("Via", *element, asker);
    }
  }
  return seen > 1;
}

void StatelessResponses::add_party(const sip::RawMessage& response, HeaderName name, const ShownHost& shown, const Asker& asker) {
  const sip::HeaderLine* header = response.find(name);
  if (header == nullptr) return;
  std::string_view rest = response.text(header->value);
  const auto element = sip::NameAddrView::parse(rest);
  const auto uri = element ? sip::UriView::parse(element->uri) : std::nullopt;
  const auto take_until = [&rest](std::string_view part) {
    const std::string_view before = rest.substr(0, static_cast<std::size_t>(part.data() - rest.data()));
    rest.remove_prefix(before.size() + part.size());
    return before;
  };
  text_.clear();
  if (uri && shown.as != ShownAs::none) {
    append_words(take_until(uri->host_port()), asker);
    std::string host = state_.names.host_shown_as(shown.as, asker.flow);
    if (shown.port && uri->port != 0) {
      host.append(":").append(std::to_string(state_.names.address_for(asker.flow).port));
    } else if (uri->port != 0) {
      host.append(":").append(uri->port_text);
    }
    append_words(host, asker);
  }
  // A tag must come back as it was: what the PBX made itself gets a marker for a name in it, as a Call-ID does. That of To is the answer's.
  if (const auto tag = element ? element->param("tag") : std::nullopt; tag && !tag->empty()) {
    const std::string_view before = take_until(*tag);
    const bool asked = name == HeaderName::from;
    append_words(asked ? before : before.substr(0, before.rfind(';')), asker);
    if (asked && !state_.names.append_marked(text_, *tag)) text_ += *tag;
  }
  append_words(rest, asker);
  add_line(name == HeaderName::from ? "From" : "To", text_);
}

void StatelessResponses::append_words(std::string_view words, const Asker& asker) {
  if (asker.named_hidden || !veil_.covers(words)) {
    text_ += words;
  } else {
    veil_.append(text_, words, asker.flow);
  }
}

void StatelessResponses::add_words(std::string_view name, std::string_view words, const Asker& asker) {
  text_.clear();
  append_words(words, asker);
  add_line(name, text_);
}

void StatelessResponses::add_line(std::string_view name, std::string_view value) {
  head_.append(name).append(": ").append(unfolded(value)).append("\r\n");
}

}  // namespace postern::sbc
