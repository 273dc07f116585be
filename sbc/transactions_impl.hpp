// The state machines behind Transactions. Internal to the transaction layer.
//
// One record plays both machines of RFC 3261 §17 (as RFC 6026 corrects them) with two timers:
//
//   retransmit   calling INVITE: A (T1, doubled)           calling others: E (T1, doubled up to T2); proceeding others: E at T2
//                completed INVITE: G (T1, doubled up to T2) until the ACK
//   life         calling: B, F (64*T1) or pbx.timeout      proceeding INVITE: C, then 64*T1 behind our CANCEL; others: F
//                accepted: L and M (both 64*T1)
//                completed INVITE: H and D (both 64*T1): an ACK leaves D running and keeps the record for I (T4) at least
//                completed others: J (64*T1). K (T4) is not told apart: answers of the next hop are absorbed until J
//   our CANCEL:  E and F; it ends with its final response, since K would only absorb what the absence of a record absorbs as well
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "sbc/timer_wheel.hpp"
#include "sbc/transaction_table.hpp"
#include "sbc/transactions.hpp"
#include "sip/prescreen.hpp"

namespace postern::sbc {

struct Transactions::Impl {
  Impl(std::size_t capacity, std::size_t memory, std::chrono::milliseconds timeout, std::uint64_t tag_seed)
      : table(capacity, memory, wheel), seed(tag_seed) {
    set_pbx_timeout(timeout);
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void set_pbx_timeout(std::chrono::milliseconds timeout) { pbx_timeout = std::min(timeout, Timers::transaction_timeout); }

  // Requests (transactions.cpp).
  RequestMatch match_cancel(Record* invite, const sip::RawMessage& request, TimePoint now, Outbox& out);
  RequestMatch match_ack(Record& record, TimePoint now);
  RequestMatch match_repeated(Record& record, const sip::RawMessage& request, TimePoint now, Outbox& out);
  void repeat_unproven(Record& record, TimePoint now, Outbox& out);
  Record* begin(const BranchId& id, const sip::RawMessage& request, const Departure& departure, TimePoint now, Outbox& out);
  /// A response of our own to a request of this transaction; false (and nothing sent): an unproven source would get more than it sent.
  bool respond(const Record& record, const sip::RawMessage& request, int status, Outbox& out) const;

  Record* of_response(const BranchId& id, const sip::RawMessage& response, const Flow& from);

  // Responses (transactions_responses.cpp).
  bool wants(Record& record, const sip::RawMessage& response, TimePoint now, Outbox& out);
  void pass(Record& record, const sip::RawMessage& response, std::string_view forwarded, TimePoint now, Outbox& out);
  void on_provisional(Record& record, int status, TimePoint now, Outbox& out);
  void accept(Record& record, TimePoint now);
  /// `final_answer`: what a repeated request fetches; empty: nothing could be sent.
  void complete(Record& record, std::string_view final_answer, TimePoint now);
  void keep_header_section(Record& record, std::string& text);
  void send_ack(const Record& record, const sip::RawMessage& response, Outbox& out);
  void send_cancel(Record& invite, TimePoint now, Outbox& out);
  void refuse(Record& record, const sip::RawMessage& response, int status, TimePoint now, Outbox& out);
  /// ACK and BYE to a 2xx that nobody wants. `sent`: the INVITE as whoever answered got it.
  void end_call(const Record& record, std::string_view sent, const Flow& to, const sip::RawMessage& response, TimePoint now, Outbox& out);

  // Several next hops (transactions_failover.cpp).
  /// True if it goes on elsewhere.
  bool move_on(Record& record, TimePoint now, Outbox& out);
  void turn_to(Record& record, std::uint8_t hop);
  bool late(Record& record, std::uint8_t hop, const sip::RawMessage& response, TimePoint now, Outbox& out);
  /// The request as it was sent there; holds until the next call.
  std::string_view sent_to(const Record& record, std::uint8_t hop);
  [[nodiscard]] TimePoint silence_ends(const Record& record, TimePoint now) const;

  // Time (transactions_timers.cpp).
  void retransmit(Record& record, TimePoint now, Outbox& out);
  void end_of_life(Record& record, TimePoint now, Outbox& out);
  /// 408 (the connection to it has ended: 503 for the PBX, 480 for a phone) to an INVITE whose next hop gave no final answer.
  void give_up(Record& invite, TimePoint now, Outbox& out);
  void start_retransmissions(Record& record, TimePoint now);
  void set_life(Record& record, TimePoint ends, TimePoint now);

  TimerWheel wheel;
  TransactionTable table;
  std::chrono::milliseconds pbx_timeout{};
  std::uint64_t seed;
  NextHops* hops = nullptr;
  sip::RawMessage kept;  ///< a text of ours, read again
  std::string reasons;
  std::string elsewhere;  ///< a request as another next hop got it
};

/// A new entry of the outbox for whoever asked.
[[nodiscard]] inline std::string& answer_to(const Record& record, Outbox& out) { return out.add(record.from, !record.proven); }

[[nodiscard]] inline bool is_final(const Record& record) {
  return record.state != TransactionState::calling && record.state != TransactionState::proceeding;
}

}  // namespace postern::sbc
