#include <functional>

#include "sbc/transactions_impl.hpp"
#include "sip/local_request.hpp"

namespace postern::sbc {

bool Transactions::Impl::wants(Record& record, const sip::RawMessage& response, TimePoint now, Outbox& out) {
  table.recount(record);  // the proxy may have written into it
  const int status = response.status_code;
  if (status < 200) {
    // 100 is hop by hop (§16.7 step 2), and a non-INVITE gets no other provisional response (RFC 4320 §4.1).
    if (record.is_invite && status > 100 && !is_final(record)) return true;
    on_provisional(record, status, now, out);
    return false;
  }
  if (!is_final(record)) return true;
  if (!record.is_invite) return false;
  if (status < 300) return true;  // of any fork, whatever was passed on before it (§16.7 step 5)
  send_ack(record, response, out);
  return false;
}

void Transactions::Impl::pass(Record& record, const sip::RawMessage& response, std::string_view forwarded, TimePoint now, Outbox& out) {
  answer_to(record, out) = forwarded;
  const int status = response.status_code;
  if (status < 200) {
    table.store(record, record.last_response, forwarded);
    on_provisional(record, status, now, out);
  } else if (record.is_invite && status < 300) {
    // Behind a non-2xx the state stays: the ACK to that one still has to be told from an ACK to this.
    if (!is_final(record)) accept(record, now);
  } else {
    if (record.is_invite) send_ack(record, response, out);
    complete(record, forwarded, now);
  }
}

void Transactions::Impl::on_provisional(Record& record, int status, TimePoint now, Outbox& out) {
  const bool first = record.state == TransactionState::calling;
  if (first) record.state = TransactionState::proceeding;
  if (!record.is_invite) {
    if (first) set_life(record, record.started + Timers::transaction_timeout, now);
    return;
  }
  if (first) {
    wheel.cancel(TransactionTable::retransmit_timer(record));
    keep_header_section(record, record.sent);
    set_life(record, record.started + Timers::proceeding_timeout, now);
  }
  // Only a response that is passed on extends timer C (§16.7 step 2), and nothing does once we gave up.
  if (status > 100 && !is_final(record) && !record.cancel_sent) set_life(record, now + Timers::proceeding_timeout, now);
  if (record.cancel_wanted && !record.cancel_sent) send_cancel(record, now, out);
}

void Transactions::Impl::accept(Record& record, TimePoint now) {
  record.state = TransactionState::accepted;
  table.end_wait(record);
  record.cancel_wanted = false;
  wheel.cancel(TransactionTable::retransmit_timer(record));
  // A repeated INVITE is absorbed, since whom we asked repeats the 2xx (RFC 6026 §7.1). The ACK to a non-2xx of another fork is still
  // made from what was sent.
  table.drop(record, {&record.last_response});
  keep_header_section(record, record.sent);
  set_life(record, now + Timers::transaction_timeout, now);
  table.mark_answered(record);
}

void Transactions::Impl::complete(Record& record, std::string_view final_answer, TimePoint now) {
  record.state = TransactionState::completed;
  table.end_wait(record);
  wheel.cancel(TransactionTable::retransmit_timer(record));
  if (record.is_invite) {
    keep_header_section(record, record.sent);
  } else {
    table.drop(record, {&record.original, &record.sent, &record.memo, &record.hidden_vias});
  }
  table.store(record, record.last_response, final_answer);
  if (record.is_invite && record.proven && !record.last_response.empty()) start_retransmissions(record, now);
  set_life(record, now + Timers::transaction_timeout, now);
  table.mark_answered(record);
}

void Transactions::Impl::keep_header_section(Record& record, std::string& text) {
  const std::size_t end = text.find("\r\n\r\n");
  if (end != std::string::npos) table.cut(record, text, end + 4);
}

// What was cut to its header section breaks the prescreen's rule about Content-Length; all that is used of it has been read by then.

void Transactions::Impl::send_ack(const Record& record, const sip::RawMessage& response, Outbox& out) {
  sip::prescreen(record.sent, kept);
  sip::write_ack(kept, response, out.add(record.to));
}

void Transactions::Impl::refuse(Record& record, const sip::RawMessage& response, int status, TimePoint now, Outbox& out) {
  const int got = response.status_code;
  if (got < 200) return on_provisional(record, got, now, out);
  if (record.is_invite && got < 300) end_call(record, record.sent, record.to, response, now, out);
  if (is_final(record)) return;
  if (record.is_invite && got >= 300) send_ack(record, response, out);
  sip::prescreen(record.original, kept);
  const bool sent = respond(record, kept, status, out);
  complete(record, sent ? std::string_view{out.items().back().bytes} : std::string_view{}, now);
}

void Transactions::Impl::end_call(const Record& record, std::string_view sent, const Flow& to, const sip::RawMessage& response,
                                  TimePoint now, Outbox& out) {
  constexpr std::uint64_t ack_mark = 0x9e3779b97f4a7c15ULL;
  constexpr std::uint64_t bye_mark = 0xc2b2ae3d27d4eb4fULL;
  // Each dialog that the INVITE made is one of its own: its tag is in the branch.
  const std::uint64_t dialog = std::hash<std::string_view>{}(response.to_tag);
  std::string branch;
  append_branch(branch, {record.id.high ^ ack_mark, record.id.low ^ dialog});
  sip::prescreen(sent, kept);
  sip::write_in_dialog(kept, response, {.method = "ACK", .cseq = kept.cseq, .branch = branch}, out.add(to));
  const BranchId id{record.id.high ^ bye_mark, record.id.low ^ dialog};
  if (table.find(id, true) != nullptr) return;  // it is on its way
  branch.clear();
  append_branch(branch, id);
  std::string& bytes = out.add(to);
  sip::write_in_dialog(kept, response, {.method = "BYE", .cseq = kept.cseq + 1, .branch = branch}, bytes);
  Record* bye = table.add(id, true, TextPool::room_for(bytes.size()), &record, record.proven);
  if (bye == nullptr) return;  // full: it is sent once
  bye->method = sip::Method::bye;
  bye->from = record.from;
  bye->to = to;
  bye->started = now;
  table.store(*bye, bye->sent, bytes);
  start_retransmissions(*bye, now);
  set_life(*bye, now + Timers::transaction_timeout, now);
}

void Transactions::Impl::send_cancel(Record& invite, TimePoint now, Outbox& out) {
  invite.cancel_wanted = false;
  invite.cancel_sent = true;
  sip::prescreen(invite.sent, kept);
  std::string& bytes = out.add(invite.to);
  sip::write_cancel(kept, invite.cancel_reasons, bytes);
  // A proxy does not wait for ever for the answer to the INVITE (§9.1).
  if (!is_final(invite)) set_life(invite, now + Timers::transaction_timeout, now);

  if (Record* old = table.find(invite.id, true)) table.erase(*old);
  Record* cancel = table.add(invite.id, true, TextPool::room_for(bytes.size()), &invite, invite.proven);
  if (cancel == nullptr) return;  // full: it is sent once
  cancel->method = sip::Method::cancel;
  cancel->from = invite.from;
  cancel->to = invite.to;
  cancel->started = now;
  table.store(*cancel, cancel->sent, bytes);
  start_retransmissions(*cancel, now);
  set_life(*cancel, now + Timers::transaction_timeout, now);
}

}  // namespace postern::sbc
