// Access to core: what the PBX gets.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "sbc/rewrite.hpp"
#include "sip/dialled.hpp"
#include "sip/via_edit.hpp"

namespace postern::sbc {
namespace {

using sip::HeaderName;

// Option tags and Contact parameters by which a device would talk past us: flows and paths end here (sip-behaviour.md, Contact and tokens).
constexpr std::string_view own_options[] = {"outbound", "gruu", "path"};
constexpr std::string_view own_contact_params[] = {"reg-id", "pub-gruu", "temp-gruu"};

constexpr std::string_view source_name = "X-Postern-Source";

bool is_own_option(std::string_view option) {
  return std::ranges::any_of(own_options, [option](std::string_view own) { return sip::iequals(option, own); });
}

// What a device may not say of itself or others: the PBX would believe it (RFC 3325 §5: outside the trust domain).
bool is_untrusted(const sip::RawMessage& message, const sip::HeaderLine& header) {
  switch (header.name) {
    case HeaderName::p_asserted_identity:
    case HeaderName::remote_party_id:
    case HeaderName::diversion:
    case HeaderName::history_info:
    case HeaderName::p_charging_function_addresses:
    case HeaderName::p_charging_vector:
    case HeaderName::p_served_user:
    case HeaderName::x_asterisk:
    case HeaderName::x_postern:
      return true;
    default: {
      constexpr std::string_view charging = "p-charging-";
      const std::string_view name = message.text(header.field_name);
      return name.size() > charging.size() && sip::iequals(name.substr(0, charging.size()), charging);
    }
  }
}

// Replaces an element's URI by text in angle brackets.
void replace_uri(sip::Editor& editor, const sip::NameAddrView& element, const std::string& text) {
  editor.replace(element.uri, element.bracketed ? text : "<" + text + ">");
}

template <class F>
void each_line(std::string_view lines, F&& visit) {
  while (!lines.empty()) {
    const std::size_t end = std::min(lines.find('\n'), lines.size());
    visit(lines.substr(0, end));
    lines.remove_prefix(std::min(end + 1, lines.size()));
  }
}

}  // namespace

bool InwardRewriter::request(const Request& request, std::string& out) {
  const sip::RawMessage& message = request.message;
  state_.editor.reset(message);
  sealed_ = true;
  asker_ = {};
  asker_.flow = request.flow;
  asker_.pbx = request.pbx;
  request_uri(request);
  decrement_max_forwards(message, state_.editor);
  for (const sip::HeaderLine& header : message.header_lines()) {
    if (header.name == HeaderName::contact) {
      contact(message, header, request.flow, request.registration);
    } else if (header.name == HeaderName::authorization || header.name == HeaderName::proxy_authorization) {
      credentials(request, header);
    } else {
      common_header(message, header, request.flow);
    }
  }
  via(request);
  if (request.dialog != nullptr) core_routes(*request.dialog);
  record_route(message);
  if (request.registration != nullptr && !request.registration->replaced_contact.empty())
    state_.editor.append("Contact", "<" + request.registration->replaced_contact + ">;expires=0");
  body(message);
  source(request.flow);  // the last, since it is where spaces may be put in
  const bool in_datagram = is_datagram(state_.options.pbx.transport);
  if (!in_datagram) state_.editor.state_length();
  const bool written = sealed_ && state_.editor.serialise(out);
  pad_at_ = written && in_datagram ? state_.editor.last_appended() + source_name.size() + std::string_view(":").size() : 0;
  return written;
}

void InwardRewriter::request_uri(const Request& request) {
  text_.clear();
  if (request.dialog != nullptr) {
    const OutwardToken& token = request.dialog->token;
    if (!token.routes.empty() && is_strict(token.routes.front())) {
      append_as_request_uri(text_, token.routes.front());
    } else {
      append_request_uri(text_, token.scheme, token.has_user, request.dialog->user, token.rest);
    }
    state_.editor.replace(request.message.request_uri, text_);
    return;
  }
  const auto uri = sip::UriView::parse(request.message.request_uri);
  if (!uri && request.emergency) {
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): written before it is read
    std::array<char, 256> buffer;
    const std::string_view number = sip::dialled_number(request.message.request_uri, buffer);
    text_.append("sip:").append(number.empty() ? state_.policy->emergency().first() : number).append("@");
    text_ += state_.names.pbx_host_port(request.pbx);
    state_.editor.replace(request.message.request_uri, text_);
    return;
  }
  if (!uri) {
    sealed_ = is_no_sip_uri(request.message.request_uri);
    return;
  }
  // What is secure on the access side says nothing of the core (RFC 5630 §3.1.3: each hop would have to be TLS).
  text_.append(state_.options.pbx.transport == Transport::tls ? uri->scheme : "sip").append(":");
  if (uri->has_user) text_.append(uri->user).append(uri->password.empty() ? "" : ":").append(uri->password).append("@");
  text_ += state_.names.pbx_host_port(request.pbx);
  // How the access side reaches us says nothing of how the PBX is reached.
  // A line is what a trunk registered; none of ours are reached from here.
  constexpr std::array<std::string_view, 3> ours_to_say{"transport", "maddr", "line"};
  sip::append_params_without(text_, uri->params, ours_to_say);
  state_.editor.replace(request.message.request_uri, text_);
}

