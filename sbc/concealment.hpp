// A REGISTER for a user that the PBX does not know is answered as one with a wrong password is, so that nobody learns which extensions
// there are (sip-behaviour.md, "Proof, credentials, amplification"). Asterisk does so itself; other PBXs tell.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "acl/rate.hpp"
#include "sbc/mac.hpp"
#include "sip/editor.hpp"
#include "sip/prescreen.hpp"

namespace postern::sbc {

class Concealment {
 public:
  static constexpr std::size_t longest_challenge = 2048;  ///< a header section beyond this is not learned from

  explicit Concealment(Mac& mac) : mac_(mac) {}

  /// A 401 of the PBX to a REGISTER: what others get will look like it. True: it is the first of its second.
  bool learn(const sip::RawMessage& challenge, acl::TimePoint now);
  /// Does an answer to REGISTER with this status tell that there is no such user, or that there is one?
  [[nodiscard]] static bool tells(int status_code);
  /// The PBX's challenge to any other user, with a nonce and a To tag of the same shape; for the same `call_id` and `branch` the same ones.
  /// Within the second the nonce itself: Asterisk and others give everybody the same one so long. It holds until the next call. nullptr:
  /// none has been learned yet.
  const sip::RawMessage* challenge(std::string_view call_id, std::string_view branch, acl::TimePoint now);

 private:
  /// Other letters of the same kinds in the place of those that differ from one nonce (or tag) of the PBX to the next.
  [[nodiscard]] std::string like(std::string_view text, std::string_view before, std::string_view salt);

  void replace_nonces(std::string_view other);

  Mac& mac_;
  std::string learned_;
  std::chrono::seconds learned_at_{0};
  std::string nonce_, nonce_before_, tag_, tag_before_;
  sip::Editor editor_;
  std::string made_;
  sip::RawMessage message_;
};

}  // namespace postern::sbc
