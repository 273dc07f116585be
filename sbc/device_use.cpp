#include "sbc/device_use.hpp"

#include <numeric>

namespace postern::sbc {

DeviceUse::Use& DeviceUse::use_of(std::uint64_t key, TimePoint now) {
  if (Use* use = table_.touch(key, now)) return *use;
  return *table_.add(key, {}, now, acl::Worth::most());
}

void DeviceUse::turn_slots(Use& use, TimePoint now) {
  const std::int64_t current = now.time_since_epoch() / slot;
  const auto size = static_cast<std::int64_t>(use.slots.size());
  for (std::int64_t passed = std::max(use.newest_slot + 1, current - size + 1); passed <= current; ++passed)
    use.slots[static_cast<std::size_t>(passed % size)] = 0;
  use.newest_slot = std::max(use.newest_slot, current);
}

std::size_t DeviceUse::calls_in_hour(Use& use, TimePoint now) {
  turn_slots(use, now);
  return std::accumulate(use.slots.begin(), use.slots.end(), std::size_t{0});
}

DeviceUse::Answer DeviceUse::judge(Use& use, std::size_t pending, const DeviceAllowance& allowance, TimePoint now) {
  if (allowance.rate && use.bucket.wait(*allowance.rate, now) > acl::Duration::zero()) return Answer::over_rate;
  if (allowance.calls_per_hour && calls_in_hour(use, now) + pending >= *allowance.calls_per_hour) return Answer::over_calls_per_hour;
  if (allowance.calls && use.calls + pending >= *allowance.calls) return Answer::over_calls;
  return Answer::passes;
}

DeviceUse::Answer DeviceUse::ask(std::uint64_t device, std::uint64_t source, const DeviceAllowance& allowance, bool reserve,
                                 TimePoint now) {
  const std::scoped_lock hold(lock_);
  now = no_earlier(now);
  Use nothing;
  Use* used = table_.find(device);
  if (!reserve) return judge(used == nullptr ? nothing : *used, 0, allowance, now);
  const Use& here_before = use_of(of_source(device, source), now);
  const std::size_t pending = now < here_before.pending_until ? here_before.pending : 0;
  used = table_.find(device);  // the table may have grown
  if (const Answer answer = judge(used == nullptr ? nothing : *used, pending, allowance, now); answer != Answer::passes) return answer;
  Use& here = use_of(of_source(device, source), now);
  if (allowance.rate && !here.bucket.take(*allowance.rate, now)) return Answer::over_rate;
  here.pending = static_cast<std::uint32_t>(pending + 1);
  here.pending_until = now + on_its_way;
  return Answer::passes;
}

void DeviceUse::answered(std::uint64_t device, std::uint64_t source, const DeviceAllowance& allowance, bool reserved, bool taken,
                         TimePoint now) {
  if (!reserved && !taken) return;
  const std::scoped_lock hold(lock_);
  now = no_earlier(now);
  if (Use* here = reserved ? table_.find(of_source(device, source)) : nullptr) {
    if (here->pending > 0) --here->pending;
    if (!taken && allowance.rate) here->bucket.give_back(*allowance.rate);
  }
  if (!taken) return;
  Use& use = use_of(device, now);
  if (allowance.rate) use.bucket.take(*allowance.rate, now);
  turn_slots(use, now);
  auto& count = use.slots[static_cast<std::size_t>(use.newest_slot) % use.slots.size()];
  if (count < UINT16_MAX) ++count;
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
