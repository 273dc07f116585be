#include "sbc/net/state_teller.hpp"

namespace postern::net {

using std::chrono::milliseconds;

namespace {

constexpr std::size_t most_pending = 256U << 10U;             // waits no longer
constexpr std::size_t most_content_bytes = 256U << 10U;       // between two ticks: strangers can write long Contacts, too
constexpr milliseconds usual_tick{1000}, retelling_tick{20};  // what may wait is lost by a kill for no longer than the first

}  // namespace

StateTeller::StateTeller(StateStore& store, KernelBans* kernel) : store_(store), kernel_(kernel), clocks_(Clocks::read()) { store_.join(); }

StateTeller::~StateTeller() { write_pending(); }

std::string* StateTeller::record(sbc::Urgency urgency) {
  if (!store_.writing()) return nullptr;
  urgent_ = urgent_ || urgency == sbc::Urgency::at_once;
  return &pending_;
}

void StateTeller::recorded() {
  if (pending_.size() > most_pending) write_pending();
}

void StateTeller::add(const sbc::Binding& binding) {
  if (std::string* out = record(sbc::Urgency::at_once)) {
    new_ones_.push_back(out->size());
    append_record(*out, binding, listeners_, clocks_);
  }
  recorded();
}

void StateTeller::keep(const sbc::Binding& binding, sbc::Urgency urgency) {
  if (std::string* out = record(urgency)) append_record(*out, binding, listeners_, clocks_);
  recorded();
}

void StateTeller::forget(const sbc::Binding& binding) {
  if (std::string* out = record(sbc::Urgency::at_once)) append_removed(*out, binding);
  recorded();
}

void StateTeller::keep(const sbc::DurableBan& ban) {
  if (ban.strangers_only && kernel_ != nullptr) kernel_->keep(ban.source, ban.until);
  if (std::string* out = record(sbc::Urgency::at_once)) append_record(*out, ban, clocks_);
  recorded();
}

void StateTeller::forget(const sbc::DurableBan& ban) {
  if (kernel_ != nullptr) kernel_->keep(ban.source, acl::TimePoint::min());
  if (std::string* out = record(sbc::Urgency::at_once)) append_removed(*out, ban);
  recorded();
}

void StateTeller::keep(const sbc::AccountBlock& block) {
  if (std::string* out = record(sbc::Urgency::at_once)) append_record(*out, block, clocks_);
  recorded();
}

void StateTeller::forget(const sbc::AccountBlock& block) {
  if (std::string* out = record(sbc::Urgency::at_once)) append_removed(*out, block);
  recorded();
}

void StateTeller::keep(const sbc::DurableOffence& offence) {
  if (std::string* out = record(sbc::Urgency::at_once)) append_record(*out, offence, clocks_);
  recorded();
}

void StateTeller::keep(const sbc::DurableAcceptance& acceptance, sbc::Urgency urgency) {
  if (std::string* out = record(urgency)) append_record(*out, acceptance, clocks_);
  recorded();
}

void StateTeller::keep(const sbc::DurableTrust& trust, sbc::Urgency urgency) {
  if (std::string* out = record(urgency)) append_record(*out, trust, clocks_);
  recorded();
}

void StateTeller::keep(sbc::TokenTable table, std::uint64_t key, std::string_view text) {
  if (!cursor_) {
    content_bytes_ += text.size();
    if (content_bytes_ > most_content_bytes) return;
  }
  if (std::string* out = record(sbc::Urgency::at_once)) append_record(*out, table, key, text);
  recorded();
}

void StateTeller::forget(sbc::TokenTable table, std::uint64_t key) {
  if (std::string* out = record(sbc::Urgency::may_wait)) append_removed(*out, table, key);
  recorded();
}

/// What cannot be written is told again, once it can.
void StateTeller::write_pending() {
  urgent_ = false;
  if (!pending_.empty()) store_.append(pending_, new_ones_);
  forget_pending();
}

void StateTeller::forget_pending() {
  pending_.clear();
  new_ones_.clear();
}

milliseconds StateTeller::tick(const sbc::Engine& engine, acl::TimePoint now) {
  clocks_ = Clocks::read();
  content_bytes_ = 0;
  if (!store_.supervise(now)) return usual_tick;
  retell(engine, now);
  if (!store_.writing()) return usual_tick;
  write_pending();
  store_.hand_over(now, cursor_.has_value());
  return cursor_ ? retelling_tick : usual_tick;
}

void StateTeller::retell(const sbc::Engine& engine, acl::TimePoint now) {
  if (const std::uint64_t wanted = store_.retelling(); wanted != retelling_) {
    retelling_ = wanted;
    forget_pending();
    cursor_.emplace();
  }
  if (!cursor_) return;
  engine.retell(*cursor_, now);
  if (store_.writing() && cursor_->stage != sbc::RetellCursor::Stage::done) return;
  const bool whole = cursor_->stage == sbc::RetellCursor::Stage::done;
  cursor_.reset();
  write_pending();
  if (whole) store_.retold(retelling_);
}

}  // namespace postern::net
