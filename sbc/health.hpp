// Which of the PBX's addresses live: asked by OPTIONS of our own, and seen from what they leave unanswered.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "acl/rate.hpp"
#include "sbc/branch.hpp"
#include "sbc/fellows.hpp"
#include "sbc/flow.hpp"
#include "sbc/journal.hpp"
#include "sbc/mac.hpp"
#include "sbc/metrics.hpp"
#include "sbc/names.hpp"
#include "sbc/options.hpp"
#include "sbc/outbox.hpp"

namespace postern::sbc {

using acl::TimePoint;

/// What the PBX makes of us.
struct PbxStanding {
  bool probably_banned = false;       ///< it fell silent shortly after it had refused logins, and still is
  std::uint32_t logins_survived = 0;  ///< so many did it refuse within ten minutes, and went on answering
  bool operator==(const PbxStanding&) const = default;
};

/// Any answer to OPTIONS within pbx.timeout means that an address lives; none, though it was repeated, that it is dead. Checks begin once
/// there is a user to ask as. Until then, and with health_check off, requests tell: one that is left without any answer while nothing else
/// came from that address counts against it, and after a while the next request tries it again. One a worker: the first one asks, and all
/// tell each other what they find out. Whether there is a connection is each one's own affair.
class Health {
 public:
  /// All must outlive it. `shown` is kept up to date from the first apply() on. `fellows`: nullptr: there are none.
  Health(const PbxOptions& options, const Names& names, Mac& mac, Journal& journal, std::vector<PbxUp>& shown, Fellows* fellows)
      : options_(options), names_(names), mac_(mac), journal_(journal), shown_(shown), fellows_(fellows) {}
  /// Takes over the options' addresses. What is known of one that was there before stays.
  void apply();

  /// The connection to one of them has been made, or could not be made, or has ended (`why`). PBX over TCP or TLS only.
  void linked(const Endpoint& address, TimePoint now);
  void unlinked(const Endpoint& address, std::string_view why, TimePoint now);

  /// A SIP message came from there.
  void heard(const acl::Address& address, TimePoint now);
  /// The To user of a REGISTER that was accepted: who asks, unless the operator named somebody.
  void registered(std::string_view user);
  /// Credentials were refused: what makes a PBX ban us.
  void failed_login(TimePoint now);

  // What another worker tells.
  void told(const PbxNote& note, TimePoint now);
  void doubted(const Endpoint& address, TimePoint now);
  void login_failed(TimePoint now);
  /// A request that was sent there at `since` got no answer at all.
  void silent(std::uint8_t pbx, bool proven, TimePoint since, TimePoint now);
  /// A response with such a branch came: true if it is to one of our OPTIONS.
  bool answered(const BranchId& id, const Flow& from, TimePoint now);

  /// Where a new request goes; nullopt: all are known to be dead.
  [[nodiscard]] std::optional<std::uint8_t> first(TimePoint now);
  /// The same, none of those whose bits are set in `tried`.
  [[nodiscard]] std::optional<std::uint8_t> next(std::uint32_t tried, TimePoint now);

  [[nodiscard]] PbxStanding standing() const;
  [[nodiscard]] std::optional<TimePoint> next_deadline() const;
  void advance(TimePoint now, Outbox& out);

 private:
  static constexpr std::size_t downs_kept = 4;
  struct Pbx {
    Endpoint address;
    bool up = true;
    bool heard = false;      ///< ever
    bool linked = true;      ///< false: there is no connection to it
    bool banned_us = false;  ///< it fell silent shortly after failed logins
    bool steady = true;      ///< false: it came back, but went down too often; others go first
    unsigned answers_in_row = 0;
    unsigned against = 0;                                      ///< weight of requests that were left unanswered
    std::array<std::optional<TimePoint>, downs_kept> downs{};  ///< the last times that it went down
    std::size_t downs_count = 0;
    std::optional<TimePoint> last_heard, down_since;
    TimePoint try_again;   ///< without checks: when a request may find out whether a dead one lives
    TimePoint next_doubt;  ///< until then the worker that asks has been told

    // The check under way.
    std::optional<TimePoint> asked;
    BranchId id;
    std::string sent;
    TimePoint resend_at, gives_up_at;
    std::chrono::milliseconds interval{0};
    TimePoint next_check;
  };

  [[nodiscard]] Pbx* find(const Endpoint& address);
  [[nodiscard]] Flow flow_to(const Pbx& pbx) const;
  [[nodiscard]] bool checks() const;
  /// It is this worker that asks.
  [[nodiscard]] bool asks() const { return options_.worker == 0; }
  /// A check should come within `delay`, whoever asks.
  void doubt(Pbx& pbx, acl::Duration delay, TimePoint now);
  [[nodiscard]] std::string_view user() const;
  void ask(Pbx& pbx, TimePoint now, Outbox& out);
  void write_options(const Pbx& pbx, std::size_t index, std::string& out);
  void gave_no_answer(Pbx& pbx, TimePoint now, std::string_view what);
  void gave_answer(Pbx& pbx, TimePoint now);
  void count_answer(Pbx& pbx, TimePoint now);
  void lost(Pbx& pbx, TimePoint now, std::string_view what);
  void note_heard(Pbx& pbx);
  [[nodiscard]] PbxUp& shown(const Pbx& pbx) { return shown_[static_cast<std::size_t>(&pbx - pbx_.data())]; }
  void tell_fellows(const Pbx& pbx);
  [[nodiscard]] unsigned downs_lately(const Pbx& pbx, TimePoint now) const;
  [[nodiscard]] bool usable(const Pbx& pbx, TimePoint now) const;
  void tell(const Pbx& pbx, EventKind kind, std::string_view message, TimePoint now);
  [[nodiscard]] bool logins_failed_lately(TimePoint now) const;
  [[nodiscard]] std::string remedy(const Pbx& pbx, TimePoint now) const;

  const PbxOptions& options_;
  const Names& names_;
  Mac& mac_;
  Journal& journal_;
  std::vector<PbxUp>& shown_;
  Fellows* fellows_;
  std::vector<Pbx> pbx_;
  std::string registered_user_;
  std::uint32_t count_ = 0;  ///< of checks: each has a branch and a Call-ID of its own
  std::array<std::optional<TimePoint>, 3> failed_logins_{};
  std::size_t next_failed_login_ = 0;
  TimePoint logins_since_;  ///< the ten minutes in which they are counted
  std::uint32_t logins_ = 0, logins_survived_ = 0;
};

}  // namespace postern::sbc
