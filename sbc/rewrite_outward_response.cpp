// Core to access: responses. What they repeat of the request is written from the request.
#include <algorithm>

#include "sbc/rewrite.hpp"
#include "sip/via_edit.hpp"

namespace postern::sbc {

using sip::HeaderName;

namespace {

bool has_tag(std::string_view to) {
  if (to.find(';') == std::string_view::npos) return false;
  const auto element = sip::NameAddrView::parse(to);
  return element && element->param("tag");
}

/// Is the Request-URI a sips: one?
bool asks_securely(std::string_view head) {
  const std::string_view line = head.substr(0, head.find('\r'));
  const std::size_t uri = line.find(' ') + 1;
  return uri != 0 && sip::iequals(line.substr(uri, 5), "sips:");
}

}  // namespace

// In an answer the core's entries stand on top, then ours if we recorded one, then those of proxies on the device's side, which are in the
// request. The device reads them from the bottom up (RFC 3261 §12.1.2), so the core's go into the token in reverse.
void OutwardRewriter::core_routes_off(Context& context) {
  const sip::HeaderLine* first = nullptr;
  bool core = true;
  for (const sip::HeaderLine& header : context.message.header_lines()) {
    if (header.name != HeaderName::record_route) continue;
    if (first == nullptr) first = &header;
    sip::ElementReader reader(context.message.text(header.value));
    while (const auto route = reader.next()) {
      const auto uri = route_uri(*route);
      core = core && !(uri && is_our_route(state_.names, *uri));
      if (core) context.routes.push_back(unfolded(*route));
    }
    state_.editor.remove(header);
  }
  std::ranges::reverse(context.routes);
  if (core) return;
  for (const RequestHead::Field& asked : context.asked->fields()) {
    if (asked.name == HeaderName::record_route) state_.editor.insert_before(*first, "Record-Route", asked.value);
  }
}

// The request's, with what an answer of ours would add to its top one (RFC 3581 §4).
void OutwardRewriter::repeated_vias(const Context& context) {
  const sip::HeaderLine* first = context.message.find(HeaderName::via);
  bool top = true;
  for (const RequestHead::Field& asked : context.asked->fields()) {
    if (asked.name != HeaderName::via) continue;
    std::string_view value = asked.value;
    text_.clear();
    const auto element = top ? sip::ElementReader(value).next() : std::nullopt;
    if (const auto via = element ? sip::ViaView::parse(*element) : std::nullopt) {
      sip::append_with_received(text_, *via, context.access.peer.address.to_string(), context.access.peer.port, true);
      value.remove_prefix(static_cast<std::size_t>(via->whole.data() - value.data()) + via->whole.size());
    }
    top = false;
    text_.append(value);
    state_.editor.insert_before(*first, "Via", text_);
  }
  for (const sip::HeaderLine& header : context.message.header_lines()) {
    if (header.name == HeaderName::via) state_.editor.remove(header);
  }
}

void OutwardRewriter::repeated_header(const Context& context, const sip::HeaderLine& header) {
  text_ = context.asked->value_of(header.name);
  if (header.name == HeaderName::to && !context.in_dialog && !context.message.to_tag.empty()) {
    text_ += ";tag=";
    if (!state_.names.append_marked(text_, context.message.to_tag)) text_.append(context.message.to_tag);
  }
  state_.editor.replace(header.value, text_);
}

// It lists options out of Require (RFC 3261 §8.2.2.3) or Proxy-Require (§16.3): those are the asker's words.
void OutwardRewriter::unsupported(const Context& context, const sip::HeaderLine& header) {
  const auto required = [&](std::string_view option) {
    return std::ranges::any_of(context.asked->fields(), [&](const RequestHead::Field& asked) {
      if (asked.name != HeaderName::require && asked.name != HeaderName::proxy_require) return false;
      sip::ElementReader reader(asked.value);
      while (const auto element = reader.next()) {
        if (*element == option) return true;
      }
      return false;
    });
  };
  text_.clear();
  sip::ElementReader reader(context.message.text(header.value));
  while (const auto option = reader.next()) {
    text_.append(text_.empty() ? "" : ", ").append(required(*option) ? std::string(*option) : shown(*option, context.access));
  }
  state_.editor.replace(header.value, unfolded(text_));
}

// Of what the PBX lists only the asker's own contacts are restored, exactly.
void OutwardRewriter::listed_contacts(const Context& context, const sip::HeaderLine& header, const Asked& asked) {
  text_.clear();
  sip::ElementReader reader(context.message.text(header.value));
  while (const auto element = reader.next()) {
    const auto contact = sip::NameAddrView::parse(*element);
    const auto own = contact ? asked.registrar->restore(asked.memo, contact->uri, asked.access) : std::nullopt;
    if (!own) continue;
    text_.append(text_.empty() ? "" : ", ").append("<").append(*own).append(">");
    const auto expires = contact->param("expires");
    const auto sooner = expires ? asked.registrar->shortened(*expires) : std::nullopt;
    if (!sooner) {
      text_ += shown(contact->params, asked.access);
      continue;
    }
    constexpr std::array<std::string_view, 1> replaced{"expires"};
    sip::append_params_without(text_, shown(contact->params, asked.access), replaced);
    text_.append(";expires=").append(std::to_string(sooner->count()));
  }
  replace_or_remove(header, text_, state_.editor);
}

// Each source answers a challenge of its own (sip-behaviour.md, "Proof, credentials, amplification").
void OutwardRewriter::challenge(const Context& context, const sip::HeaderLine& header, const Asked& asked) {
  const std::string_view value = context.message.text(header.value);
  const std::string shown = unfolded(veil_.covers(value) ? shown_digest(value, context.access) : value);
  count_named(NotHidden::realm, shown);
  text_.clear();
  state_.credentials.append_challenge(text_, shown, context.access.peer.address, asked.stale, asked.now);
  state_.editor.replace(header.value, text_);
}

// A nonce without an opaque of ours could be answered by anybody.
void OutwardRewriter::authentication_info(const Context& context, const sip::HeaderLine& header) {
  const std::string_view value = context.message.text(header.value);
  const std::string shown = unfolded(veil_.covers(value) ? shown_digest(value, context.access) : value);
  text_.clear();
  sip::ElementReader reader(shown);
  while (const auto parameter = reader.next()) {
    if (!sip::iequals(parameter->substr(0, parameter->find_first_of(" \t=")), "nextnonce"))
      text_.append(text_.empty() ? "" : ", ").append(*parameter);
  }
  replace_or_remove(header, text_, state_.editor);
}

bool OutwardRewriter::response(const sip::RawMessage& response, const Flow& core, const Asked& asked, std::string& out) {
  asked_.read(asked.request);
  if (asked_.value_of(HeaderName::via).empty()) return false;  // it was not kept: there is nobody to answer
  sip::Editor& editor = state_.editor;
  editor.reset(response);
  sealed_ = true;
  Context context{response, core, asked.access, {}, response.status_code < 300, &asked_};
  context.secure = asks_securely(asked.request);
  name_dialog(context);
  if (veil_.covers(response.reason_phrase)) editor.replace(response.reason_phrase, shown(response.reason_phrase, asked.access));
  repeated_vias(context);
  core_routes_off(context);
  context.in_dialog = has_tag(asked_.value_of(HeaderName::to));
  keep_routes(context);
  for (const sip::HeaderLine& header : response.header_lines()) {
    switch (header.name) {
      case HeaderName::via:
      case HeaderName::record_route:
        break;
      case HeaderName::from:
      case HeaderName::to:
      case HeaderName::call_id:
      case HeaderName::cseq:
        repeated_header(context, header);
        break;
      case HeaderName::unsupported:
        unsupported(context, header);
        break;
      case HeaderName::www_authenticate:
      case HeaderName::proxy_authenticate:
        challenge(context, header, asked);
        break;
      case HeaderName::authentication_info:
        authentication_info(context, header);
        break;
      case HeaderName::expires:
        if (const auto sooner = asked.registrar == nullptr ? std::nullopt : asked.registrar->shortened(response.text(header.value)))
          editor.replace(header.value, std::to_string(sooner->count()));
        break;
      case HeaderName::contact:
        if (asked.registrar != nullptr) {
          listed_contacts(context, header, asked);
          break;
        }
        [[fallthrough]];
      default:
        common_header(context, header);
    }
  }
  body(context);
  if (!is_datagram(context.access.transport)) editor.state_length();
  return sealed_ && editor.serialise(out);
}

}  // namespace postern::sbc