void InwardRewriter::via(const Request& request) {
  const sip::RawMessage& message = request.message;
  text_ = state_.names.core_via();
  asker_.named_hidden = names_hidden(message);
  state_.branches.append(text_, request.id, asker_);
  state_.editor.insert_before(message.header_lines().front(), "Via", text_);
  // Every access-side Via gets received and rport: answers go to the source (RFC 3581 §4).
  text_.clear();
  sip::append_with_received(text_, message.top_via, request.flow.peer.address.to_string(), request.flow.peer.port, true);
  state_.editor.replace(message.top_via.whole, text_);
}

// Did he write a hidden name himself where answers repeat his words?
bool InwardRewriter::names_hidden(const sip::RawMessage& message) const {
  return std::ranges::any_of(message.header_lines(), [&](const sip::HeaderLine& header) {
    switch (header.name) {
      case HeaderName::via:
      case HeaderName::from:
      case HeaderName::to:
      case HeaderName::call_id:
        return state_.names.mentions_hidden(message.text(header.value));
      default:
        return false;
    }
  });
}

// Routes of the access side are never a next hop; the core's own come back from the token that we gave out, in the place of whom only we
// know (RFC 3261 §12.2.1.1).
void InwardRewriter::core_routes(const OpenedOutward& dialog) {
  const OutwardToken& token = dialog.token;
  if (token.routes.empty()) return;
  const bool strict = is_strict(token.routes.front());
  for (std::size_t i = strict ? 1 : 0; i < token.routes.size(); ++i) state_.editor.append("Route", token.routes[i]);
  if (!strict) return;
  text_ = "<";
  append_request_uri(text_, token.scheme, token.has_user, dialog.user, token.rest);
  state_.editor.append("Route", text_ + ">");
}

// Foreign proxies that record a route stay on it, and so must we.
void InwardRewriter::record_route(const sip::RawMessage& message) {
  const sip::HeaderLine* recorded = message.find(HeaderName::record_route);
  if (recorded != nullptr) state_.editor.insert_before(*recorded, "Record-Route", "<sip:" + state_.names.core_uri_address() + ";lr>");
}

bool InwardRewriter::response(const sip::RawMessage& response, const Flow& flow, const Return& back, std::string& out) {
  sip::Editor& editor = state_.editor;
  editor.reset(response);
  sealed_ = true;
  const bool redirect = response.status_code >= 300 && response.status_code < 400;
  if (redirect)
    editor.replace(response.start_line,
                   "SIP/2.0 " + std::string(back.redirect.empty() ? "480 Temporarily Unavailable" : "302 Moved Temporarily"));
  if (!back.redirect.empty()) editor.append("Contact", fmt::format("<sip:{}@{}>", back.redirect, state_.names.pbx_host_port()));

  bool vias_written = false;
  for (const sip::HeaderLine& header : response.header_lines()) {
    if (header.name == HeaderName::via) {
      if (!vias_written) each_line(back.vias, [&](std::string_view via) { editor.insert_before(header, "Via", via); });
      vias_written = true;
      editor.remove(header);
    } else if (header.name == HeaderName::contact && redirect) {
      editor.remove(header);
    } else if (header.name == HeaderName::contact && response.status_code < 300) {
      contact(response, header, flow, nullptr);
    } else if (header.name != HeaderName::record_route) {
      common_header(response, header, flow);
    }
  }
  recorded_routes(response);
  if (response.status_code > 100 && response.status_code < 300)
    each_line(back.routes, [&](std::string_view route) { editor.append("Record-Route", route); });
  body(response);
  if (!is_datagram(state_.options.pbx.transport)) editor.state_length();
  return sealed_ && editor.serialise(out);
}

