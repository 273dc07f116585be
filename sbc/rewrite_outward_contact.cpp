// Core to access: the PBX's Contacts, which become tokens of ours, and the dialogs that they are the targets of.
#include <algorithm>

#include "sbc/rewrite.hpp"

namespace postern::sbc {
namespace {

using sip::HeaderName;

/// Whether its Contact is the target of a dialog (RFC 3261 §12.1, RFC 6665 §4.4.1, RFC 3515 §2.4.4, RFC 3311 §5.1): a 200 to OPTIONS has
/// a Contact as well, and whoever got one has been let into nothing.
bool belongs_to_dialog(const sip::RawMessage& message) {
  switch (message.method) {
    case sip::Method::invite:
    case sip::Method::subscribe:
    case sip::Method::notify:
    case sip::Method::refer:
    case sip::Method::update:
      return message.is_request || !message.to_tag.empty();
    default:
      return false;
  }
}

}  // namespace

// By both as the access side knows them.
void OutwardRewriter::name_dialog(Context& context) {
  if (!belongs_to_dialog(context.message)) return;
  text_.clear();
  if (context.asked != nullptr) {
    text_ = context.asked->value_of(HeaderName::call_id);
  } else if (!state_.names.append_marked(text_, context.message.call_id)) {
    text_ = context.message.call_id;
  }
  const std::string_view tag = context.message.is_request ? context.message.from_tag : context.message.to_tag;
  std::string marked;
  context.dialog = dialog_key_of(state_.mac, text_, state_.names.append_marked(marked, tag) ? marked : tag);
}

OutwardToken OutwardRewriter::token_of(const Context& context) const {
  const auto& pbx = state_.options.pbx.addresses;
  const auto at = std::ranges::find_if(pbx, [&](const Endpoint& address) { return address.address == context.core.peer.address; });
  OutwardToken token;
  token.pbx = static_cast<std::uint8_t>(at == pbx.end() ? 0 : at - pbx.begin());
  token.flow_hash = flow_hash_of(state_, context.access);
  // The hash of no Call-ID at all: a token that leads here, but never takes a request for one of a dialog.
  token.dialog_hash = static_cast<std::uint32_t>(context.dialog ? *context.dialog : dialog_key_of(state_.mac, {}, {}));
  token.routes = context.routes;
  return token;
}

void OutwardRewriter::contact(const Context& context, const sip::HeaderLine& header) {
  if (!context.tokens) {
    uris(context, header);
    return;
  }
  const OutwardToken token = token_of(context);
  sip::ElementReader reader(context.message.text(header.value));
  while (const auto text = reader.next()) {
    const auto element = sip::NameAddrView::parse(*text);
    auto uri = element ? sip::UriView::parse(element->uri) : std::nullopt;
    if (!uri) {
      sealed_ = sealed_ && element && is_no_sip_uri(element->uri);
      if (veil_.covers(*text)) state_.editor.replace(*text, unfolded(shown(*text, context.access)));
      continue;
    }
    // A user that names the core, or is one of our own tokens (a PBX that passes a device's Contact on), is sealed in with the rest.
    if (veil_.covers(uri->user) || user_without_token(*uri).size() != uri->user.size()) {
      uri->user = {};
      uri->has_user = false;
    }
    const std::string ours = sealed_contact(context, token, *uri);
    state_.editor.replace(element->uri, element->bracketed ? ours : "<" + ours + ">");
    for (const std::string_view part : {element->display, element->params}) {
      if (veil_.covers(part)) state_.editor.replace(part, unfolded(shown(part, context.access)));
    }
  }
}

std::string OutwardRewriter::sealed_contact(const Context& context, const OutwardToken& token, const sip::UriView& uri) {
  std::string out(context.secure ? "sips:" : "sip:");
  sealed_ = append_outward_uri(out, state_.tokens, uri, token, state_.names.address_for(context.access).host_port) && sealed_;
  if (!context.secure) out.append(transport_param(context.access.transport));
  return out;
}

}  // namespace postern::sbc
