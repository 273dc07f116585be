// What the tests of registrations make and look at.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sbc/registrations.hpp"

namespace postern::sbc {

using std::chrono::seconds;

inline TimePoint at(std::int64_t second) { return TimePoint(seconds(1'000'000 + second)); }

inline Flow flow(std::uint16_t port, std::uint32_t address = 0xc0000201) {
  return {Side::access, Transport::udp, 0, acl::Address::v4(0x0a000002), {acl::Address::v4(address), port}, 0};
}

inline Flow flow_of(const char* address) {
  Flow from = flow(5060);
  from.peer.address = acl::Address::parse(address).value_or(acl::Address());
  return from;
}

inline Binding binding(std::string_view aor, std::string_view contact, const Flow& from, TimePoint expires) {
  Binding made;
  made.aor_user = aor;
  made.call_id = "call-" + std::string(contact);
  made.contact_uri = "sip:device@192.168.1.2";
  made.core_contact = contact;
  made.flow = from;
  made.expires = expires;
  return made;
}

inline std::string contact(const Binding* found) { return found == nullptr ? "none" : found->core_contact; }

inline std::vector<std::string> expired(Registrations& registrations, TimePoint now, std::size_t limit = 1000) {
  std::vector<std::string> contacts;
  registrations.expire(now, limit, [&contacts](const Binding& ended) { contacts.push_back(ended.core_contact); });
  return contacts;
}

}  // namespace postern::sbc
