// What the workers of one process tell each other, and what is one for all of them (docs/adr/0016-several-workers.md).
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "acl/bans.hpp"
#include "acl/rate.hpp"
#include "sbc/called_countries.hpp"
#include "sbc/credentials.hpp"
#include "sbc/device_use.hpp"
#include "sbc/digest_replays.hpp"
#include "sbc/durable.hpp"
#include "sbc/fellow_bindings.hpp"
#include "sbc/flow.hpp"
#include "sbc/strikes.hpp"
#include "sbc/weak_passwords.hpp"

namespace postern::sbc {

// A note tells what has happened at one worker, for those who may have to act on it. It comes a moment later, in the order of the notes,
// and none waits for it; packets that are handed over have no order with them. `may_be_lost`: where a worker has very many waiting it hears
// of the next one. What ends something may not.

/// A source is banned on proven evidence.
struct BanNote {
  acl::Address source;
  TimePoint until;
  std::uint16_t cause = 0;
  static constexpr bool may_be_lost = false;
};
/// A device is registered, or goes on to be.
struct RegisteredNote {
  std::shared_ptr<const FellowBinding> binding;  ///< never nullptr
  static constexpr bool may_be_lost = true;      // the next REGISTER tells again; until then one Contact too many stands at the PBX
};
/// It has taken itself off, or has come back at another worker.
struct UnregisteredNote {
  std::string aor_user;
  std::string core_contact;  ///< empty: all of them
  bool replaced = false;     ///< its binding at the other worker goes on in its place: that is no end to tell of
  static constexpr bool may_be_lost = false;
};
/// What did not fit a token stands in the table.
struct ContentNote {
  TokenContent content;
  static constexpr bool may_be_lost = true;  // as full tables lose some
};
/// RouteSets keeps this for a dialog.
struct RouteSetNote {
  std::uint64_t dialog = 0;
  std::string text;
  static constexpr bool may_be_lost = true;  // the same
};
/// How the PBX challenges a REGISTER now: the response's header section.
struct ChallengeNote {
  std::string response;
  static constexpr bool may_be_lost = true;  // told once a second
};
/// An address of the PBX answers or does not, as far as whoever tells it could find out.
struct PbxNote {
  Endpoint address;
  bool up = true;
  bool steady = true;
  static constexpr bool may_be_lost = false;
};
/// Whether it does should be found out soon.
struct PbxDoubtNote {
  Endpoint address;
  static constexpr bool may_be_lost = true;  // it goes on to be in doubt
};
/// The PBX has refused credentials.
struct FailedLoginNote {
  static constexpr bool may_be_lost = true;  // one of many
};

using Note = std::variant<BanNote, RegisteredNote, UnregisteredNote, ContentNote, RouteSetNote, ChallengeNote, PbxNote, PbxDoubtNote,
                          FailedLoginNote>;

inline bool may_be_lost(const Note& note) {
  return std::visit([](const auto& each) { return each.may_be_lost; }, note);
}

/// The other workers, as one of them sees them.
class Fellows {
 public:
  Fellows() = default;
  virtual ~Fellows() = default;
  Fellows(const Fellows&) = delete;
  Fellows& operator=(const Fellows&) = delete;

  /// To each of them: Engine::learn().
  virtual void tell(Note note) = 0;
  /// Do packets of this source come to this worker?
  [[nodiscard]] virtual bool is_ours(const acl::Address& source) const = 0;
  /// What came over `core` is for the worker that packets of `source` come to: Engine::handle().
  virtual void hand_over(const acl::Address& source, const Flow& core, std::string_view bytes) = 0;
};

/// One for all workers.
struct Shared {
  static constexpr std::size_t devices_remembered = 65'536;

  Shared(std::uint64_t seed, bool alone)
      : pbx(alone),
        unknown_sources(alone),
        emergency{acl::SharedBucket(alone), acl::SharedBucket(alone)},
        replays(Credentials::remembered, seed, Credentials::life),
        devices(devices_remembered, seed + 1),
        guessed(seed + 2),
        weak_passwords(seed + 3) {}

  acl::SharedBucket pbx, unknown_sources;      ///< limits.pbx, limits.unknown_sources
  std::array<acl::SharedBucket, 2> emergency;  ///< of emergency calls, by whether the first message proves where it comes from
  acl::Appointments returns;                   ///< of devices that limits.pbx refused
  DigestReplays replays;
  DeviceUse devices;  ///< limits.per_device, limits.concurrent_calls
  GuessedAccounts guessed;
  WeakPasswords weak_passwords;
  CalledCountries called_countries;
  std::atomic<bool> public_source_seen = false;  ///< a packet of the access side came from an address that is not private
};

/// What an engine is given of its company; nothing: it is alone.
struct Company {
  Fellows* fellows = nullptr;  ///< outlives the engine
  std::shared_ptr<Shared> shared;
};

}  // namespace postern::sbc
