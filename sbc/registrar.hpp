// What a REGISTER through us means: which Contact the PBX was given, what its 200 tells the device, and what we remember.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "sbc/state.hpp"
#include "sip/prescreen.hpp"

namespace postern::sbc {

/// What one REGISTER asked for; kept as the transaction's memo until its answer.
struct RegisterPlan {
  std::string memo;      ///< lines, each a tag and its text: see registrar.cpp
  std::string aor_user;  ///< whose registration
  TimePoint now;
  std::string replaced_contact;  ///< a binding over an older flow, to be taken off: the URI that the PBX holds, byte for byte
};

class Registrar {
 public:
  explicit Registrar(State& state) : state_(state) {}

  /// A REGISTER over the flow and with the Call-ID of a live registration of its AOR?
  [[nodiscard]] bool refreshes(const sip::RawMessage& request, const Flow& flow, TimePoint now) const;
  /// Begins a plan: whose registration, and which older binding it replaces (never beside "*", never when signing off, never without
  /// credentials that go on to the PBX: it checks them before it does what the Contacts say).
  RegisterPlan plan(const sip::RawMessage& request, const Flow& flow, bool credentials, TimePoint now) const;
  /// A device's Contact and the URI that the PBX was given for it.
  static void add_contact(RegisterPlan& plan, std::string_view core_uri, std::string_view device_uri);
  static void add_all(RegisterPlan& plan);

  /// Notes in a memo whose credentials a request brings.
  static void add_login(std::string& memo, std::string_view username);
  /// nullopt: it brought none.
  [[nodiscard]] static std::optional<std::string_view> login_in(std::string_view memo);

  /// The device's own URI for one that the PBX lists; nullopt: another device's or a foreign one, to be left out.
  [[nodiscard]] std::optional<std::string> restore(std::string_view memo, std::string_view listed_uri, const Flow& flow) const;

  /// What a device is told for an `expires` of the PBX's; nullopt: the same. A PBX over TCP or TLS forgets every Contact with our
  /// connection, so devices have to come back soon.
  [[nodiscard]] std::optional<std::chrono::seconds> shortened(std::string_view expires) const;

  /// A 2xx to REGISTER is going to be accepted (Registrations::expect_one_of()).
  void expect(const Transaction& asked);
  /// A 2xx to REGISTER: updates the registrations. Returns until when the source is known; nullopt: nothing is registered now.
  std::optional<TimePoint> accepted(const Transaction& asked, const sip::RawMessage& response, TimePoint now);
  /// Tells of a binding that ended.
  void ended(const Binding& binding, TimePoint now);

 private:
  [[nodiscard]] std::chrono::seconds longest() const;
  /// The core contact of the binding that this REGISTER replaces; nullptr: none.
  [[nodiscard]] const std::string* replaced_by(std::string_view aor_user, std::string_view call_id, std::string_view instance,
                                               const Flow& flow, TimePoint now) const;
  /// Takes off what a memo's line says is over, unless it is among what was accepted. True if a binding ended by it.
  bool take_off(std::string_view line, std::span<const std::string_view> accepted, std::string_view aor_user);
  /// The same at the other workers; no core contact: all of the AOR.
  void forget_elsewhere(std::string_view aor_user, std::string_view core_contact, bool replaced = false);
  void tell(EventKind kind, const Endpoint& source, std::string_view device, std::string_view call_id, TimePoint now);

  State& state_;
  Binding accepted_;  ///< so that its texts' memory is used again
};

}  // namespace postern::sbc
