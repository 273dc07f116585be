// What is written into a message for the side that it leaves on. Everything that is not named here goes on byte for byte.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "sbc/bodies.hpp"
#include "sbc/branch.hpp"
#include "sbc/contact.hpp"
#include "sbc/registrar.hpp"
#include "sbc/request_head.hpp"
#include "sbc/state.hpp"
#include "sbc/veil.hpp"
#include "sip/prescreen.hpp"

namespace postern::sbc {

/// 32 bits of a keyed hash, for what an outward token remembers of its flow and its dialog. A flow's listener counts by its port, so that
/// the hash outlives a change of the listeners' order.
std::uint32_t flow_hash_of(State& state, const Flow& flow);
/// A dialog as it is told from all others of one flow, by a keyed hash: the tag of the device's side is not needed for it, and a forked
/// request's early dialogs differ. Both as the access side knows them. A token holds the lower half.
std::uint64_t dialog_key_of(Mac& mac, std::string_view call_id, std::string_view core_tag);

/// Access to core. All return false if the result would not be a message (too large, or a part that must not be written).
class InwardRewriter {
 public:
  explicit InwardRewriter(State& state) : state_(state) {}

  struct Request {
    const sip::RawMessage& message;
    const Flow& flow;
    const BranchId& id;
    const CredentialsVerdict& credentials;
    const OpenedOutward* dialog = nullptr;  ///< the token in the Request-URI, if it opened
    RegisterPlan* registration = nullptr;   ///< of a REGISTER: filled in
    std::uint8_t pbx = 0;                   ///< which of its addresses it goes to
    bool emergency = false;                 ///< its Request-URI may be a tel: URI or an emergency service's URN: the PBX gets the number
  };
  bool request(const Request& request, std::string& out);
  /// Why the last message could not be written: false, a Contact that cannot be read or is too long to be given back; else its size.
  [[nodiscard]] bool contacts_fit() const { return sealed_; }
  /// Of the last request: Outgoing::pad_at.
  [[nodiscard]] std::size_t pad_at() const { return pad_at_; }
  struct Return {
    std::string_view vias;      ///< those that were hidden, one value a line
    std::string_view routes;    ///< what the core had recorded, as lines; it goes back with what makes a dialog (§16.6 step 4, §12.1.1)
    std::string_view redirect;  ///< of a 3xx: the user that the PBX is to call instead; empty: it becomes 480
  };
  bool response(const sip::RawMessage& response, const Flow& flow, const Return& back, std::string& out);

 private:
  void common_header(const sip::RawMessage& message, const sip::HeaderLine& header, const Flow& flow);
  void body(const sip::RawMessage& message);
  void request_uri(const Request& request);
  void via(const Request& request);
  void core_routes(const OpenedOutward& dialog);
  void record_route(const sip::RawMessage& message);
  void recorded_routes(const sip::RawMessage& response);
  void contact(const sip::RawMessage& message, const sip::HeaderLine& header, const Flow& flow, RegisterPlan* registration);
  [[nodiscard]] const Binding* held_binding(const RegisterPlan& plan, const sip::UriView& device, const Flow& flow) const;
  void uris(const sip::RawMessage& message, const sip::HeaderLine& header, const Flow& flow);
  [[nodiscard]] bool names_hidden(const sip::RawMessage& message) const;
  [[nodiscard]] bool plain_address(const sip::RawMessage& message, const sip::HeaderLine& header, const Flow& flow);
  void name_pbx(const sip::UriHost& host, const sip::HeaderLine& header, const Flow& flow);
  void unmark_tag(std::string_view tag);
  void append_unmarked_headers(std::string& out, std::string_view headers) const;
  void unmark(const sip::RawMessage& message, const sip::HeaderLine& header);
  void source(const Flow& flow);
  void credentials(const Request& request, const sip::HeaderLine& header);

  State& state_;
  std::string text_;
  Asker asker_;         ///< what the branch keeps of the request
  bool sealed_ = true;  ///< every Contact of this message could be sealed
  std::size_t pad_at_ = 0;
};

/// Core to access.
class OutwardRewriter {
 public:
  /// A parameter of our Via: below the PBX's own Via and with the routes that it recorded, what its answer needs (a PBX that is a proxy).
  static constexpr std::string_view beside_branch = "way";

  explicit OutwardRewriter(State& state) : state_(state), veil_(state.names, state.tokens) {}

  /// What was taken off a request, one value a line; the responses get it back.
  struct Hidden {
    std::string vias;
    std::string routes;  ///< the core's Record-Routes
  };
  /// `target`: the opened token of the Request-URI.
  bool request(const sip::RawMessage& request, const Flow& core, const OpenedInward& target, const BranchId& id, Hidden& hidden,
               std::string& out);
  /// Whom a response answers, and what.
  struct Asked {
    const Flow& access;
    std::string_view request;              ///< the header section of the request as it came
    TimePoint now;                         ///< when a challenge is given out
    bool stale = false;                    ///< a challenge says stale: the request's credentials were taken off
    const Registrar* registrar = nullptr;  ///< of a REGISTER that was accepted: what its Contacts stood for, with `memo`
    std::string_view memo = {};
  };
  /// What an answer repeats of the request (RFC 3261 §8.2.6.2) is written from the request, not from the response: nobody learns by it
  /// which of the names that he wrote himself are hidden ones.
  bool response(const sip::RawMessage& response, const Flow& core, const Asked& asked, std::string& out);
  /// Where the last message asks a phone that is outside for its audio, if that is inside (sbc/sdp.hpp).
  [[nodiscard]] const std::optional<acl::Address>& audio_inside() const { return audio_inside_; }

