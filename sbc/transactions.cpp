#include "sbc/transactions.hpp"

#include <array>

#include "sbc/transactions_impl.hpp"
#include "sip/editor.hpp"
#include "sip/local_request.hpp"

namespace postern::sbc {
namespace {

std::string_view header_section(const sip::RawMessage& message) { return message.bytes.substr(0, message.body_begin); }

/// The same for all our answers to one request (§8.2.6.2, §9.2).
std::array<char, 8> to_tag_of(const BranchId& id, std::uint64_t seed) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::uint64_t value = (id.high ^ seed) * 0x9e3779b97f4a7c15ULL;
  value ^= value >> 32;
  std::array<char, 8> tag{};
  for (char& letter : tag) {
    letter = digits[value & 15U];
    value >>= 4;
  }
  return tag;
}

}  // namespace

RequestMatch Transactions::Impl::match_cancel(Record* invite, const sip::RawMessage& request, TimePoint now, Outbox& out) {
  if (invite == nullptr || !invite->is_invite) return RequestMatch::no_invite;
  respond(*invite, request, 200, out);
  if (is_final(*invite) || invite->cancel_sent) return RequestMatch::answered;
  reasons.clear();
  sip::append_reasons(request, reasons);
  table.store(*invite, invite->cancel_reasons, reasons);
  if (invite->state == TransactionState::proceeding) {
    send_cancel(*invite, now, out);
  } else {
    invite->cancel_wanted = true;
  }
  return RequestMatch::answered;
}

RequestMatch Transactions::Impl::match_ack(Record& record, TimePoint now) {
  if (record.state == TransactionState::accepted) return RequestMatch::fresh;
  if (record.state == TransactionState::completed) {
    record.state = TransactionState::confirmed;
    wheel.cancel(TransactionTable::retransmit_timer(record));
    table.drop(record, {&record.last_response});
    set_life(record, std::max(record.life_ends, now + Timers::t4), now);
  }
  return RequestMatch::repeated;
}

// An unproven source's request goes to the next hop again only when it comes again, and no sooner than timer A or E would have it.
void Transactions::Impl::repeat_unproven(Record& record, TimePoint now, Outbox& out) {
  if (now < record.retransmit_at || (!is_datagram(record.to.transport) && !record.unsent)) return;
  table.recount(record);
  out.add(record.to) = record.sent;
  if (record.unsent) {
    record.unsent = false;
    set_life(record, silence_ends(record, now), now);
  }
  record.interval = std::min<std::chrono::milliseconds>(record.interval * 2, Timers::t2);
  record.retransmit_at = now + record.interval;
}

RequestMatch Transactions::Impl::match_repeated(Record& record, const sip::RawMessage& request, TimePoint now, Outbox& out) {
  if (record.state == TransactionState::accepted || record.state == TransactionState::confirmed) return RequestMatch::repeated;
  if (!record.last_response.empty()) {
    answer_to(record, out) = record.last_response;
    return RequestMatch::answered;
  }
  if (record.state == TransactionState::calling && !record.proven) {
    repeat_unproven(record, now, out);
    return RequestMatch::repeated;
  }
  // The first answer to an INVITE from an unproven source, and all there is if memory was too short for the last response.
  const bool trying = !is_final(record) && (record.is_invite || record.trying_sent);
  return trying && respond(record, request, 100, out) ? RequestMatch::answered : RequestMatch::repeated;
}

