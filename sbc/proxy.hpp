// Step 7 of a datagram's life: where a message goes.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "sbc/admission.hpp"
#include "sbc/answers.hpp"
#include "sbc/audio_watch.hpp"
#include "sbc/call_watch.hpp"
#include "sbc/device_limits.hpp"
#include "sbc/dialog.hpp"
#include "sbc/failover.hpp"
#include "sbc/password_watch.hpp"
#include "sbc/redirects.hpp"
#include "sbc/registrar.hpp"
#include "sbc/rewrite.hpp"
#include "sbc/state.hpp"
#include "sbc/stateless_response.hpp"

namespace postern::sbc {

/// A request of the access side that has come through admission.
struct Arrival {
  const sip::RawMessage& message;
  const Flow& flow;
  const BranchId& id;
  const Dialog& dialog;
  const SourceStanding& source;
  CredentialsVerdict& credentials;
};

class Proxy {
 public:
  Proxy(State& state, Admission& admission, Answers& answers);
  /// Takes over the state's options.
  void apply(TimePoint now) { device_limits_.apply(now); }

  [[nodiscard]] Dialog dialog_of(const sip::RawMessage& request, const Flow& flow);

  /// What its token alone, or the want of one, refuses of a request that matched no transaction; it need not be parsed for that.
  std::optional<Outcome> refused(const sip::RawMessage& request, const Flow& flow, const Dialog& dialog, TimePoint now, Outbox& out);
  Outcome request_from_access(const Arrival& arrival, TimePoint now, Outbox& out);
  /// The device that a request of the PBX names by our token.
  [[nodiscard]] std::optional<OpenedInward> target_of(const sip::RawMessage& request);
  [[nodiscard]] BranchId core_branch_id(const sip::RawMessage& request, const Flow& flow, const std::optional<OpenedInward>& target);
  Outcome request_from_core(const sip::RawMessage& request, const Flow& flow, const BranchId& id, const std::optional<OpenedInward>& target,
                            TimePoint now, Outbox& out);
  /// Is this the REGISTER of a device that is registered over this very flow, with its Call-ID?
  [[nodiscard]] bool refreshes(const sip::RawMessage& request, const Flow& flow, TimePoint now) const {
    return registrar_.refreshes(request, flow, now);
  }
  /// `weak_passwords: refuse`: see PasswordWatch::refuses().
  [[nodiscard]] bool refuses_password(const sip::RawMessage& request, const CredentialsVerdict& credentials) const {
    return passwords_.refuses(request, credentials);
  }
  /// Is this response one to a request of ours that went to where it comes from? It proves its source then.
  [[nodiscard]] bool awaits(const sip::RawMessage& response, const Flow& flow) const;
  Outcome response(const sip::RawMessage& response, const Flow& flow, TimePoint now, Outbox& out);
  /// A registration's time ran out.
  void ended(const Binding& binding, TimePoint now) { registrar_.ended(binding, now); }

 private:
  Outcome forward(const BranchId& id, const sip::RawMessage& request, const Departure& departure, TimePoint now, Outbox& out);
  Outcome forgotten(const BranchId& id, const sip::RawMessage& response, const Flow& flow, TimePoint now, Outbox& out);
  Outcome response_from_core(const sip::RawMessage& response, const Flow& flow, Transaction& transaction, TimePoint now, Outbox& out);
  /// What is passed on in the place of a response that would tell which extensions there are; nullptr: the response itself.
  const sip::RawMessage* instead_of(const sip::RawMessage& response, const Transaction& transaction, TimePoint now);
  /// Passes a response of the PBX on to whoever asked.
  Outcome answer(const sip::RawMessage& response, const Flow& flow, Transaction& transaction, TimePoint now, Outbox& out);
  Outcome response_from_access(const sip::RawMessage& response, const Flow& flow, Transaction& transaction, TimePoint now, Outbox& out);
  std::optional<Outcome> over_limits(const Arrival& arrival, DeviceClaim& claim, TimePoint now, Outbox& out);
  /// What the answer has to know of them.
  void note_credentials(const Arrival& arrival, std::string& memo, TimePoint now);
  /// Whether the challenge that answers a request whose credentials were taken off may say stale.
  bool says_stale(const Arrival& arrival, TimePoint now);
  [[nodiscard]] bool has_been_here(const sip::RawMessage& request) const;
  bool is_late(const BranchId& id, const sip::RawMessage& response, const Flow& flow, TimePoint now, Outbox& out);
  void note_login(const sip::RawMessage& response, const Transaction& transaction, TimePoint now);
  [[nodiscard]] bool is_open(const Flow& access) const;
  void need_connections(const Flow& one, const Flow& other, TimePoint until);
  void count_forwarded(const Flow& to, sip::Method method);

  State& state_;
  Admission& admission_;
  Answers& answers_;
  Registrar registrar_;
  InwardRewriter inward_;
  OutwardRewriter outward_;
  Redirects redirects_;
  StatelessResponses stateless_;
  Failover failover_;
  DeviceLimits device_limits_;
  PasswordWatch passwords_{state_};
  CallWatch calls_;
  AudioWatch audio_;
  std::string message_;  ///< the message being written
  OutwardRewriter::Hidden hidden_;
};

}  // namespace postern::sbc
