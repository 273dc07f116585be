#include "sbc/health.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sbc/transactions.hpp"
#include "sip/user.hpp"

namespace postern::sbc {
namespace {

constexpr std::chrono::seconds retry_without_checks{30};
constexpr std::chrono::minutes flapping_window{10};
constexpr std::chrono::minutes login_window{2};
constexpr std::chrono::minutes survival_window{10};  // fail2ban's usual find_time
constexpr unsigned most_answers_needed = 4;
constexpr std::size_t longest_user = 64;

// Requests that nothing answered: two that proved themselves, or five that did not.
constexpr unsigned proven_weight = 5;
constexpr unsigned unproven_weight = 2;
constexpr unsigned dead_weight = 10;

std::string seconds_text(acl::Duration duration) {
  return fmt::format("{} s", std::chrono::duration_cast<std::chrono::seconds>(duration).count());
}

}  // namespace

void Health::apply() {
  std::vector<Pbx> before = std::exchange(pbx_, {});
  shown_.clear();
  for (const Endpoint& address : options_.addresses) {
    const auto known = std::ranges::find(before, address, &Pbx::address);
    Pbx& pbx = known == before.end() ? pbx_.emplace_back() : pbx_.emplace_back(std::move(*known));
    pbx.address = address;
    shown_.push_back({address.to_string(), pbx.up, pbx.heard});
  }
}

std::string_view Health::user() const { return options_.health_check_user ? *options_.health_check_user : registered_user_; }

bool Health::checks() const { return options_.health_check && !user().empty(); }

void Health::registered(std::string_view user) {
  if (user.size() <= longest_user && sip::is_uri_user(user)) registered_user_ = user;
}

void Health::failed_login(TimePoint now) {
  login_failed(now);
  if (fellows_ != nullptr) fellows_->tell(FailedLoginNote{});
}

void Health::login_failed(TimePoint now) {
  failed_logins_.at(next_failed_login_) = now;
  next_failed_login_ = (next_failed_login_ + 1) % failed_logins_.size();
  if (now - logins_since_ > survival_window) {
    logins_since_ = now;
    logins_ = 0;
  }
  // That it refuses is an answer: it has not banned us for those before.
  logins_survived_ = std::max(logins_survived_, logins_++);
}

bool Health::logins_failed_lately(TimePoint now) const {
  return std::ranges::all_of(failed_logins_, [now](const auto& at) { return at && now < *at + login_window; });
}

PbxStanding Health::standing() const {
  const bool banned = std::ranges::any_of(pbx_, [](const Pbx& pbx) { return !pbx.up && pbx.banned_us; });
  return {banned, banned ? 0 : logins_survived_};
}

Health::Pbx* Health::find(const Endpoint& address) {
  const auto found = std::ranges::find(pbx_, address, &Pbx::address);
  return found == pbx_.end() ? nullptr : &*found;
}

void Health::linked(const Endpoint& address, TimePoint now) {
  Pbx* pbx = find(address);
  if (pbx == nullptr) return;
  pbx->linked = true;
  if (pbx->up) return;
  // That it is connected does not say that it answers: a check does, where there is one.
  if (checks() && asks()) {
    if (!pbx->asked) pbx->next_check = now;
  } else {
    count_answer(*pbx, now);
  }
}

void Health::unlinked(const Endpoint& address, std::string_view why, TimePoint now) {
  Pbx* pbx = find(address);
  if (pbx == nullptr) return;
  pbx->linked = false;
  pbx->asked.reset();  // the answer would have come over that connection
  lost(*pbx, now, why);
}

void Health::heard(const acl::Address& address, TimePoint now) {
  for (Pbx& pbx : pbx_) {
    if (pbx.address.address != address) continue;
    note_heard(pbx);
    pbx.last_heard = now;
    pbx.against = 0;
    if (pbx.up) continue;
    // It lives. Whether it answers in time is for a check to say, at once.
    if (!checks()) {
      gave_answer(pbx, now);
    } else {
      doubt(pbx, Timers::t2, now);
    }
  }
}

void Health::note_heard(Pbx& pbx) {
  pbx.heard = true;
  shown(pbx).heard = true;
}

void Health::doubt(Pbx& pbx, acl::Duration delay, TimePoint now) {
  if (asks()) {
    if (!pbx.asked) pbx.next_check = std::min(pbx.next_check, now + delay);
  } else if (fellows_ != nullptr && now >= pbx.next_doubt) {
    pbx.next_doubt = now + Timers::t1;
    fellows_->tell(PbxDoubtNote{pbx.address});
  }
}

void Health::doubted(const Endpoint& address, TimePoint now) {
  if (!asks() || !checks()) return;
  if (Pbx* pbx = find(address)) doubt(*pbx, Timers::t1, now);
}

void Health::tell_fellows(const Pbx& pbx) {
  if (fellows_ != nullptr) fellows_->tell(PbxNote{pbx.address, pbx.up, pbx.steady});
}

void Health::told(const PbxNote& note, TimePoint now) {
  Pbx* pbx = find(note.address);
  if (pbx == nullptr) return;
  if (pbx->up && !note.up) {
    pbx->down_since = now;
    pbx->try_again = now + retry_without_checks;
  }
  pbx->up = note.up;
  pbx->steady = note.steady;
  pbx->against = 0;
  shown(*pbx).up = note.up;
}

void Health::silent(std::uint8_t index, bool proven, TimePoint since, TimePoint now) {
  if (index >= pbx_.size()) return;
  Pbx& pbx = pbx_[index];
  if (pbx.last_heard && *pbx.last_heard > since) return;
  if (checks()) {
    doubt(pbx, Timers::t1, now);
    return;
  }
  pbx.against += proven ? proven_weight : unproven_weight;
  if (pbx.against >= dead_weight) gave_no_answer(pbx, now, "requests were left without any answer");
}

bool Health::answered(const BranchId& id, const Flow& from, TimePoint now) {
  for (Pbx& pbx : pbx_) {
    if (pbx.id != id || pbx.sent.empty() || pbx.address.address != from.peer.address) continue;
    note_heard(pbx);
    // One that comes too late tells that requests would get theirs too late as well.
    if (pbx.asked) {
      pbx.asked.reset();
      gave_answer(pbx, now);
    }
    return true;
  }
  return false;
}

bool Health::usable(const Pbx& pbx, TimePoint now) const { return pbx.linked && (pbx.up || (!checks() && now >= pbx.try_again)); }

std::optional<std::uint8_t> Health::first(TimePoint now) {
  auto found = next(0, now);
  // Without checks nothing but a request can find out that one lives again.
  if (!found && !checks() && pbx_.front().linked) found = std::uint8_t{0};
  return found;
}

std::optional<std::uint8_t> Health::next(std::uint32_t tried, TimePoint now) {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < pbx_.size(); ++i) {
    if ((tried >> i & 1U) != 0 || !usable(pbx_[i], now)) continue;
    if (!best) best = i;
    if (!pbx_[i].up || !pbx_[i].steady) continue;
    best = i;
    break;
  }
  if (!best) return std::nullopt;
  if (!pbx_[*best].up) pbx_[*best].try_again = now + retry_without_checks;
  return static_cast<std::uint8_t>(*best);
}

