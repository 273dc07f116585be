// Several next hops: a request that got no answer at all goes on to the next (RFC 3261 §16.7 step 7, §16.6 step 8), and what the first one
// says after all is dealt with.
#include <algorithm>

#include "sbc/transactions_impl.hpp"
#include "sip/local_request.hpp"

namespace postern::sbc {

TimePoint Transactions::Impl::silence_ends(const Record& record, TimePoint now) const {
  return std::min(now + pbx_timeout, record.started + Timers::transaction_timeout);
}

bool Transactions::Impl::move_on(Record& record, TimePoint now, Outbox& out) {
  if (hops == nullptr || record.is_own || record.to.side != Side::core || record.unsent) return false;
  hops->silent(record, record.sent_at, now);
  if (record.tried == 0 || record.cancel_wanted || now >= record.started + Timers::transaction_timeout) return false;
  const auto next = hops->next(record, now);
  if (!next) return false;
  turn_to(record, *next);
  record.link_lost = false;
  record.tried |= 1U << *next;
  start_retransmissions(record, now);
  if (record.proven) {
    out.add(record.to) = record.sent;
    set_life(record, silence_ends(record, now), now);
    return true;
  }
  // Strangers repeat themselves: what they send next goes to the new place.
  record.unsent = true;
  record.retransmit_at = now;
  set_life(record, record.started + Timers::transaction_timeout, now);
  return true;
}

void Transactions::Impl::turn_to(Record& record, std::uint8_t hop) {
  record.hop = hop;
  record.to = hops->flow_of(hop);
  hops->readdress(record.sent, hop);
  table.recount(record);
}

std::string_view Transactions::Impl::sent_to(const Record& record, std::uint8_t hop) {
  elsewhere = record.sent;
  hops->readdress(elsewhere, hop);
  return elsewhere;
}

bool Transactions::Impl::late(Record& record, std::uint8_t hop, const sip::RawMessage& response, TimePoint now, Outbox& out) {
  if (record.hop == hop || (record.tried >> hop & 1U) == 0) return false;
  if (response.method != record.method) return true;  // to our CANCEL
  const int status = response.status_code;
  const bool accepted = record.is_invite && status >= 200 && status < 300;
  const bool first = record.state == TransactionState::calling;
  if (first || (accepted && !is_final(record))) {
    // Where it is now may ring: an answer from there cannot come first any more.
    if (!first) {
      sip::prescreen(record.sent, kept);
      sip::write_cancel(kept, {}, out.add(record.to));
    }
    record.unsent = false;
    turn_to(record, hop);
    return false;
  }
  if (!record.is_invite) return true;
  if (accepted) {
    end_call(record, sent_to(record, hop), hops->flow_of(hop), response, now, out);
    return true;
  }
  sip::prescreen(sent_to(record, hop), kept);
  if (status < 200) {
    sip::write_cancel(kept, {}, out.add(hops->flow_of(hop)));
  } else {
    sip::write_ack(kept, response, out.add(hops->flow_of(hop)));
  }
  return true;
}

}  // namespace postern::sbc
