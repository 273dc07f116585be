#include "sbc/weak_passwords.hpp"

#include <utility>

namespace postern::sbc {

bool WeakPasswords::wants(std::string_view account, acl::TimePoint now) {
  const std::scoped_lock hold(lock_);
  if (weak_.contains(account)) return true;
  const Look* look = looks_.find(hash_(account));
  return look == nullptr || now - look->at >= between_looks;
}

void WeakPasswords::hand_in(WatchedDigest digest, acl::TimePoint now) {
  {
    const std::scoped_lock hold(lock_);
    if (waiting_.size() == most_waiting) {
      ++missed_;
      return;
    }
    latest_ = std::max(latest_, now);  // workers read the clock one after another
    const std::uint64_t key = hash_(digest.username);
    if (Look* look = looks_.touch(key, latest_)) {
      look->at = now;
    } else {
      looks_.add(key, {now}, latest_, acl::Worth::most());
    }
    waiting_.push_back(std::move(digest));
  }
  if (call_) call_();
}

std::optional<WeakKind> WeakPasswords::verdict_on(std::string_view account) const {
  if (!any_weak_.load(std::memory_order_relaxed)) return std::nullopt;
  const std::scoped_lock hold(lock_);
  const auto found = weak_.find(account);
  return found == weak_.end() ? std::nullopt : std::optional(found->second.kind);
}

void WeakPasswords::on_waiting(std::function<void()> call) { call_ = std::move(call); }

std::optional<WatchedDigest> WeakPasswords::take() {
  const std::scoped_lock hold(lock_);
  if (waiting_.empty()) return std::nullopt;
  WatchedDigest first = std::move(waiting_.front());
  waiting_.pop_front();
  return first;
}

bool WeakPasswords::judged(const std::string& account, std::optional<WeakKind> kind, acl::TimePoint now) {
  const std::scoped_lock hold(lock_);
  ++looked_at_;
  const auto known = weak_.find(account);
  if (!kind) {
    if (known == weak_.end()) return false;
    weak_.erase(known);
  } else if (known != weak_.end()) {
    if (known->second.kind == *kind) return false;
    known->second = {*kind, now};
  } else if (weak_.size() < most_weak) {
    weak_.emplace(account, WeakVerdict{*kind, now});
  }
  any_weak_ = !weak_.empty();
  return true;
}

void WeakPasswords::restore(WeakVerdicts verdicts) {
  const std::scoped_lock hold(lock_);
  weak_ = std::move(verdicts);
  any_weak_ = !weak_.empty();
}

std::size_t WeakPasswords::accounts() const {
  const std::scoped_lock hold(lock_);
  return looks_.size();
}

std::uint64_t WeakPasswords::evictions() const {
  const std::scoped_lock hold(lock_);
  return looks_.evictions();
}

WeakVerdicts WeakPasswords::verdicts() const {
  const std::scoped_lock hold(lock_);
  return weak_;
}

}  // namespace postern::sbc