Record* Transactions::Impl::begin(const BranchId& id, const sip::RawMessage& request, const Departure& departure, TimePoint now,
                                  Outbox& out) {
  if (Record* old = table.find(id, false)) table.erase(*old);
  const std::string_view original = header_section(request);
  std::size_t bytes = 0;
  for (const std::string_view text : {original, departure.sent, departure.memo, departure.hidden_vias})
    bytes += TextPool::room_for(text.size());
  Record* record = table.add(id, false, bytes, nullptr, departure.proven);
  if (record == nullptr) return nullptr;
  record->is_invite = request.method == sip::Method::invite;
  record->method = request.method;
  record->from = departure.from;
  record->to = departure.to;
  record->proven = departure.proven;
  record->hop = departure.hop;
  record->with_credentials = departure.with_credentials;
  record->claim = departure.claim;
  record->tried = departure.may_move ? 1U << departure.hop : 0;
  record->started = now;
  table.await(*record);
  table.store(*record, record->original, original);
  table.store(*record, record->sent, departure.sent);
  table.store(*record, record->memo, departure.memo);
  table.store(*record, record->hidden_vias, departure.hidden_vias);
  start_retransmissions(*record, now);
  set_life(*record, now + (departure.to.side == Side::core ? pbx_timeout : Timers::transaction_timeout), now);
  if (record->is_invite && departure.proven) respond(*record, request, 100, out);
  out.add_request(departure.to, departure.sent, departure.pad_at);
  return record;
}

bool Transactions::Impl::respond(const Record& record, const sip::RawMessage& request, int status, Outbox& out) const {
  const std::array<char, 8> tag = to_tag_of(record.id, seed);
  const std::string host = record.from.peer.address.to_string();
  sip::ResponseParts parts;
  parts.status_code = status;
  parts.reason_phrase = sip::reason_phrase_of(status);
  parts.to_tag = {tag.data(), tag.size()};
  parts.source_host = host;
  parts.source_port = record.from.peer.port;
  std::string& bytes = answer_to(record, out);
  if (record.proven) {
    sip::write_response(request, parts, bytes);
    return true;
  }
  if (sip::write_response_within(request.bytes.size(), request, parts, bytes)) return true;
  out.drop_last();
  return false;
}

Transactions::Transactions(std::size_t capacity, std::size_t memory, std::chrono::milliseconds pbx_timeout, std::uint64_t seed)
    : impl_(std::make_unique<Impl>(capacity, memory, pbx_timeout, seed)) {}
Transactions::~Transactions() = default;
Transactions::Transactions(Transactions&&) noexcept = default;
Transactions& Transactions::operator=(Transactions&&) noexcept = default;

void Transactions::apply(std::chrono::milliseconds pbx_timeout) { impl_->set_pbx_timeout(pbx_timeout); }

RequestMatch Transactions::match(const BranchId& id, const sip::RawMessage& request, const Flow& from, TimePoint now, Outbox& out) {
  Record* record = impl_->table.find(id, false);
  if (record != nullptr && (record->from.side != from.side || record->from.peer != from.peer)) record = nullptr;
  if (request.method == sip::Method::cancel) return impl_->match_cancel(record, request, now, out);
  if (record == nullptr) return RequestMatch::fresh;
  if (request.method == sip::Method::ack) return impl_->match_ack(*record, now);
  return impl_->match_repeated(*record, request, now, out);
}

Transaction* Transactions::begin(const BranchId& id, const sip::RawMessage& request, const Departure& departure, TimePoint now,
                                 Outbox& out) {
  if (request.method == sip::Method::ack || request.method == sip::Method::cancel) return nullptr;
  return impl_->begin(id, request, departure, now, out);
}

Record* Transactions::Impl::of_response(const BranchId& id, const sip::RawMessage& response, const Flow& from) {
  Record* record = table.find(id, true);
  const bool own = record != nullptr && record->method == response.method;
  if (!own) record = response.method == sip::Method::cancel ? nullptr : table.find(id, false);
  if (record == nullptr || record->method != response.method) return nullptr;
  const bool from_there = record->to.side == from.side && record->to.peer.address == from.peer.address;
  return from_there ? record : nullptr;
}

bool Transactions::awaits(const BranchId& id, const sip::RawMessage& response, const Flow& from) const {
  return impl_->of_response(id, response, from) != nullptr;
}

