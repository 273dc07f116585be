#include "sbc/device_use.hpp"

namespace postern::sbc {

DeviceUse::Use& DeviceUse::use_of(std::uint64_t key, TimePoint now) {
  if (Use* use = table_.touch(key, now)) return *use;
  return *table_.add(key, {}, now, acl::Worth::most());
}

DeviceUse::Answer DeviceUse::judge(Use& use, std::size_t pending, const DeviceAllowance& allowance, TimePoint now) {
  if (allowance.rate && use.bucket.wait(*allowance.rate, now) > acl::Duration::zero()) return Answer::over_rate;
  if (allowance.calls_per_hour && use.in_hour.count(now) + pending >= *allowance.calls_per_hour) return Answer::over_calls_per_hour;
  if (allowance.calls && use.calls + pending >= *allowance.calls) return Answer::over_calls;
  return Answer::passes;
}

DeviceUse::Answer DeviceUse::ask(std::uint64_t device, std::uint64_t source, const DeviceAllowance& allowance, bool reserve,
                                 TimePoint now) {
  const std::scoped_lock hold(lock_);
  const TimePoint asked = now;
  now = no_earlier(now);
  Use* here = reserve ? &use_of(of_source(device, source), now) : nullptr;
  Use nothing;
  Use* used = table_.find(device);
  const std::size_t pending = reserve ? here->on_its_way.count(now) : 0;
  if (const Answer answer = judge(used == nullptr ? nothing : *used, pending, allowance, now); answer != Answer::passes) return answer;
  if (!reserve) return Answer::passes;
  if (allowance.rate && !here->bucket.take(*allowance.rate, now)) return Answer::over_rate;
  here->on_its_way.add(asked, now);
  return Answer::passes;
}

void DeviceUse::answered(std::uint64_t device, std::uint64_t source, const DeviceAllowance& allowance, std::optional<TimePoint> reserved,
                         bool taken, TimePoint now) {
  if (!reserved && !taken) return;
  const std::scoped_lock hold(lock_);
  now = no_earlier(now);
  if (Use* here = reserved ? table_.find(of_source(device, source)) : nullptr) {
    here->on_its_way.take_off(*reserved, now);
    if (!taken && allowance.rate) here->bucket.give_back(*allowance.rate);
  }
  if (!taken) return;
  Use& use = use_of(device, now);
  if (allowance.rate) use.bucket.take(*allowance.rate, now);
  use.in_hour.add(now, now);
}

void DeviceUse::call_began(std::uint64_t device) {
  calls_.fetch_add(1, std::memory_order_relaxed);
  if (device == 0) return;
  const std::scoped_lock hold(lock_);
  ++use_of(device, latest_).calls;
}

void DeviceUse::call_ended(std::uint64_t device) {
  calls_.fetch_sub(1, std::memory_order_relaxed);
  if (device == 0) return;
  const std::scoped_lock hold(lock_);
  Use* use = table_.find(device);
  if (use != nullptr && use->calls > 0) --use->calls;
}

}  // namespace postern::sbc