 private:
  struct Context {
    const sip::RawMessage& message;
    const Flow& core;
    const Flow& access;
    std::vector<std::string> routes;           ///< the core's, which every Contact of this message is sealed with
    bool tokens = true;                        ///< Contacts are where requests go; else (3xx and above) they are names like any other
    const RequestHead* asked = nullptr;        ///< of a response: what it answers
    bool secure = false;                       ///< the device asks, or is asked, by a sips: URI: so is our Contact (RFC 3261 §12.1.1)
    bool in_dialog = false;                    ///< the request had a To tag: what it records changes no route set (RFC 3261 §12.2)
    std::optional<std::uint64_t> dialog = {};  ///< its key, if this message's Contact is the target of one
  };
  void name_dialog(Context& context);
  [[nodiscard]] OutwardToken token_of(const Context& context) const;
  void keep_routes(Context& context);
  void routes_of_path(Context& context) const;
  void foreign_routes(const Context& context, const OpenedInward& target);
  void common_header(const Context& context, const sip::HeaderLine& header);
  void request_vias(const Context& context, const BranchId& id, Hidden& hidden);
  void own_via(const Context& context, const BranchId& id, const Hidden& hidden);
  void repeated_vias(const Context& context);
  void repeated_header(const Context& context, const sip::HeaderLine& header);
  void unsupported(const Context& context, const sip::HeaderLine& header);
  void listed_contacts(const Context& context, const sip::HeaderLine& header, const Asked& asked);
  void contact(const Context& context, const sip::HeaderLine& header);
  [[nodiscard]] std::string sealed_contact(const Context& context, const OutwardToken& token, const sip::UriView& uri);
  void record_routes(Context& context, std::string& hidden_routes);
  void core_routes_off(Context& context);
  [[nodiscard]] std::string_view user_without_token(const sip::UriView& uri);
  void uris(const Context& context, const sip::HeaderLine& header);
  void append_shown_headers(std::string& out, std::string_view headers, const Flow& access);
  [[nodiscard]] std::string shown_with_tag(std::string_view text, const std::optional<sip::NameAddrView>& element, const Flow& access);
  void hide(const Context& context, const sip::HeaderLine& header);
  void digest(const Context& context, const sip::HeaderLine& header);
  void challenge(const Context& context, const sip::HeaderLine& header, const Asked& asked);
  void authentication_info(const Context& context, const sip::HeaderLine& header);
  [[nodiscard]] std::string shown_digest(std::string_view value, const Flow& access);
  [[nodiscard]] std::string shown(std::string_view text, const Flow& access);
  void call_id(const Context& context, const sip::HeaderLine& header);
  void body(const Context& context);
  /// Counts what leaves as it is and names the core.
  void count_named(NotHidden where, std::string_view text) {
    if (veil_.covers(text)) ++state_.metrics.not_hidden[static_cast<std::size_t>(where)];
  }

  State& state_;
  Veil veil_;
  RequestHead asked_;
  std::optional<acl::Address> audio_inside_;
  std::string text_;
  bool sealed_ = true;  ///< every Contact of this message could be sealed
};

/// The header's value becomes `text`; what has nothing left goes altogether.
void replace_or_remove(const sip::HeaderLine& header, std::string_view text, sip::Editor& editor);
/// Max-Forwards less one, or 70 where there was none (RFC 3261 §16.6 step 3). It is known to be above 0.
void decrement_max_forwards(const sip::RawMessage& message, sip::Editor& editor);
/// Calls visit(text, has_call_id) for each header of a URI ("?Replaces=...", then "&Subject=..."): one that names a call by its Call-ID
/// (RFC 3891, RFC 3911, RFC 4538) is mapped as the Call-ID is.
template <class F>
void each_uri_header(std::string_view headers, F&& visit) {
  while (!headers.empty()) {
    const std::string_view behind_mark = headers.substr(1);  // find() from a place on has GCC 12 warn of an overread (-Wstringop-overread)
    const std::size_t end = 1 + std::min(behind_mark.find('&'), behind_mark.size());
    const std::string_view text = headers.substr(0, end);
    const std::string_view name = text.substr(1, std::min(text.find('='), text.size()) - 1);
    visit(text, sip::iequals(name, "Replaces") || sip::iequals(name, "Join") || sip::iequals(name, "Target-Dialog") ||
                    sip::iequals(name, "In-Reply-To") || sip::iequals(name, "Call-ID"));
    headers.remove_prefix(end);
  }
}
/// Is this the URI that we record toward the core?
bool is_our_route(const Names& names, const sip::UriView& uri);
/// The URI of an element of Route or Record-Route; nullopt: it cannot be read.
std::optional<sip::UriView> route_uri(std::string_view element);
/// Whoever put this route there wants the request to be addressed to it (RFC 3261 §16.6 step 6): it has no `lr`.
bool is_strict(std::string_view element);
/// Appends the URI of a route as it stands in a Request-URI (§19.1.1: without headers).
void append_as_request_uri(std::string& out, std::string_view element);

}  // namespace postern::sbc
