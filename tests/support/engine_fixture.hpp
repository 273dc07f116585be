// An engine in virtual time, configured by an operator's YAML: what it sends, says and counts is kept for the test to look at.
#pragma once

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "config/load.hpp"
#include "sbc/durable.hpp"
#include "sbc/engine.hpp"
#include "sbc/listeners.hpp"
#include "sbc/tokens.hpp"
#include "tests/support/data.hpp"

namespace postern::testing {

/// An event with texts of its own: an Event's views hold during the call only.
struct RecordedEvent {
  explicit RecordedEvent(const sbc::Event& event)
      : kind(event.kind),
        reason(event.reason),
        cause(event.cause),
        rule(event.rule),
        source(event.source.to_string()),
        country(event.country),
        user_agent(event.user_agent),
        method(event.method),
        device(event.device),
        call_id(event.call_id),
        number(event.number),
        number_class(event.number_class),
        detail(event.detail),
        address(event.address == sbc::Endpoint{} ? std::string() : event.address.to_string()),
        message(event.message),
        proven(event.proven),
        duration(event.duration),
        count(event.count) {}
  sbc::EventKind kind;
  sbc::Outcome reason;
  std::optional<sbc::Cause> cause;
  std::string rule, source, country, user_agent, method, device, call_id, number, number_class, detail, address, message;
  bool proven;
  std::chrono::seconds duration;
  std::uint64_t count;
};

struct Sent {
  sbc::Flow flow;
  std::string bytes;
};

/// The same keys in every test: golden files depend on them.
inline sbc::Secrets fixed_secrets() {
  sbc::Secrets secrets;
  for (std::size_t i = 0; i < secrets.secret.size(); ++i) secrets.secret.at(i) = static_cast<std::uint8_t>(i * 7 + 1);
  secrets.table_seed = 42;
  return secrets;
}

/// In the place of the state folder.
class KeptState : public sbc::DurableSink {
 public:
  void add(const sbc::Binding& binding) override { keep(binding, sbc::Urgency::at_once); }
  void keep(const sbc::Binding& binding, sbc::Urgency /*urgency*/) override {
    bindings_.insert_or_assign({binding.aor_user, binding.core_contact}, binding);
  }
  void forget(const sbc::Binding& binding) override { bindings_.erase({binding.aor_user, binding.core_contact}); }
  void keep(const sbc::DurableBan& ban) override { bans_.insert_or_assign(ban.source, ban); }
  void forget(const sbc::DurableBan& ban) override { bans_.erase(ban.source); }
  void keep(const sbc::AccountBlock& block) override { blocks_.insert_or_assign({block.source, block.account}, block); }
  void forget(const sbc::AccountBlock& block) override { blocks_.erase({block.source, block.account}); }
  void keep(const sbc::DurableOffence& offence) override { offences_.insert_or_assign(offence.source, offence); }
  void keep(const sbc::DurableAcceptance& acceptance, sbc::Urgency /*urgency*/) override {
    acceptances_.insert_or_assign(acceptance.key, acceptance);
  }
  void keep(const sbc::DurableTrust& trust, sbc::Urgency /*urgency*/) override { trust_.insert_or_assign(trust.source, trust); }
  void keep(sbc::TokenTable table, std::uint64_t key, std::string_view text) override { contents_.insert_or_assign({table, key}, text); }
  void forget(sbc::TokenTable table, std::uint64_t key) override { contents_.erase({table, key}); }

  [[nodiscard]] sbc::DurableState state() const {
    sbc::DurableState state;
    for (const auto& [key, binding] : bindings_) state.bindings.push_back(binding);
    for (const auto& [source, ban] : bans_) state.bans.push_back(ban);
    for (const auto& [key, block] : blocks_) state.blocks.push_back(block);
    for (const auto& [source, offence] : offences_) state.offences.push_back(offence);
    for (const auto& [key, acceptance] : acceptances_) state.acceptances.push_back(acceptance);
    for (const auto& [source, trust] : trust_) state.trust.push_back(trust);
    for (const auto& [key, text] : contents_) state.contents.push_back({key.first, key.second, text});
    return state;
  }
  void clear() { *this = {}; }

 private:
  std::map<std::pair<std::string, std::string>, sbc::Binding> bindings_;
  std::map<acl::Address, sbc::DurableBan> bans_;
  std::map<std::pair<acl::Address, std::string>, sbc::AccountBlock> blocks_;
  std::map<acl::Address, sbc::DurableOffence> offences_;
  std::map<std::uint64_t, sbc::DurableAcceptance> acceptances_;
  std::map<acl::Address, sbc::DurableTrust> trust_;
  std::map<std::pair<sbc::TokenTable, std::uint64_t>, std::string> contents_;
};

class EngineBench : public sbc::EventSink {
 public:
  /// Throws std::runtime_error with all that is wrong with the configuration. `worker`: which of several, who has that company.
  explicit EngineBench(std::string_view yaml, const std::string& name = "test.yaml", std::uint16_t worker = 0, sbc::Company company = {})
      : company_(std::move(company)) {
    config::LoadResult loaded = load(yaml, name);
    options_ = loaded.config.engine;
    options_.pbx.worker = worker;
    options_.pbx.bind->port = static_cast<std::uint16_t>(options_.pbx.bind->port + worker);
    policy_ = loaded.policy;
    // A test that does not speak of it sees no OPTIONS of ours.
    if (yaml.find("health_check") == std::string_view::npos) options_.pbx.health_check.reset();
    if (yaml.find("keepalive") == std::string_view::npos) options_.keepalive.reset();
    start();
  }