// The PBX reads them from the bottom up: we are the first that it must go through.
void InwardRewriter::recorded_routes(const sip::RawMessage& response) {
  const sip::HeaderLine* last = nullptr;
  for (const sip::HeaderLine& header : response.header_lines()) {
    if (header.name != HeaderName::record_route) continue;
    if (last != nullptr) unmark(response, *last);
    last = &header;
  }
  if (last == nullptr) return;
  text_.clear();
  if (!state_.names.append_unmarked(text_, response.text(last->value))) text_ = response.text(last->value);
  state_.editor.replace(last->value, unfolded(text_) + ", <sip:" + state_.names.core_uri_address() + ";lr>");
}

void InwardRewriter::common_header(const sip::RawMessage& message, const sip::HeaderLine& header, const Flow& flow) {
  switch (header.name) {
    case HeaderName::from:
    case HeaderName::to:
    case HeaderName::refer_to:
    case HeaderName::referred_by:
      uris(message, header, flow);
      return;
    case HeaderName::call_id:
    case HeaderName::replaces:
    case HeaderName::in_reply_to:
    case HeaderName::join:
    case HeaderName::target_dialog:
    case HeaderName::record_route:  // it comes back as a Route, and who writes guesses must not see which of them is left out there
      unmark(message, header);
      return;
    case HeaderName::route:
    case HeaderName::path:
      state_.editor.remove(header);
      return;
    case HeaderName::supported:
    case HeaderName::require: {
      text_.clear();
      bool changed = false;
      sip::ElementReader reader(message.text(header.value));
      while (const auto option = reader.next()) {
        if (is_own_option(*option)) {
          changed = true;
        } else {
          text_.append(text_.empty() ? "" : ", ").append(*option);
        }
      }
      if (changed) replace_or_remove(header, text_, state_.editor);
      return;
    }
    default:
      if (is_untrusted(message, header)) state_.editor.remove(header);
  }
}

void InwardRewriter::contact(const sip::RawMessage& message, const sip::HeaderLine& header, const Flow& flow, RegisterPlan* registration) {
  std::size_t contacts = 0;
  sip::ElementReader reader(message.text(header.value));
  while (const auto text = reader.next()) {
    if (*text == "*") {
      if (registration != nullptr) Registrar::add_all(*registration);
      continue;
    }
    const auto element = sip::NameAddrView::parse(*text);
    const auto uri = element ? sip::UriView::parse(element->uri) : std::nullopt;
    if (!uri) {
      sealed_ = sealed_ && element && is_no_sip_uri(element->uri);
      continue;
    }
    if (++contacts > Registrations::bindings_an_aor) {
      sealed_ = false;
      return;
    }
    text_.clear();
    if (const Binding* held = registration != nullptr ? held_binding(*registration, *uri, flow) : nullptr) {
      text_ = held->core_contact;
    } else {
      sealed_ = append_inward_uri(text_, state_.tokens, *uri, flow, state_.names.core_uri_address()) && sealed_;
    }
    if (registration != nullptr) Registrar::add_contact(*registration, text_, uri->whole);
    replace_uri(state_.editor, *element, text_);
    const bool own = std::ranges::any_of(own_contact_params, [&](std::string_view name) { return element->param(name).has_value(); });
    if (!own) continue;
    text_.clear();
    sip::append_params_without(text_, unfolded(element->params), own_contact_params);
    state_.editor.replace(element->params, text_);
  }
}

/// A refresh gives the PBX what it holds already, whatever key sealed that: with max_contacts=1 it would refuse another one.
const Binding* InwardRewriter::held_binding(const RegisterPlan& plan, const sip::UriView& device, const Flow& flow) const {
  const Binding* held = state_.registrations.held_for(plan.aor_user, device.whole, flow, plan.now);
  if (held == nullptr) return nullptr;
  const std::string_view contact = held->core_contact;
  // Where the PBX reaches us may have changed with the configuration.
  return contact.substr(contact.rfind('@') + 1) == state_.names.core_uri_address() ? held : nullptr;
}

