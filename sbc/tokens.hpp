// Sealed tokens: what a URI of ours carries in its user part, behind the last "~" (sip-behaviour.md, Contact and tokens).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sbc/durable.hpp"
#include "sbc/flow.hpp"
#include "sbc/options.hpp"

namespace postern::sbc {

using TokenKey = std::array<std::uint8_t, 32>;

/// Given to the PBX in the place of a device's Contact: the device's flow, and what restores its URI exactly.
struct InwardToken {
  Flow flow;           ///< always access side
  std::string scheme;  ///< as the device wrote it: "sip"
  std::string rest;    ///< of the device's URI all behind its user: ":password" if any, "@host:port;params" ("host..." if it had no user),
                       ///< byte for byte
  bool has_user = true;  ///< the URI had an "@"
};

/// Given to the access side in the place of the PBX's Contact.
struct OutwardToken {
  std::uint8_t pbx = 0;           ///< index into PbxOptions::addresses
  std::uint32_t flow_hash = 0;    ///< of the flow that it was given to
  std::uint32_t dialog_hash = 0;  ///< of the Call-ID and the PBX's tag, as the access side knows both
  std::string scheme;             ///< of the PBX's Contact
  std::string rest;               ///< of the PBX's Contact URI all behind its user, without headers
  bool has_user = true;
  std::vector<std::string> routes;  ///< the core's route set, each a whole route element, in the order in which they go back as Route
};

/// Seals and opens both kinds with AES-128-SIV (tag never cut); the kind, the side that it is given to and USER are associated data.
/// Deterministic: the same content gives the same token, so a refresh gives the same Contact. Content that would not fit (inward: a
/// URI of 512 characters; outward: 64 letters) stands in a bounded table, and the token holds its key (a keyed hash of the content, so
/// still deterministic). What usually fits 64 letters: a Contact of at most 19 characters behind its user or, at the address and port
/// of its own PBX, behind those; no routes.
/// One a worker; not thread-safe. Never logs; a token that does not open is just nullopt.
class Tokens {
 public:
  static constexpr std::size_t outward_letters = 64;  ///< old phones: the token behind "~" is at most so long
  static constexpr std::size_t inward_letters = 320;  ///< keeps the whole URI under 512; fewer behind a user of more than 128 letters
  static constexpr std::size_t min_letters = 34;      ///< of a token that holds a table's key, the shortest one

  /// `keys`: as in set_keys(). `table_capacity`: most contents kept for tokens that do not fit, half of them for each kind, and
  /// 256 bytes each on average; the least recently used goes first. Throws std::runtime_error if the library lacks an algorithm.
  Tokens(std::span<const TokenKey> keys, std::size_t table_capacity);
  ~Tokens();
  Tokens(Tokens&&) noexcept;
  Tokens& operator=(Tokens&&) noexcept;

  /// What tokens lead to, before the first one. A token names its PBX by a hash of the address, its listener by the address itself: it
  /// outlives a change of their order. Once the PBX has left the list it does not open; once the listener has, it leads to no_listener.
  void apply(std::span<const Endpoint> pbx, std::span<const ListenerOptions> listeners);

  /// The first one seals from now on, all open; at least one. What was sealed with one that is not among them does not open any more.
  void set_keys(std::span<const TokenKey> keys);
  /// From now on it tells `sink` of what enters or leaves the table; `sink` must outlive it.
  void tell(DurableSink& sink);
  /// The same of what enters, for the other workers.
  void share(std::function<void(const TokenContent&)> entered);
  /// Takes back what the table held, or another worker's holds; it tells of nothing.
  void restore(const TokenContent& content);
  /// Tells the sink of all that the table holds.
  void retell() const;

  /// Appends the token's letters. False, and nothing appended: OutwardToken::pbx or the flow's listener is out of range, or the content is
  /// longer than any message can make it.
  bool seal(const InwardToken& token, std::string_view user, std::string& out);
  bool seal(const OutwardToken& token, std::string_view user, std::string& out);
  [[nodiscard]] std::optional<InwardToken> open_inward(std::string_view letters, std::string_view user);
  [[nodiscard]] std::optional<OutwardToken> open_outward(std::string_view letters, std::string_view user);

  [[nodiscard]] std::size_t table_size() const;
  [[nodiscard]] std::uint64_t evictions() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// "alice~TOKEN" -> {"alice", "TOKEN"}, split at the last "~"; nullopt: there is none, or the letters cannot be a token (their number
/// or one of them).
struct TokenUser {
  std::string_view user;
  std::string_view letters;
};
std::optional<TokenUser> split_token(std::string_view user);

}  // namespace postern::sbc