  /// Another configuration for the same engine. Throws as the constructor does, and then nothing has changed.
  void reload(std::string_view yaml, const std::string& name = "test.yaml") {
    config::LoadResult loaded = load(yaml, name);
    auto slots = sbc::in_slots(options_.listeners, loaded.config.engine.listeners);
    if (!slots) throw std::runtime_error("no slots left");
    options_ = loaded.config.engine;
    options_.listeners = *slots;
    policy_ = loaded.policy;
    engine_->apply({options_, policy_}, now_);
  }
  /// A new engine with the same keys, which takes back what outlives a restart: all else that lives in memory is lost.
  void restart() {
    secrets_.restarted = true;
    start();
  }
  /// The same after the state folder's loss, but for its key.
  void restart_without_state() {
    kept_.clear();
    restart();
  }
  /// Another key seals tokens from now on, and the ones of before still open; restarts keep them.
  void new_token_key() {
    sbc::TokenKey old{};
    const auto seals = secrets_.secret.end() - old.size();
    std::copy(seals, secrets_.secret.end(), old.begin());
    secrets_.old_token_keys.insert(secrets_.old_token_keys.begin(), old);
    for (auto byte = seals; byte != secrets_.secret.end(); ++byte) *byte = static_cast<std::uint8_t>(*byte + 1);
    engine_->set_token_keys(secrets_);
  }
  void forget_old_token_keys() {
    secrets_.old_token_keys.clear();
    engine_->set_token_keys(secrets_);
  }

  sbc::Outcome handle(const sbc::Flow& flow, std::string_view bytes) {
    outcome_ = engine_->handle({bytes, flow}, now_, out_);
    collect();
    return outcome_;
  }

  sbc::Outcome connect(const sbc::Flow& flow) { return outcome_ = engine_->connected(flow, now_); }
  void disconnect(const sbc::Flow& flow) { engine_->disconnected(flow, now_); }
  void connect_pbx(const sbc::Endpoint& pbx) { engine_->pbx_connected(pbx, now_); }
  void disconnect_pbx(const sbc::Endpoint& pbx, std::string_view why) {
    engine_->pbx_disconnected(pbx, why, now_);
    wait(std::chrono::nanoseconds(0));
  }

  /// Lets time pass; timers fire at their time. Throws std::runtime_error if a deadline does not move on.
  void wait(std::chrono::nanoseconds duration) {
    const sbc::TimePoint end = now_ + duration;
    constexpr int most_turns = 1000;  // at one moment
    int turns = 0;
    while (true) {
      const auto next = engine_->next_deadline();
      if (!next || *next > end) break;
      turns = *next > now_ ? 0 : turns + 1;
      if (turns > most_turns) throw std::runtime_error("the engine's next deadline stands still");
      now_ = std::max(now_, *next);
      engine_->advance(now_, out_);
      collect();
    }
    now_ = end;
    engine_->advance(now_, out_);
    collect();
  }

  [[nodiscard]] sbc::Flow access_flow(const sbc::Endpoint& peer, std::uint8_t listener = 0) const {
    sbc::Flow flow;
    flow.listener = listener;
    flow.transport = options_.listeners.at(listener).transport;
    flow.local = options_.listeners.at(listener).bind.address;
    flow.peer = peer;
    return flow;
  }
  [[nodiscard]] sbc::Flow core_flow(const sbc::Endpoint& peer) const {
    sbc::Flow flow;
    flow.side = sbc::Side::core;
    flow.transport = options_.pbx.transport;
    flow.local = options_.pbx.bind->address;
    flow.peer = peer;
    return flow;
  }
  [[nodiscard]] sbc::Flow pbx_flow() const { return core_flow(options_.pbx.addresses.front()); }

  [[nodiscard]] sbc::Outcome outcome() const { return outcome_; }
  [[nodiscard]] const sbc::EngineOptions& options() const { return options_; }
  [[nodiscard]] const sbc::Metrics& metrics() const { return engine_->metrics(); }
  [[nodiscard]] sbc::Gauges gauges() const { return engine_->gauges(); }
  [[nodiscard]] sbc::TimePoint now() const { return now_; }
  [[nodiscard]] sbc::Engine& engine() { return *engine_; }

  std::vector<Sent> sent;             ///< in order; the test takes out what it has looked at
  std::vector<RecordedEvent> events;  ///< the same

 private:
  static config::LoadResult load(std::string_view yaml, const std::string& name) {
    config::LoadResult loaded = config::load_text(yaml, name, POSTERN_SOURCE_DIR);
    std::string problems;
    for (const config::Problem& problem : loaded.problems) problems += problem.to_string() + "\n";
    if (!loaded.ok()) throw std::runtime_error(problems);
    if (!loaded.config.engine.pbx.bind) throw std::runtime_error("pbx.bind must be set: there is no route to look at");
    return loaded;
  }
  void start() {
    engine_ = std::make_unique<sbc::Engine>(options_, policy_, secrets_, *this, company_);
    engine_->restore(kept_.state(), now_);
    engine_->tell(kept_);
    collect();
  }
  void on_event(const sbc::Event& event) override { events.emplace_back(event); }
  void collect() {
    for (const sbc::Outgoing& item : out_.items()) sent.push_back({item.flow, item.bytes});
    out_.clear();
  }

  sbc::Company company_;
  sbc::EngineOptions options_;
  std::shared_ptr<const acl::Policy> policy_;
  sbc::Secrets secrets_ = fixed_secrets();
  KeptState kept_;
  std::unique_ptr<sbc::Engine> engine_;
  sbc::TimePoint now_{std::chrono::hours{1000}};
  sbc::Outbox out_;
  sbc::Outcome outcome_ = sbc::Outcome::forwarded;
};

}  // namespace postern::testing