/// From or To as the prescreen has read it; false: it has to be read for this.
bool InwardRewriter::plain_address(const sip::RawMessage& message, const sip::HeaderLine& header, const Flow& flow) {
  const bool from = header.name == HeaderName::from;
  const sip::UriHost& host = from ? message.from_host : message.to_host;
  const std::string_view user = from ? message.from_user : message.to_user;
  if ((!from && header.name != HeaderName::to) || host.whole.empty() || user.find('~') != std::string_view::npos) return false;
  name_pbx(host, header, flow);
  unmark_tag(from ? message.from_tag : message.to_tag);
  return true;
}

/// In the place of what shows it to the access side.
void InwardRewriter::name_pbx(const sip::UriHost& host, const sip::HeaderLine& header, const Flow& flow) {
  const ShownAs shown = state_.names.shown_as(host.host, flow);
  if (shown == ShownAs::none) return;
  // Behind our host our port means the hidden one, as it does the other way round.
  const bool ours = host.port != 0 && host.port == state_.names.address_for(flow).port;
  const std::string_view port = host.whole.substr(host.host.size());
  state_.editor.replace(host.whole, ours ? state_.names.pbx_host_port() : state_.names.pbx_host() + std::string(port));
  if (header.name == HeaderName::from) asker_.from = {shown, ours};
  if (header.name == HeaderName::to) asker_.to = {shown, ours};
}

void InwardRewriter::unmark_tag(std::string_view tag) {
  text_.clear();
  if (state_.names.append_unmarked(text_, tag)) state_.editor.replace(tag, text_);
}

void InwardRewriter::uris(const sip::RawMessage& message, const sip::HeaderLine& header, const Flow& flow) {
  if (plain_address(message, header, flow)) return;
  sip::ElementReader reader(message.text(header.value));
  while (const auto text = reader.next()) {
    const auto element = sip::NameAddrView::parse(*text);
    const auto uri = element ? sip::UriView::parse(element->uri) : std::nullopt;
    if (!uri) continue;
    // A Refer-To made from the Contact that we gave out means the PBX's own Contact; what it embeds (Replaces) is kept.
    if (const auto opened = open_outward(state_.tokens, *uri)) {
      text_.clear();
      append_restored(text_, opened->token.scheme, opened->token.has_user, opened->user, opened->token.rest);
      append_unmarked_headers(text_, uri->headers);
      replace_uri(state_.editor, *element, text_);
      continue;
    }
    name_pbx({uri->host_port(), uri->host, uri->port}, header, flow);
    text_.clear();
    append_unmarked_headers(text_, uri->headers);
    if (text_ != uri->headers) state_.editor.replace(uri->headers, text_);
    if (const auto tag = element->param("tag")) unmark_tag(*tag);
  }
}

void InwardRewriter::append_unmarked_headers(std::string& out, std::string_view headers) const {
  each_uri_header(headers, [&](std::string_view text, bool has_call_id) {
    if (!has_call_id || !state_.names.append_unmarked(out, text)) out.append(text);
  });
}

void InwardRewriter::unmark(const sip::RawMessage& message, const sip::HeaderLine& header) {
  text_.clear();
  if (state_.names.append_unmarked(text_, message.text(header.value))) state_.editor.replace(header.value, unfolded(text_));
}

void InwardRewriter::body(const sip::RawMessage& message) {
  const BodyKind kind = body_kind(content_type_of(message));
  if (kind != BodyKind::known && kind != BodyKind::multipart) return;
  text_.clear();
  if (state_.names.append_unmarked_body(text_, message.body())) state_.editor.replace_body(text_);
}

void InwardRewriter::credentials(const Request& request, const sip::HeaderLine& header) {
  switch (request.credentials.fate_of(header)) {
    case CredentialsVerdict::Fate::keep:
      return;
    case CredentialsVerdict::Fate::remove:
      state_.editor.remove(header);
      return;
    case CredentialsVerdict::Fate::restore:
      text_.clear();
      Credentials::append_restored(text_, request.message.text(header.value));
      state_.editor.replace(header.value, unfolded(text_));
  }
}

void InwardRewriter::source(const Flow& flow) {
  text_ = flow.peer.to_string();
  text_.append(";transport=").append(to_string(flow.transport));
  const acl::Geo& geo = state_.policy->geo();
  if (geo.countries) text_.append(";country=").append(state_.countries.of(geo, flow.peer.address).to_string());
  state_.editor.append(source_name, text_);
}

}  // namespace postern::sbc
