// The transaction layer of a proxy over UDP (RFC 3261 §16, §17; RFC 4320; RFC 6026): one record joins the server transaction toward
// who asked and the client transaction toward whom it was sent.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "acl/rate.hpp"
#include "sbc/branch.hpp"
#include "sbc/flow.hpp"
#include "sbc/outbox.hpp"
#include "sip/prescreen.hpp"

namespace postern::sbc {

using acl::TimePoint;

/// RFC 3261 Table 4, RFC 6026.
struct Timers {
  static constexpr std::chrono::milliseconds t1{500}, t2{4000}, t4{5000};
  static constexpr std::chrono::milliseconds transaction_timeout = 64 * t1;  ///< B, F, H, J, L, M (and D)
  static constexpr std::chrono::seconds reconnection{4};          ///< so long a phone whose connection has ended may answer over another
  static constexpr std::chrono::seconds proceeding_timeout{181};  ///< C: more than three minutes
};

enum class TransactionState : std::uint8_t {
  calling,     ///< sent, nothing heard (INVITE: A, B; others: E, F: "trying")
  proceeding,  ///< a provisional response came (INVITE: C; others: E at T2, F)
  completed,   ///< a final response was passed on (INVITE non-2xx: G, H, then D; others: J and K)
  confirmed,   ///< INVITE: the ACK to a non-2xx came (I)
  accepted,    ///< INVITE: a 2xx was passed on (L, M): more 2xx still pass
};

/// What a request of a device counts for at DeviceLimits.
struct DeviceClaim {
  std::uint64_t device = 0;  ///< DeviceUse::key(); 0: it counts for none
  bool reserved = false;     ///< it counts as on its way
  bool answered = false;     ///< its first answer has been seen
};

struct Transaction {
  BranchId id;
  bool is_own = false;  ///< a request of our own, CANCEL or BYE: it has no server side
  bool is_invite = false;
  sip::Method method = sip::Method::other;
  TransactionState state = TransactionState::calling;
  Flow from;                ///< who asked; answers go there
  Flow to;                  ///< where the request was sent
  bool proven = false;      ///< the request proved its source; else a final answer to INVITE is not repeated on timer G (a repeated request
                            ///< fetches it), and nothing that we make ourselves is longer than what asked for it
  std::uint8_t hop = 0;     ///< which of the PBX's addresses it is at (PbxOptions::addresses)
  std::uint32_t tried = 0;  ///< those that it was sent to, a bit each; 0: it may go to no other
  /// A dialog stays with its PBX.
  [[nodiscard]] bool is_outside_dialog() const { return tried != 0; }
  TimePoint started;
  std::string original;  ///< the request's header section as it came (what its answers copy): of an INVITE as long as there is the
                         ///< transaction (a 2xx may come late and again), else until there is a final answer
  std::string
      sent;  ///< the request as it was sent; only its header section once it is not repeated any more, nothing once nothing needs it
  std::string last_response;  ///< the last response passed to `from`, as long as a repeated request may fetch it
  // Both last as long as `original`.
  std::string hidden_vias;  ///< Via lines that were taken off and that responses get back (whole lines with CRLF); empty toward the core
  std::string memo;         ///< what the proxy wants to remember until the final response (its own format)
  bool with_credentials = false;
  DeviceClaim claim;
  bool cancel_wanted = false;  ///< CANCEL came, or we gave up, before any provisional response (§9.1)
  bool cancel_sent = false;
};

/// What a request is, seen by the transaction layer.
enum class RequestMatch : std::uint8_t {
  fresh,      ///< no transaction: route it (an ACK to a 2xx, too)
  repeated,   ///< absorbed
  answered,   ///< a repetition that was answered from memory, or a CANCEL that was answered and passed on
  no_invite,  ///< a CANCEL that matches no INVITE: the caller answers 481
};

/// A request on its way to its next hop.
struct Departure {
  const Flow& from;
  const Flow& to;
  bool proven = false;                ///< its source is, so that it may get more than it sent
  std::string_view sent;              ///< as it goes to `to`
  std::string_view memo = {};         ///< what the proxy wants back with the responses
  std::string_view hidden_vias = {};  ///< Vias that the responses get back
  std::uint8_t hop = 0;               ///< which of the PBX's addresses `to` is
  bool may_move = false;              ///< another may be asked if that one gives no answer at all
  bool with_credentials = false;      ///< `sent` holds some
  DeviceClaim claim = {};
  std::size_t pad_at = 0;  ///< Outgoing::pad_at
};

/// The PBX's addresses, for the transaction layer.
class NextHops {
 public:
  virtual ~NextHops() = default;
  /// A request that was sent at `sent_at` got no answer at all where it is.
  virtual void silent(const Transaction& transaction, TimePoint sent_at, TimePoint now) = 0;
  /// Where it goes then, none of `tried`; nullopt: there is no other.
  [[nodiscard]] virtual std::optional<std::uint8_t> next(const Transaction& transaction, TimePoint now) = 0;
  [[nodiscard]] virtual Flow flow_of(std::uint8_t hop) const = 0;
  /// Makes of a request as it was sent to one address (its header section is enough) what is sent to another.
  virtual void readdress(std::string& sent, std::uint8_t hop) const = 0;
};

class Transactions {
 public:
  /// `capacity` records and `memory` bytes of message text at most. The completed ones share half of the memory: INVITEs of the proven have
  /// a quarter, their other requests an eighth, the unproven an eighth. The oldest go first, each among themselves; when all is full,
  /// unproven ones first (a lost one is made again by the next retransmission). Unanswered ones are never evicted. Unproven ones have half
  /// of each at most, and make room for more among themselves.
  /// `pbx_timeout`: how long a request toward the core may go without any answer (pbx.timeout; at most timers B and F) before it times out.
  /// `seed`: makes our To tags differ from one start to the next.
  Transactions(std::size_t capacity, std::size_t memory, std::chrono::milliseconds pbx_timeout, std::uint64_t seed);
  ~Transactions();
  Transactions(Transactions&&) noexcept;
  Transactions& operator=(Transactions&&) noexcept;

