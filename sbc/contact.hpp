// Our Contact in the place of theirs: <sip:USER~TOKEN@ADDRESS:PORT>, always in angle brackets.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "sbc/flow.hpp"
#include "sbc/registrations.hpp"
#include "sbc/tokens.hpp"
#include "sip/uri.hpp"

namespace postern::sbc {

/// Of a URI all behind its user: what a token must keep to restore it.
std::string_view rest_of(const sip::UriView& uri);
/// Neither sip: nor sips: (a tel: URI, say): nobody sends SIP there, so it may stand. One of ours that cannot be split may not: what we
/// do not understand is not passed on as a place to send to.
bool is_no_sip_uri(std::string_view uri);
/// The URI as it was: scheme, user, rest.
void append_restored(std::string& out, std::string_view scheme, bool has_user, std::string_view user, std::string_view rest);

/// As what is called by it, which has no headers ("?..."; RFC 3261 §19.1.1).
std::string_view without_headers(std::string_view uri);
/// As append_restored(), without them.
void append_request_uri(std::string& out, std::string_view scheme, bool has_user, std::string_view user, std::string_view rest);

/// Appends the URI (no brackets) that the PBX is given for a device's: `core_address` is "host:port". False: longer than any token may
/// stand for.
[[nodiscard]] bool append_inward_uri(std::string& out, Tokens& tokens, const sip::UriView& device, const Flow& flow,
                                     std::string_view core_address);
/// Appends the URI (no brackets, and behind the scheme) that the access side is given for the PBX's without its headers. `token` comes with
/// pbx, hashes and routes filled in. False as above.
[[nodiscard]] bool append_outward_uri(std::string& out, Tokens& tokens, const sip::UriView& pbx, OutwardToken token,
                                      std::string_view public_address);

/// The token in a URI's user part, if it opens. `user` is what stands before it.
struct OpenedInward {
  InwardToken token;
  std::string_view user;
};
struct OpenedOutward {
  OutwardToken token;
  std::string_view user;
};
std::optional<OpenedInward> open_inward(Tokens& tokens, const sip::UriView& uri);
std::optional<OpenedOutward> open_outward(Tokens& tokens, const sip::UriView& uri);

/// As open_inward(), and of a live binding also where its token does not open any more: its content has left the bounded table, or its key
/// is too old.
std::optional<OpenedInward> open_device(Tokens& tokens, const Registrations& registrations, const sip::UriView& uri);

/// A header's text in one line: folds (RFC 3261 §7.3.1) become spaces, so that it may be written again.
void append_unfolded(std::string& out, std::string_view value);
std::string unfolded(std::string_view value);

}  // namespace postern::sbc
