// What a datagram tells at a glance, for what is refused without being read.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "sip/method.hpp"

namespace postern::sip {

/// Of a request.
struct Glance {
  Method method = Method::other;
  std::string_view method_text;
  std::size_t headers = 0;  ///< where they begin
};

/// Of a request that is surely none of a dialog of ours (its Request-URI would hold a token, behind "~") and no ACK or CANCEL; nullopt: it
/// has to be read. Nothing else of it is checked.
std::optional<Glance> glance(std::string_view bytes);

/// The User-Agent of a request as prescreen() reads it, empty if there is none; nullopt: it has to be read.
std::optional<std::string_view> glance_user_agent(std::string_view bytes, const Glance& seen);

}  // namespace postern::sip
