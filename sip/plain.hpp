// Readers for what is plainly written: most of what phones and PBXs send. Each goes over a field once and knows forms with one reading
// only: no quotes but around a display name, no escapes, no comments, no lists, no white space where it need not be. What they read they
// read as the readers for everything do (sip/readers.hpp), and sofia-sip finds no fault with it: tests/fuzz/fuzz_differential.cpp holds
// them to both. Internal to sip/.
#pragma once

#include <string_view>

#include "sip/prescreen.hpp"

namespace postern::sip::plain {

// Each returns false where the field is not plain; `out` is then half filled.

/// A SIP URI without a password and headers.
bool read_uri(std::string_view uri, std::string_view& user, UriHost& host);
struct Address {
  std::string_view user;  ///< of its URI
  UriHost host;
  std::string_view tag;  ///< empty: none
};
/// From and To: a name-addr with such a URI.
bool read_address(std::string_view value, Address& out);
/// One Via of SIP/2.0.
bool read_via(std::string_view value, ViaView& out, std::string_view& branch);

/// Is there nothing in this message, which passed the prescreen, that check() could find fault with?
bool is_good(const RawMessage& message);

}  // namespace postern::sip::plain
