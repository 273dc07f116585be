#include "sbc/calls.hpp"

#include <algorithm>
#include <iterator>

namespace postern::sbc {

const char* to_string(CallState state) {
  switch (state) {
    case CallState::calling:
      return "calling";
    case CallState::ringing:
      return "ringing";
    case CallState::established:
      break;
  }
  return "established";
}

Calls::Entry* Calls::find(const CallKeys& keys) {
  auto found = by_key_.find(keys.asker_began);
  if (found == by_key_.end()) found = by_key_.find(keys.asked_began);
  return found == by_key_.end() ? nullptr : &*found->second;
}

void Calls::note(const CallKeys& keys, const CallSketch& call, CallState state, TimePoint ends, TimePoint now) {
  Entry* entry = find(keys);
  // An INVITE of an established call rings nowhere anew.
  if (entry != nullptr && entry->call.state == CallState::established) return;
  if (entry == nullptr) {
    entry = enter(keys, call, state, ends, now);
    if (entry == nullptr) return;
  } else {
    entry->call.state = std::max(entry->call.state, state);
    set_end(*entry, std::max(entry->ends, ends));
  }
  count(*entry, call);
}

void Calls::count(Entry& entry, const CallSketch& call) {
  if (use_ == nullptr || entry.counted || entry.call.state == CallState::calling) return;
  entry.counted = true;
  entry.made_by = call.made_by;
  use_->call_began(entry.made_by);
}

void Calls::refreshed(const CallKeys& keys, const CallSketch& call, std::optional<std::chrono::seconds> session, TimePoint now) {
  const Entry* entry = find(keys);
  if (entry == nullptr || entry->call.state == CallState::established) established(keys, call, session, now);
}

void Calls::established(const CallKeys& keys, const CallSketch& call, std::optional<std::chrono::seconds> session, TimePoint now) {
  Entry* entry = find(keys);
  if (entry == nullptr) entry = enter(keys, call, CallState::established, now + silence, now);
  if (entry == nullptr) return;
  if (entry->call.state != CallState::established) {
    entry->call.state = CallState::established;
    established_.splice(established_.end(), early_, by_key_.at(entry->key));
  }
  count(*entry, call);
  entry->has_session_timer = session.has_value();
  const TimePoint ends = now + (session ? std::max(*session, shortest_session) + grace : silence);
  if (entry->ending)
    entry->goes_on_until = ends;
  else
    set_end(*entry, ends);
}

void Calls::refused(const CallKeys& keys) {
  const Entry* entry = find(keys);
  if (entry != nullptr && entry->call.state != CallState::established) erase(by_key_.at(entry->key));
}

void Calls::heard(const CallKeys& keys, TimePoint now) {
  Entry* entry = find(keys);
  if (entry == nullptr || entry->call.state != CallState::established) return;
  established_.splice(established_.end(), established_, by_key_.at(entry->key));
  if (!entry->has_session_timer && !entry->ending) set_end(*entry, now + silence);
}

void Calls::ending(const CallKeys& keys, TimePoint now) {
  Entry* entry = find(keys);
  if (entry == nullptr || entry->ending) return;
  entry->ending = true;
  entry->goes_on_until = entry->ends;
  set_end(*entry, std::min(entry->ends, now + no_answer));
}

void Calls::goes_on(const CallKeys& keys, TimePoint now) {
  Entry* entry = find(keys);
  if (entry == nullptr || !entry->ending) return;
  entry->ending = false;
  set_end(*entry, entry->has_session_timer ? entry->goes_on_until : now + silence);
}

void Calls::ended(const CallKeys& keys) {
  if (const Entry* entry = find(keys)) erase(by_key_.at(entry->key));
}

void Calls::expire(TimePoint now, std::size_t limit) {
  for (; limit > 0 && !ends_.empty() && ends_.begin()->first <= now; --limit) {
    const Entries::iterator entry = ends_.begin()->second;
    if (entry->ends <= now) {
      erase(entry);
      continue;
    }
    ends_.erase(entry->place);
    entry->place = ends_.emplace(entry->ends, entry);
  }
}

std::optional<TimePoint> Calls::next_expiry() const {
  if (ends_.empty()) return std::nullopt;
  return ends_.begin()->first;
}

bool Calls::list(ListCursor& cursor, std::size_t limit, const std::function<void(const Call&)>& visit) const {
  return next_slice(by_serial_, next_serial_, cursor, limit, [&visit](const Entry* entry) { visit(entry->call); });
}

Calls::Entry* Calls::enter(const CallKeys& keys, const CallSketch& call, CallState state, TimePoint ends, TimePoint now) {
  if (!make_room(state)) return nullptr;
  Entries& list = state == CallState::established ? established_ : early_;
  Entry& entry = list.emplace_back();
  entry.call = {std::string(call.call_id), std::string(call.device), std::string(call.from), std::string(call.to), call.access, now, state};
  entry.key = keys.asker_began;
  entry.serial = next_serial_++;
  entry.ends = ends;
  const auto at = std::prev(list.end());
  by_key_.emplace(entry.key, at);
  by_serial_.emplace(entry.serial, &entry);
  entry.place = ends_.emplace(ends, at);
  return &entry;
}

bool Calls::make_room(CallState state) {
  if (by_key_.size() < capacity_) return true;
  ++evictions_;
  if (early_.empty() && state != CallState::established) return false;
  erase(early_.empty() ? established_.begin() : early_.begin());
  return true;
}

/// What ends later than it stands there is moved when its time has come.
void Calls::set_end(Entry& entry, TimePoint ends) {
  entry.ends = ends;
  if (ends >= entry.place->first) return;
  const Entries::iterator at = entry.place->second;
  ends_.erase(entry.place);
  entry.place = ends_.emplace(ends, at);
}

void Calls::erase(Entries::iterator entry) {
  if (entry->counted) use_->call_ended(entry->made_by);
  ends_.erase(entry->place);
  by_serial_.erase(entry->serial);
  by_key_.erase(entry->key);
  list_of(*entry).erase(entry);
}

}  // namespace postern::sbc
