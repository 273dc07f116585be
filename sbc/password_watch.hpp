// Weak passwords seen on the wire (`weak_passwords`): whose digests are looked at, and who is refused.
#pragma once

#include "sbc/state.hpp"
#include "sip/prescreen.hpp"

namespace postern::sbc {

/// Digest credentials tell nobody the password, but show whether it is one that can be guessed: what a device has registered with is tried
/// against such ones on another thread, with what it sent and nothing else.
class PasswordWatch {
 public:
  explicit PasswordWatch(State& state) : state_(state) {}

  /// The PBX has accepted this REGISTER: its digest is handed in, unless that account was looked at lately.
  void accepted(const Transaction& asked, std::string_view aor_user, TimePoint now) const;
  /// `refuse`: are these the credentials of an account that is known to be weak, made with a password of the kind that it was then? So
  /// they are no more once the password has been changed.
  [[nodiscard]] bool refuses(const sip::RawMessage& request, const CredentialsVerdict& credentials) const;

 private:
  State& state_;
};

}  // namespace postern::sbc
