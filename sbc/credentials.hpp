// Whose credentials these are (sip-behaviour.md, "Proof, credentials, amplification"): an opaque for each source proves a packet, and what
// was captured from another does not reach the PBX.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "acl/bounded_table.hpp"
#include "acl/rate.hpp"
#include "sbc/digest_replays.hpp"
#include "sbc/flow.hpp"
#include "sbc/mac.hpp"
#include "sip/prescreen.hpp"

namespace postern::sbc {

using acl::TimePoint;

/// What the credentials of one request are worth.
enum class CredentialsStanding : std::uint8_t {
  none,      ///< there are none
  proven,    ///< with the opaque that was made for their source, within its life: the packet comes from where it says
  plain,     ///< they pass and prove nothing: no opaque but a nonce that was given to this source, or not Digest
  foreign,   ///< made for another source, for a challenge that we do not know or no longer, or not to be read without doubt
  replayed,  ///< the same digest response has come from another source
};

/// Their words, as in the metric and the log.
inline constexpr std::array<std::string_view, 5> credentials_words{"none", "proven", "plain", "foreign", "replayed"};

/// The verdict for a request, one entry for each of its Authorization and Proxy-Authorization headers.
struct CredentialsVerdict {
  static constexpr std::size_t most_headers = 2;  ///< one for a registrar, one for a proxy; what stands beyond is taken off

  enum class Fate : std::uint8_t { keep, restore, remove };
  struct Entry {
    const sip::HeaderLine* header = nullptr;
    Fate fate = Fate::remove;
    std::uint64_t response = 0;      ///< a keyed hash of the digest response; 0: none
    std::string_view username = {};  ///< of a digest that is not removed
    bool is_digest = false;          ///< else it names nobody
  };
  CredentialsStanding standing = CredentialsStanding::none;  ///< the worst of what they are; proven: all of them that pass prove it
  std::array<Entry, most_headers> entries{};
  std::size_t count = 0;
  /// Of those that reach the PBX with a digest response; empty: none does. They all have the same: where a second header names somebody
  /// else nobody could tell which one the PBX takes, so none reaches it.
  std::string_view username;

  [[nodiscard]] bool proven() const { return standing == CredentialsStanding::proven; }
  [[nodiscard]] bool any_removed() const { return standing == CredentialsStanding::foreign || standing == CredentialsStanding::replayed; }
  /// Does a digest reach the PBX?
  [[nodiscard]] bool any_kept() const {
    return std::any_of(entries.begin(), entries.begin() + count,
                       [](const Entry& entry) { return entry.is_digest && entry.fate != Fate::remove; });
  }
  [[nodiscard]] Fate fate_of(const sip::HeaderLine& header) const;
};

/// Bounded memory of the nonces that were given out without needing them, and of whom a stale challenge was sent to. Time never runs
/// backwards. Nothing allocates but the growth of a table.
class Credentials {
 public:
  /// How long an opaque and a nonce are good for, and a response is remembered: the life of Asterisk's nonces. Whatever was given out
  /// before this start is good for nothing: what passed by it is not remembered.
  static constexpr std::chrono::seconds life{32};
  static constexpr std::size_t remembered = 131'072;

  /// `mac`'s key outlives a restart, so that what was given out before one still passes; `seed` places the tables' entries. `replays` is of
  /// all workers.
  Credentials(Mac& mac, std::uint64_t seed, DigestReplays& replays);

  /// Of a request from the access side.
  CredentialsVerdict judge(const sip::RawMessage& request, const acl::Address& source, TimePoint now);
  /// The request goes on to the PBX: the responses that pass with it are this source's from now on. (Not before: what is refused must not
  /// push out what is remembered.) The verdict changes where another worker has let one pass from another source since it was judged.
  void pass(CredentialsVerdict& verdict, const acl::Address& source, TimePoint now);

  /// Appends the PBX's challenge as this source gets it: with an opaque of its own, in which the PBX's is kept, and with stale=true if
  /// `stale`. What is not a Digest challenge stays as it is.
  void append_challenge(std::string& out, std::string_view challenge, const acl::Address& source, bool stale, TimePoint now);
  /// Appends credentials whose fate is `restore` as the PBX gets them: with its own opaque again, or none if it gave none.
  static void append_restored(std::string& out, std::string_view credentials);

  /// Credentials were taken off this request: may the challenge that follows say stale, so that an honest client answers it by itself?
  /// At most twice for a source, Call-ID and user within the life.
  bool may_say_stale(const acl::Address& source, std::string_view call_id, std::string_view user, TimePoint now);

  /// Takes out what is too old to be asked for, among some of the tables' places: what forgers have us remember does not pile up to the
  /// bound.
  void expire(TimePoint now);
  [[nodiscard]] std::uint64_t evictions() const;

 private:
  struct Keep {
    std::uint32_t since_s = 0;
    std::uint32_t count = 0;
  };
  struct Oldest {
    static acl::Worth worth(const Keep& /*keep*/, std::uint32_t idle_ticks, TimePoint /*now*/) { return {0, -std::int64_t{idle_ticks}}; }
  };
  using Table = acl::BoundedTable<Keep, Oldest>;

  CredentialsStanding judge_one(std::string_view value, const acl::Address& source, TimePoint now, CredentialsVerdict::Entry& entry);
  /// Has that response passed from another source?
  [[nodiscard]] bool is_replay(std::uint64_t response, const acl::Address& source, TimePoint now);
  [[nodiscard]] std::uint64_t response_key(std::string_view response);
  [[nodiscard]] std::uint32_t source_hash(const acl::Address& source);
  /// When the opaque was made for this source and nonce, in seconds; nullopt: it was not.
  [[nodiscard]] std::optional<std::uint32_t> opened(std::string_view opaque, std::string_view nonce, const acl::Address& source);
  [[nodiscard]] std::uint64_t seal_of(std::string_view nonce, const acl::Address& source, std::uint32_t time_s, std::string_view own);

  Mac& mac_;
  std::optional<std::uint32_t> started_s_;  ///< when the first challenge or credentials came
  DigestReplays& replays_;
  Table nonces_;
  Table stale_;
};

/// Is it a challenge to whoever came with a nonce that is too old?
[[nodiscard]] bool says_expired(const sip::RawMessage& response);

}  // namespace postern::sbc
