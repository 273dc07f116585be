// How a worker takes part in its streams. Internal to it.
#pragma once

#include <optional>

#include "sbc/net/worker.hpp"

namespace postern::net {

class Worker::StreamSide final : public StreamHandler, public CoreLinkWatcher {
 public:
  explicit StreamSide(Worker& worker) : worker_(worker) {}

  [[nodiscard]] bool is_trusted(const acl::Address& peer) const override { return worker_.trusted_.contains(peer); }
  bool on_connected(const sbc::Flow& flow) override;
  sbc::Outcome on_message(const sbc::Flow& flow, std::string_view message) override;
  void on_turn_over() override;
  void on_refused(const sbc::Flow& flow, ConnectionEnd why) override;
  void on_disconnected(const sbc::Flow& flow, ConnectionEnd why) override;
  [[nodiscard]] bool keeps(const sbc::Flow& flow) const override {
    return flow.side == sbc::Side::core || worker_.engine_->keeps(flow, acl::Clock::now());
  }
  void on_linked(const sbc::Endpoint& pbx) override;
  void on_unlinked(const sbc::Endpoint& pbx, const std::string& why) override;

 private:
  Worker& worker_;
  std::optional<acl::TimePoint> received_;  ///< the first message since the last turn was over
};

}  // namespace postern::net