std::optional<TimePoint> Health::next_deadline() const {
  if (!checks() || !asks()) return std::nullopt;
  std::optional<TimePoint> next;
  for (const Pbx& pbx : pbx_) {
    if (!pbx.linked) continue;
    const TimePoint answer_due = is_datagram(options_.transport) ? std::min(pbx.resend_at, pbx.gives_up_at) : pbx.gives_up_at;
    const TimePoint due = pbx.asked ? answer_due : pbx.next_check;
    if (!next || due < *next) next = due;
  }
  return next;
}

void Health::advance(TimePoint now, Outbox& out) {
  if (!checks() || !asks()) return;
  for (Pbx& pbx : pbx_) {
    if (!pbx.linked) continue;
    if (!pbx.asked) {
      if (now >= pbx.next_check) ask(pbx, now, out);
    } else if (now >= pbx.gives_up_at) {
      const bool heard = pbx.last_heard && *pbx.last_heard >= *pbx.asked;
      pbx.asked.reset();
      if (heard) {
        gave_answer(pbx, now);
      } else {
        gave_no_answer(pbx, now, fmt::format("no answer to OPTIONS within {}", seconds_text(options_.timeout)));
      }
    } else if (is_datagram(options_.transport) && now >= pbx.resend_at) {
      pbx.interval = std::min<std::chrono::milliseconds>(pbx.interval * 2, Timers::t2);
      pbx.resend_at = now + pbx.interval;
      out.add(flow_to(pbx)) = pbx.sent;
    }
  }
}

void Health::ask(Pbx& pbx, TimePoint now, Outbox& out) {
  ++count_;
  write_options(pbx, static_cast<std::size_t>(&pbx - pbx_.data()), pbx.sent);
  pbx.asked = now;
  pbx.interval = Timers::t1;
  pbx.resend_at = now + pbx.interval;
  pbx.gives_up_at = now + options_.timeout;
  pbx.next_check = now + std::max(*options_.health_check, options_.timeout);
  out.add(flow_to(pbx)) = pbx.sent;
}

Flow Health::flow_to(const Pbx& pbx) const {
  Flow flow;
  flow.side = Side::core;
  flow.transport = options_.transport;
  flow.local = options_.bind->address;
  flow.peer = pbx.address;
  return flow;
}

