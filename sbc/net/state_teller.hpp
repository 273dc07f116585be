// One worker's changes of what outlives a restart, on their way to the StateStore.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sbc/durable.hpp"
#include "sbc/engine.hpp"
#include "sbc/listeners.hpp"
#include "sbc/net/kernel_bans.hpp"
#include "sbc/net/state_record.hpp"
#include "sbc/net/state_store.hpp"

namespace postern::net {

/// Of the engine's thread alone: what is told is gathered without a lock, and only what is written waits for that of other workers.
class StateTeller final : public sbc::DurableSink {
 public:
  /// Before the store's start(); `store` and `kernel`, which hears of bans too if it is there, must outlive it.
  explicit StateTeller(StateStore& store, KernelBans* kernel = nullptr);
  /// What waits is written.
  ~StateTeller() override;
  StateTeller(const StateTeller&) = delete;
  StateTeller& operator=(const StateTeller&) = delete;

  /// At the start, and when a reload changes them.
  void apply(std::span<const sbc::ListenerOptions> listeners) { listeners_ = sbc::addresses_of(listeners); }
  void add(const sbc::Binding& binding) override;
  void keep(const sbc::Binding& binding, sbc::Urgency urgency) override;
  void forget(const sbc::Binding& binding) override;
  void keep(const sbc::DurableBan& ban) override;
  void forget(const sbc::DurableBan& ban) override;
  void keep(const sbc::AccountBlock& block) override;
  void forget(const sbc::AccountBlock& block) override;
  void keep(const sbc::DurableOffence& offence) override;
  void keep(const sbc::DurableAcceptance& acceptance, sbc::Urgency urgency) override;
  void keep(const sbc::DurableTrust& trust, sbc::Urgency urgency) override;
  void keep(sbc::TokenTable table, std::uint64_t key, std::string_view text) override;
  void forget(sbc::TokenTable table, std::uint64_t key) override;
  /// Before datagrams leave that tell of changes: at most one write().
  void commit() {
    if (urgent_) write_pending();
  }
  /// What may wait, and what is to be told again. Returns when to call it next.
  std::chrono::milliseconds tick(const sbc::Engine& engine, acl::TimePoint now);

 private:
  std::string* record(sbc::Urgency urgency);
  void recorded();
  void write_pending();
  void forget_pending();
  void retell(const sbc::Engine& engine, acl::TimePoint now);

  StateStore& store_;
  KernelBans* kernel_;
  std::vector<sbc::ListenerAddress> listeners_;
  Clocks clocks_;
  std::string pending_;
  std::vector<std::size_t> new_ones_;  ///< where they begin in it
  bool urgent_ = false;
  std::size_t content_bytes_ = 0;
  std::uint64_t retelling_ = 0;  ///< the last one that was begun
  std::optional<sbc::RetellCursor> cursor_;
};

}  // namespace postern::net