Transaction* Transactions::match_response(const BranchId& id, const sip::RawMessage& response, const Flow& from) {
  Record* record = impl_->of_response(id, response, from);
  if (record == nullptr || !record->is_own) return record;
  if (response.status_code >= 200) {
    impl_->table.erase(*record);
  } else {
    record->state = TransactionState::proceeding;
  }
  return nullptr;
}

void Transactions::use(NextHops& hops) { impl_->hops = &hops; }

bool Transactions::late(const BranchId& id, std::uint8_t hop, const sip::RawMessage& response, TimePoint now, Outbox& out) {
  Record* record = impl_->table.find(id, false);
  return record != nullptr && impl_->late(*record, hop, response, now, out);
}

bool Transactions::has_left(const BranchId& id, std::uint8_t hop) const {
  const Record* record = impl_->table.find(id, false);
  return record != nullptr && record->hop != hop && (record->tried >> hop & 1U) != 0;
}

bool Transactions::is_to_own(const BranchId& id, const sip::RawMessage& response) const {
  const Record* record = impl_->table.find(id, true);
  return record != nullptr && record->method == response.method;
}

void Transactions::refuse(Transaction& transaction, const sip::RawMessage& response, int status, TimePoint now, Outbox& out) {
  impl_->refuse(static_cast<Record&>(transaction), response, status, now, out);
}

bool Transactions::knows(const BranchId& id) const {
  return impl_->table.find(id, false) != nullptr || impl_->table.find(id, true) != nullptr;
}

void Transactions::lost(const Endpoint& next_hop, TimePoint now) {
  impl_->table.for_each([&](Record& record) {
    if (record.state != TransactionState::calling || record.to.side != Side::core || record.to.peer != next_hop) return;
    record.link_lost = true;
    impl_->set_life(record, now, now);
  });
}

void Transactions::lost(const Flow& access, TimePoint now) {
  if (!impl_->table.awaits(access.connection)) return;
  impl_->table.for_each([&](Record& record) {
    if (!record.awaited || record.to.connection != access.connection) return;
    record.link_lost = true;
    impl_->set_life(record, now + Timers::reconnection, now);
  });
}

bool Transactions::awaits_answers(std::uint8_t listener) const {
  const auto is_over = [listener](const Flow& flow) { return flow.side == Side::access && flow.listener == listener; };
  return impl_->table.any_of([&](const Record& record) { return !is_final(record) && (is_over(record.from) || is_over(record.to)); });
}

bool Transactions::went_to(Side side, const BranchId& id) const {
  const Record* record = impl_->table.find(id, false);
  return record != nullptr && record->to.side == side;
}

bool Transactions::wants(Transaction& transaction, const sip::RawMessage& response, TimePoint now, Outbox& out) {
  return impl_->wants(static_cast<Record&>(transaction), response, now, out);
}

bool Transactions::deliver(Transaction& transaction, const sip::RawMessage& response, std::string_view forwarded, TimePoint now,
                           Outbox& out) {
  auto& record = static_cast<Record&>(transaction);
  if (!impl_->wants(record, response, now, out)) return false;
  impl_->pass(record, response, forwarded, now, out);
  return true;
}

std::optional<TimePoint> Transactions::next_deadline() const { return impl_->wheel.next_deadline(); }

void Transactions::advance(TimePoint now, std::size_t limit, Outbox& out) {
  for (; limit > 0; --limit) {
    const auto timer = impl_->wheel.take(now);
    if (!timer) return;
    Record& record = impl_->table.of_timer(*timer);
    if (TransactionTable::is_retransmit(*timer)) {
      impl_->retransmit(record, now, out);
    } else {
      impl_->end_of_life(record, now, out);
    }
  }
}

std::size_t Transactions::size() const { return impl_->table.size(); }
std::size_t Transactions::memory() const { return impl_->table.memory(); }
std::uint64_t Transactions::evictions() const { return impl_->table.evictions(); }

}  // namespace postern::sbc