void Health::write_options(const Pbx& pbx, std::size_t index, std::string& out) {
  const std::string count = std::to_string(count_);
  const std::string address = pbx.address.to_string();
  const std::array<std::string_view, 3> parts{"health check", address, count};
  const BranchId id = mac_.of(parts);
  pbx_[index].id = id;
  std::string branch;
  append_branch(branch, id);
  out = fmt::format(
      "OPTIONS sip:{0} SIP/2.0\r\nVia: SIP/2.0/{9} {1};rport;branch={2}\r\nMax-Forwards: 70\r\nFrom: <sip:{3}@{4}>;tag={5:08x}\r\n"
      "To: <sip:{0}>\r\nCall-ID: {6:016x}@{7}\r\nCSeq: {8} OPTIONS\r\nContact: <sip:{10}>\r\nUser-Agent: Postern\r\nContent-Length: "
      "0\r\n\r\n",
      names_.pbx_host_port(index), names_.core_address(), branch, user(), names_.pbx_host(), static_cast<std::uint32_t>(id.low), id.high,
      uri_host(options_.bind->address), count_, via_name(options_.transport), names_.core_uri_address());
}

unsigned Health::downs_lately(const Pbx& pbx, TimePoint now) const {
  return static_cast<unsigned>(std::ranges::count_if(pbx.downs, [now](const auto& at) { return at && now < *at + flapping_window; }));
}

void Health::gave_answer(Pbx& pbx, TimePoint now) {
  const bool was_up = pbx.up;
  const bool was_steady = pbx.steady;
  count_answer(pbx, now);
  if (!was_up || pbx.steady != was_steady) tell_fellows(pbx);
}

void Health::count_answer(Pbx& pbx, TimePoint now) {
  pbx.against = 0;
  ++pbx.answers_in_row;
  const unsigned needed = std::min(downs_lately(pbx, now), most_answers_needed);
  // Once is an accident, more often is a habit.
  pbx.steady = needed < 2 || pbx.answers_in_row >= needed;
  if (pbx.up) return;
  pbx.up = true;
  shown(pbx).up = true;
  std::string message = fmt::format("it answers again, after {}", seconds_text(now - pbx.down_since.value_or(now)));
  if (!pbx.steady) {
    message += fmt::format(
        "; it went down {} times in {} minutes, so requests go to other addresses first until it has answered {} checks in a row: "
        "look at its load and at the network between",
        needed, flapping_window.count(), needed);
  }
  tell(pbx, EventKind::pbx_up, message, now);
}

void Health::gave_no_answer(Pbx& pbx, TimePoint now, std::string_view what) {
  const bool was_up = pbx.up;
  lost(pbx, now, what);
  if (was_up) tell_fellows(pbx);
}

void Health::lost(Pbx& pbx, TimePoint now, std::string_view what) {
  pbx.answers_in_row = 0;
  pbx.against = 0;
  pbx.try_again = now + retry_without_checks;
  if (!pbx.up) return;
  pbx.up = false;
  pbx.banned_us = logins_failed_lately(now);
  if (pbx.banned_us) logins_ = logins_survived_ = 0;
  pbx.steady = false;
  pbx.down_since = now;
  pbx.downs.at(pbx.downs_count++ % downs_kept) = now;
  shown(pbx).up = false;
  tell(pbx, EventKind::pbx_down, fmt::format("{}; {}", what, remedy(pbx, now)), now);
}

std::string Health::remedy(const Pbx& pbx, TimePoint now) const {
  const auto other = std::ranges::find_if(pbx_, [](const Pbx& one) { return one.up; });
  std::string text = other != pbx_.end()                            ? fmt::format("requests go to {}", other->address.to_string())
                     : checks() || !is_datagram(options_.transport) ? "no other address lives, so new requests are answered 503 at once"
                                                                    : "no other address lives, so calls will be answered 408";
  if (logins_failed_lately(now)) {
    text += fmt::format(
        "; it fell silent shortly after failed logins: probably banned by the PBX's fail2ban. Put {} on its whitelist, and "
        "lift the ban there (fail2ban-client unban {})",
        uri_host(options_.bind->address), uri_host(options_.bind->address));
  } else {
    text += fmt::format("; look whether the PBX runs and listens on {}, and whether its firewall or fail2ban lets {} pass",
                        pbx.address.to_string(), uri_host(options_.bind->address));
  }
  return text;
}

void Health::tell(const Pbx& pbx, EventKind kind, std::string_view message, TimePoint now) {
  if (!journal_.admits(kind, Outcome::forwarded, now)) return;
  Event event;
  event.kind = kind;
  event.address = pbx.address;
  event.message = message;
  journal_.write(event);
}

}  // namespace postern::sbc