  /// Without one, requests stay where they were sent. `hops` must outlive this.
  void use(NextHops& hops);
  /// Another timeout toward the core, for what begins from now on.
  void apply(std::chrono::milliseconds pbx_timeout);

  /// Step 5 of a datagram's life, for requests. Only whoever began a transaction matches it. Handles repetitions, ACK to non-2xx and CANCEL
  /// whole: what it has to send is put into `out`.
  RequestMatch match(const BranchId& id, const sip::RawMessage& request, const Flow& from, TimePoint now, Outbox& out);

  /// Starts a transaction for a request that is about to depart, and puts it into `out`. For an INVITE a 100 goes to where it came from
  /// at once if that is proven (an unproven one gets it when it repeats itself). nullptr, and nothing sent: full of unanswered ones, or
  /// the request is an ACK or a CANCEL. A transaction of the same id is replaced. The pointer holds until the next call of begin(),
  /// match(), match_response() or advance().
  Transaction* begin(const BranchId& id, const sip::RawMessage& request, const Departure& departure, TimePoint now, Outbox& out);

  /// The transaction that a response belongs to: by the branch of its top Via, the CSeq method and the flow that it must come from
  /// (same side, same peer address; ports may differ). nullptr: none, or it was to a request of our own (then absorbed). A response to
  /// CANCEL never is anybody's but ours: the caller drops it.
  Transaction* match_response(const BranchId& id, const sip::RawMessage& response, const Flow& from);

  /// A response of the PBX's address `hop` to a request that has gone on to another. True: it is dealt with. Who answers first has the
  /// request: if nothing was heard from where it is now, it is where this response came from again (false: go on with match_response()).
  /// Otherwise a call that rings there is cancelled, and one that is answered there is acknowledged and ended.
  bool late(const BranchId& id, std::uint8_t hop, const sip::RawMessage& response, TimePoint now, Outbox& out);
  /// Is it at another address now than at `hop`?
  [[nodiscard]] bool has_left(const BranchId& id, std::uint8_t hop) const;
  /// Is it the response to a request of our own (CANCEL, BYE)?
  [[nodiscard]] bool is_to_own(const BranchId& id, const sip::RawMessage& response) const;

  /// A response that cannot be passed on: who asked gets `status` for a final one, and whom we asked the ACK, and for a call that it
  /// thinks is up a BYE.
  void refuse(Transaction& transaction, const sip::RawMessage& response, int status, TimePoint now, Outbox& out);

  /// Is there a transaction of this id, or a CANCEL of ours for one?
  [[nodiscard]] bool knows(const BranchId& id) const;
  /// Is there a transaction that this response belongs to, as match_response() finds it, our CANCEL's included?
  [[nodiscard]] bool awaits(const BranchId& id, const sip::RawMessage& response, const Flow& from) const;
  /// The connection to a PBX has ended: what went over it and got no answer at all goes on to another,
  /// or is answered 503 (RFC 3261 §16.9).
  void lost(const Endpoint& next_hop, TimePoint now);
  /// The connection of a phone has ended: what it was asked over it and has not finally answered (it may over another, for
  /// Timers::reconnection) is answered for it, 480, an OPTIONS not at all. A call would ring for minutes else, at nobody's.
  void lost(const Flow& access, TimePoint now);
  /// Is there one without a final answer from or to a flow of the access side over this listener? Looks at all of them.
  [[nodiscard]] bool awaits_answers(std::uint8_t listener) const;
  /// Is there a transaction of this id whose request went to that side?
  [[nodiscard]] bool went_to(Side side, const BranchId& id) const;

  /// Passes `response` on: `forwarded` is what `from` gets (made by the proxy). ACKs a non-2xx to INVITE hop by hop, absorbs what must not
  /// be passed on (100, repetitions of a final response), keeps timers. True if `forwarded` was put into `out`.
  bool deliver(Transaction& transaction, const sip::RawMessage& response, std::string_view forwarded, TimePoint now, Outbox& out);
  /// False: deliver() would absorb this response anyway (100, a repetition), so the proxy need not rewrite it. ACKs and timers are done by
  /// this call, once: after it has said false the response is done with.
  bool wants(Transaction& transaction, const sip::RawMessage& response, TimePoint now, Outbox& out);

  [[nodiscard]] std::optional<TimePoint> next_deadline() const;
  /// Fires what is due, at most `limit` timers: retransmissions, 408 to an INVITE whose time ran out (silence for all else, RFC 4320),
  /// CANCEL on timer C, removal.
  void advance(TimePoint now, std::size_t limit, Outbox& out);

  [[nodiscard]] std::size_t size() const;
  /// Bytes held for message text, those that wait for their next use included.
  [[nodiscard]] std::size_t memory() const;
  [[nodiscard]] std::uint64_t evictions() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace postern::sbc
