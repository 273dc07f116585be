#include <algorithm>

#include "sbc/transactions_impl.hpp"

namespace postern::sbc {
namespace {

/// What is said for a next hop that gave no final answer.
int status_of_silence(const Record& record) {
  if (!record.link_lost) return 408;
  return record.to.side == Side::core ? 503 : 480;
}

}  // namespace

void Transactions::Impl::start_retransmissions(Record& record, TimePoint now) {
  record.interval = Timers::t1;
  record.sent_at = now;
  record.retransmit_at = now + Timers::t1;
  // Whose source is not proven has to repeat itself (match_repeated()): the PBX is not asked eleven times for one forged datagram.
  const Transport transport = is_final(record) ? record.from.transport : record.to.transport;
  if (!is_datagram(transport)) return;  // §17.1.1.2, §17.1.2.2, §17.2.1
  if (record.proven || record.is_own) wheel.arm(TransactionTable::retransmit_timer(record), record.retransmit_at, now);
}

void Transactions::Impl::set_life(Record& record, TimePoint ends, TimePoint now) {
  record.life_ends = ends;
  wheel.arm(TransactionTable::life_timer(record), ends, now);
}

void Transactions::Impl::retransmit(Record& record, TimePoint now, Outbox& out) {
  table.recount(record);
  const bool answered = is_final(record);
  if (answered) {
    out.add(record.from) = record.last_response;
  } else {
    out.add_again(record.to, record.sent);
  }
  record.interval *= 2;
  if (answered || !record.is_invite) record.interval = std::min(record.interval, Timers::t2);
  if (record.state == TransactionState::proceeding) record.interval = Timers::t2;  // never an INVITE (§17.1.2.2)
  record.retransmit_at += record.interval;  // counted from when it was due, so that coarse ticks do not add up
  if (record.retransmit_at <= now) record.retransmit_at = now + record.interval;
  wheel.arm(TransactionTable::retransmit_timer(record), record.retransmit_at, now);

  // Who waits so long for the answer to a non-INVITE is told that we live, and repeats itself less (RFC 4320 §4.1).
  constexpr auto until_t2 = 7 * Timers::t1;
  if (answered || record.is_invite || record.is_own || record.trying_sent || !record.proven || now < record.started + until_t2) return;
  sip::prescreen(record.original, kept);
  record.trying_sent = respond(record, kept, 100, out);
}

void Transactions::Impl::end_of_life(Record& record, TimePoint now, Outbox& out) {
  if (record.state == TransactionState::calling && move_on(record, now, out)) return;
  if (record.link_lost && !record.is_invite && !is_final(record)) {
    sip::prescreen(record.original, kept);
    // The PBX's qualify takes any answer for a sign of life.
    const bool qualifies = record.to.side == Side::access && record.method == sip::Method::options;
    if (!record.is_own && !qualifies) respond(record, kept, status_of_silence(record), out);
    return table.erase(record);
  }
  if (is_final(record) || !record.is_invite) return table.erase(record);  // silence: RFC 4320 §4.2
  if (record.state == TransactionState::proceeding && !record.cancel_sent && !record.link_lost) return send_cancel(record, now, out);
  give_up(record, now, out);
}

void Transactions::Impl::give_up(Record& invite, TimePoint now, Outbox& out) {
  invite.cancel_wanted = !invite.cancel_sent;  // for the case that the next hop was only late
  sip::prescreen(invite.original, kept);
  const bool sent = respond(invite, kept, status_of_silence(invite), out);
  complete(invite, sent ? std::string_view{out.items().back().bytes} : std::string_view{}, now);
}

}  // namespace postern::sbc
