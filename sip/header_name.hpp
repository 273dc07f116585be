// Header fields that we know by name, long and compact forms (RFC 3261 §7.3.3).
#pragma once

#include <cstdint>
#include <string_view>

namespace postern::sip {

enum class HeaderName : std::uint8_t {
  unknown,
  accept,
  alert_info,
  allow,
  allow_events,
  authentication_info,
  authorization,
  call_id,
  call_info,
  contact,
  content_encoding,
  content_length,
  content_type,
  cseq,
  date,
  diversion,
  error_info,
  event,
  expires,
  from,
  history_info,
  in_reply_to,
  join,
  max_forwards,
  mime_version,
  min_expires,
  organization,
  p_access_network_info,
  p_asserted_identity,
  p_called_party_id,
  p_charging_function_addresses,
  p_charging_vector,
  p_preferred_identity,
  p_served_user,
  path,
  proxy_authenticate,
  proxy_authorization,
  proxy_require,
  rack,
  reason,
  record_route,
  refer_sub,
  refer_to,
  referred_by,
  remote_party_id,
  replaces,
  require,
  retry_after,
  route,
  rseq,
  server,
  service_route,
  session_expires,
  subject,
  subscription_state,
  supported,
  target_dialog,
  to,
  unsupported,
  user_agent,
  via,
  warning,
  www_authenticate,
  x_asterisk,
  x_postern,  ///< any header that begins so
};

/// Without case, compact forms included; HeaderName::unknown for any other.
HeaderName header_name_of(std::string_view name);
/// The long form as it is usually written ("Record-Route"); "" for unknown and the prefixes.
std::string_view to_string(HeaderName name);

}  // namespace postern::sip
