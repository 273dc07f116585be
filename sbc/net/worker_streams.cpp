#include "sbc/net/worker_streams.hpp"

#include <utility>

namespace postern::net {

bool Worker::StreamSide::on_connected(const sbc::Flow& flow) {
  if (flow.side == sbc::Side::core) return worker_.core_links_->on_connected(flow);
  const acl::TimePoint now = acl::Clock::now();
  const sbc::Outcome outcome = worker_.engine_->connected(flow, now);
  if (outcome == sbc::Outcome::forwarded) return true;
  worker_.sources_.add(flow.peer.address, outcome, 1, now);
  return false;
}

sbc::Outcome Worker::StreamSide::on_message(const sbc::Flow& flow, std::string_view message) {
  const acl::TimePoint now = acl::Clock::now();
  if (!received_) received_ = now;
  sbc::Flow by = flow;
  if (by.side == sbc::Side::core) {
    // Another connection may take its place at any time: to the engine it is who is at its end. The id only tells where answers go.
    by.peer = worker_.core_links_->end_of(flow);
    by.listener = 0;
  }
  const sbc::Outcome outcome = worker_.engine_->handle({message, by}, now, worker_.outbox_);
  if (by.side == sbc::Side::access) worker_.sources_.add(by.peer.address, outcome, 1, now);
  if (worker_.hep_.is_on()) {
    worker_.hep_.keep({message, by}, worker_.local_end(by), outcome, now);
    worker_.hep_.send_kept();  // the message does not stay until the turn is over
  }
  return outcome;
}

void Worker::StreamSide::on_turn_over() {
  const auto received = std::exchange(received_, std::nullopt);
  if (!received) return;
  worker_.on_handled(*received);
  if (worker_.running_) worker_.arm_timer();
}

void Worker::StreamSide::on_refused(const sbc::Flow& flow, ConnectionEnd why) {
  const auto index = static_cast<std::size_t>(why);
  worker_.engine_->connection_refused(flow, connection_end_words[index], connection_end_meanings[index],
                                      why == ConnectionEnd::handshake_failed, acl::Clock::now());
}

void Worker::StreamSide::on_disconnected(const sbc::Flow& flow, ConnectionEnd why) {
  if (flow.side == sbc::Side::core) return worker_.core_links_->on_disconnected(flow, why);
  worker_.engine_->disconnected(flow, acl::Clock::now());
  if (worker_.running_) worker_.arm_timer();
}

void Worker::StreamSide::on_linked(const sbc::Endpoint& pbx) {
  worker_.engine_->pbx_connected(pbx, acl::Clock::now());
  worker_.arm_timer();
}

void Worker::StreamSide::on_unlinked(const sbc::Endpoint& pbx, const std::string& why) {
  worker_.engine_->pbx_disconnected(pbx, why, acl::Clock::now());
  worker_.arm_timer();
}

/// `options_` are the new ones.
void Worker::apply_streams(Streams::Plan plan) {
  trusted_ = acl::NetworkSet(options_.trusted);
  streams_->apply(std::move(plan), options_.limits);
  for (std::size_t i = 0; i < options_.listeners.size(); ++i) {
    const auto slot = static_cast<std::uint8_t>(i);
    if (options_.listeners[i].open) {
      streams_taken_away_.erase(slot);
    } else if (streams_->has_connections(slot)) {
      streams_taken_away_.try_emplace(slot, acl::Clock::now());
    }
  }
}

void Worker::close_drained_streams(acl::TimePoint now) {
  std::erase_if(streams_taken_away_, [&](const auto& entry) {
    if (now < entry.second + longest_drain && streams_->has_connections(entry.first)) return false;
    streams_->close_slot(entry.first);
    return true;
  });
}

}  // namespace postern::net
