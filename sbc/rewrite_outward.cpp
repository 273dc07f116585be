// Core to access: what the world gets. Nothing of the core may be seen in it.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "sbc/rewrite.hpp"
#include "sip/via_edit.hpp"

namespace postern::sbc {
namespace {

using sip::HeaderName;

constexpr std::size_t most_proxies = 16;         // between us and the PBX
constexpr std::string_view product = "Postern";  // in the place of Server and User-Agent

}  // namespace

// A dialog keeps the route set that it began with (RFC 3261 §12.2), and a proxy of the core may record itself that once only: what its
// first messages recorded stands for the Contacts of later ones.
void OutwardRewriter::keep_routes(Context& context) {
  if (!context.dialog) return;
  if (context.in_dialog) {
    const bool kept = state_.route_sets.find(*context.dialog, context.routes);
    if (!kept && context.routes.empty() && context.message.is_request) routes_of_path(context);
  } else if (!context.routes.empty()) {
    state_.route_sets.put(*context.dialog, context.routes);
  }
}

// After a restart the way that a dialog's request came still tells which proxies are on its route: in its Vias, the nearest first. Below
// them stands who asked, or we ourselves where another device of ours did.
void OutwardRewriter::routes_of_path(Context& context) const {
  std::vector<std::string>& routes = context.routes;
  for (const sip::HeaderLine& header : context.message.header_lines()) {
    if (header.name != HeaderName::via) continue;
    sip::ElementReader reader(context.message.text(header.value));
    while (const auto element = reader.next()) {
      const auto via = sip::ViaView::parse(*element);
      if (!via || routes.size() > most_proxies) return routes.clear();
      if (state_.names.is_core_address(via->host, via->port)) return;
      routes.push_back(fmt::format("<sip:{}{};lr>", via->host, via->port == 0 ? std::string{} : fmt::format(":{}", via->port)));
    }
  }
  if (!routes.empty()) routes.pop_back();
}

bool OutwardRewriter::request(const sip::RawMessage& request, const Flow& core, const OpenedInward& target, const BranchId& id,
                              Hidden& hidden, std::string& out) {
  sip::Editor& editor = state_.editor;
  editor.reset(request);
  // A method cannot be written otherwise: one that names the core goes nowhere.
  sealed_ = request.method != sip::Method::other || !veil_.covers(request.method_text);
  Context context{request, core, target.token.flow, {}, true};
  context.in_dialog = !request.to_tag.empty();
  context.secure = sip::iequals(target.token.scheme, "sips");
  name_dialog(context);
  record_routes(context, hidden.routes);
  request_vias(context, id, hidden);
  keep_routes(context);
  foreign_routes(context, target);
  decrement_max_forwards(request, editor);
  for (const sip::HeaderLine& header : request.header_lines()) {
    if (header.name == HeaderName::via || header.name == HeaderName::record_route || header.name == HeaderName::route) continue;
    common_header(context, header);
  }
  body(context);
  if (!is_datagram(context.access.transport)) editor.state_length();
  return sealed_ && editor.serialise(out);
}

// The Request-URI, and what is left of the route: ours and the core's are done with, a foreign one (a proxy on the device's side that
// recorded itself) stays. A strict one changes places with the device (RFC 3261 §16.6 step 6).
void OutwardRewriter::foreign_routes(const Context& context, const OpenedInward& target) {
  const sip::RawMessage& request = context.message;
  std::string uri;
  append_request_uri(uri, target.token.scheme, target.token.has_user, target.user, target.token.rest);
  bool first = true;
  std::string last;     // where a strict route leads in the end
  std::string as_told;  // a route with the names that the device's side wrote into it
  for (const sip::HeaderLine& header : request.header_lines()) {
    if (header.name != HeaderName::route) continue;
    text_.clear();
    sip::ElementReader reader(request.text(header.value));
    while (const auto route = reader.next()) {
      const auto named = route_uri(*route);
      const bool ours = named && (is_our_route(state_.names, *named) || user_without_token(*named).size() != named->user.size());
      if (ours || veil_.covers(*route)) continue;
      if (first && is_strict(*route)) {
        last = "<" + uri + ">";
        uri.clear();
        append_as_request_uri(uri, *route);
      } else {
        as_told.clear();
        text_.append(text_.empty() ? "" : ", ").append(state_.names.append_marked(as_told, *route) ? as_told : *route);
      }
      first = false;
    }
    replace_or_remove(header, text_, state_.editor);
  }
  state_.editor.replace(request.request_uri, uri);
  if (!last.empty()) state_.editor.append("Route", last);
}

void OutwardRewriter::request_vias(const Context& context, const BranchId& id, Hidden& hidden) {
  std::string& hidden_vias = hidden.vias;
  hidden_vias.clear();
  for (const sip::HeaderLine& header : context.message.header_lines()) {
    if (header.name != HeaderName::via) continue;
    std::string value = unfolded(context.message.text(header.value));
    if (hidden_vias.empty()) {
      // The PBX's own: it may have asked for its address (RFC 3581 §4).
      const std::string_view top = context.message.top_via.whole;
      const std::string_view raw = context.message.text(header.value);
      value = unfolded(sip::with_received(context.message.top_via, context.core.peer.address.to_string(), context.core.peer.port, false));
      value += unfolded(raw.substr(static_cast<std::size_t>(top.data() - raw.data()) + top.size()));
    }
    hidden_vias.append(value).append("\n");
  }
  own_via(context, id, hidden);
  for (const sip::HeaderLine& header : context.message.header_lines()) {
    if (header.name == HeaderName::via) state_.editor.remove(header);
  }
}

void OutwardRewriter::own_via(const Context& context, const BranchId& id, const Hidden& hidden) {
  text_.assign("SIP/2.0/").append(via_name(context.access.transport)).append(" ");
  text_.append(state_.names.address_for(context.access).host_port).append(";branch=");
  state_.branches.append(text_, id, context.core, context.message.top_via);
  std::string beside = hidden.vias.substr(hidden.vias.find('\n') + 1);
  if (!beside.empty() || !hidden.routes.empty()) {
    std::string letters;
    state_.branches.append_beside(letters, id, beside.append("\n").append(hidden.routes));
    if (!letters.empty()) text_.append(";").append(beside_branch).append("=").append(letters);
  }
  state_.editor.insert_before(*context.message.find(HeaderName::via), "Via", text_);
}

// The core's recorded routes end here: sealed in the Contact, they come back as Route (RFC 3261 §12.1.1: in this order).
void OutwardRewriter::record_routes(Context& context, std::string& hidden_routes) {
  hidden_routes.clear();
  for (const sip::HeaderLine& header : context.message.header_lines()) {
    if (header.name != HeaderName::record_route) continue;
    sip::ElementReader reader(context.message.text(header.value));
    while (const auto route = reader.next()) {
      context.routes.push_back(unfolded(*route));
      hidden_routes.append(context.routes.back()).append("\n");
    }
    state_.editor.remove(header);
  }
}

void OutwardRewriter::common_header(const Context& context, const sip::HeaderLine& header) {
  switch (header.name) {
    case HeaderName::contact:
      contact(context, header);
      return;
    case HeaderName::from:
    case HeaderName::to:
    case HeaderName::p_asserted_identity:
    case HeaderName::p_preferred_identity:
    case HeaderName::p_called_party_id:
    case HeaderName::remote_party_id:
    case HeaderName::diversion:
    case HeaderName::history_info:
    case HeaderName::referred_by:
    case HeaderName::refer_to:
    case HeaderName::alert_info:
    case HeaderName::call_info:
    case HeaderName::error_info:
    case HeaderName::path:
    case HeaderName::service_route:
      uris(context, header);
      return;
    case HeaderName::server:
    case HeaderName::user_agent:
      state_.editor.replace(header.value, product);
      return;
    case HeaderName::call_id:
    case HeaderName::replaces:
    case HeaderName::in_reply_to:
    case HeaderName::join:
    case HeaderName::target_dialog:
      call_id(context, header);
      return;
    case HeaderName::content_length:
    case HeaderName::cseq:
    case HeaderName::max_forwards:
      return;  // numbers, and the method, which was looked at
    case HeaderName::www_authenticate:
    case HeaderName::proxy_authenticate:
    case HeaderName::authorization:
    case HeaderName::proxy_authorization:
    case HeaderName::authentication_info:
      digest(context, header);
      return;
    default:
      hide(context, header);
  }
}

std::string OutwardRewriter::shown(std::string_view text, const Flow& access) {
  std::string out;
  veil_.append(out, text, access);
  return out;
}

// A token that the PBX was given never leaves, whatever host it writes behind it.
std::string_view OutwardRewriter::user_without_token(const sip::UriView& uri) {
  const auto split = split_token(uri.user);
  if (!split) return uri.user;
  return state_.names.is_core_address(uri.host) || state_.tokens.open_inward(split->letters, split->user) ? split->user : uri.user;
}

void OutwardRewriter::uris(const Context& context, const sip::HeaderLine& header) {
  const std::string_view value = context.message.text(header.value);
  std::string mapped;
  std::size_t done = 0;
  sip::ElementReader reader(value);
  while (const auto text = reader.next()) {
    const auto element = sip::NameAddrView::parse(*text);
    const auto uri = element ? sip::UriView::parse(element->uri) : std::nullopt;
    if (!uri) continue;
    const bool hidden = state_.names.hides(uri->host);
    const std::string_view user = user_without_token(*uri);
    if (!hidden && user.size() == uri->user.size()) continue;
    const std::size_t begin = static_cast<std::size_t>(uri->whole.data() - value.data());
    mapped.append(value.substr(done, begin - done)).append(uri->scheme).append(":");
    if (uri->has_user) mapped.append(user).append(uri->password.empty() ? "" : ":").append(uri->password).append("@");
    if (hidden) {
      state_.names.append_public(mapped, uri->port, uri->port_text, context.access);
    } else {
      mapped.append(uri->host_port());
    }
    mapped.append(uri->params);
    append_shown_headers(mapped, uri->headers, context.access);
    done = begin + uri->whole.size();
  }
  mapped.append(value.substr(done));
  const bool tagged = header.name == HeaderName::from || header.name == HeaderName::to;
  if (veil_.covers(mapped) || (tagged && state_.names.holds_access_marker(mapped))) {
    mapped = shown_with_tag(mapped, tagged ? sip::NameAddrView::parse(mapped) : std::nullopt, context.access);
  }
  if (mapped != value) state_.editor.replace(header.value, unfolded(mapped));
}

void OutwardRewriter::append_shown_headers(std::string& out, std::string_view headers, const Flow& access) {
  each_uri_header(headers, [&](std::string_view text, bool has_call_id) {
    if (!has_call_id) {
      veil_.append(out, text, access);
    } else if (!state_.names.append_marked(out, text)) {
      out.append(text);
    }
  });
}

// Display names and parameters can name the core as well. A tag must come back as it was, so it gets markers as a Call-ID does.
std::string OutwardRewriter::shown_with_tag(std::string_view text, const std::optional<sip::NameAddrView>& element, const Flow& access) {
  const std::string_view tag = element ? element->param("tag").value_or(std::string_view{}) : std::string_view{};
  const std::size_t begin = tag.empty() ? text.size() : static_cast<std::size_t>(tag.data() - text.data());
  std::string out;
  veil_.append(out, text.substr(0, begin), access);
  if (!state_.names.append_marked(out, tag)) out.append(tag);
  veil_.append(out, text.substr(begin + tag.size()), access);
  return out;
}

void OutwardRewriter::hide(const Context& context, const sip::HeaderLine& header) {
  if (header.name == HeaderName::unknown && veil_.covers(context.message.text(header.field_name))) {
    state_.editor.remove(header);
    return;
  }
  const std::string_view value = context.message.text(header.value);
  if (!veil_.covers(value)) return;
  text_.clear();
  veil_.append(text_, value, context.access);
  if (text_ != value) state_.editor.replace(header.value, unfolded(text_));
}

// The realm is part of the digest, and whoever computes or checks one needs the others as they are (sip-behaviour.md, Via, routes, and
// what is hidden). What else these headers hold (domain; the uri of our Request-URI toward us) is mapped like any text.
void OutwardRewriter::digest(const Context& context, const sip::HeaderLine& header) {
  const std::string_view value = context.message.text(header.value);
  if (veil_.covers(value)) state_.editor.replace(header.value, unfolded(shown_digest(value, context.access)));
}

std::string OutwardRewriter::shown_digest(std::string_view value, const Flow& access) {
  constexpr std::array kept{std::string_view{"realm"},     std::string_view{"nonce"},  std::string_view{"opaque"},
                            std::string_view{"nextnonce"}, std::string_view{"cnonce"}, std::string_view{"response"},
                            std::string_view{"rspauth"}};
  std::string out;
  std::size_t done = 0;
  sip::ElementReader reader(value);
  while (const auto parameter = reader.next()) {
    // Before the first stands the scheme: "Digest realm=...".
    std::string_view name = parameter->substr(0, std::min(parameter->find_first_of("=\""), parameter->size()));
    while (!name.empty() && (name.back() == ' ' || name.back() == '\t')) name.remove_suffix(1);
    name = name.substr(name.find_last_of(" \t\r\n") + 1);
    if (std::ranges::none_of(kept, [name](std::string_view one) { return sip::iequals(name, one); })) continue;
    const std::size_t begin = static_cast<std::size_t>(parameter->data() - value.data());
    veil_.append(out, value.substr(done, begin - done), access);
    out.append(*parameter);
    done = begin + parameter->size();
  }
  veil_.append(out, value.substr(done), access);
  return out;
}

void OutwardRewriter::call_id(const Context& context, const sip::HeaderLine& header) {
  text_.clear();
  if (state_.names.append_marked(text_, context.message.text(header.value))) state_.editor.replace(header.value, unfolded(text_));
}

void OutwardRewriter::body(const Context& context) {
  audio_inside_.reset();
  const std::string_view type = content_type_of(context.message);
  const BodyKind kind = body_kind(type);
  if (kind == BodyKind::unknown) return count_named(NotHidden::body, context.message.body());
  std::string mapped;
  BodyVeil veil(veil_, state_.names, context.access);
  veil.append(mapped, type, context.message.body());
  audio_inside_ = veil.audio_inside();
  if (kind == BodyKind::sdp) count_named(NotHidden::sdp, mapped);
  if (mapped != context.message.body()) state_.editor.replace_body(mapped);
}

}  // namespace postern::sbc
