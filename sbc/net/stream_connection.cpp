#include "sbc/net/stream_connection.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>

#include "sbc/net/streams.hpp"

namespace postern::net {
namespace {

/// What is met with silence on UDP ends a connection: its peer would only wait. What was answered, or belongs to a dialog, does not.
bool ends_it(sbc::Outcome outcome) {
  switch (outcome) {
    case sbc::Outcome::banned:
    case sbc::Outcome::silenced:
    case sbc::Outcome::source_limit:
    case sbc::Outcome::unknown_sources_limit:
    case sbc::Outcome::garbage:
    case sbc::Outcome::rule_drop:
    case sbc::Outcome::rule_ban:
    case sbc::Outcome::trap:
    case sbc::Outcome::lockdown:
      return true;
    default:
      return false;
  }
}

}  // namespace

StreamConnection::StreamConnection(boost::asio::io_context& io, Streams& streams, const sbc::Flow& flow)
    : io_(io), streams_(streams), flow_(flow), timer_(io.get_executor()), since_(acl::Clock::now()) {}

void StreamConnection::start() {
  arm_timer();
  begin();
}

void StreamConnection::handshake_done() {
  shaking_hands_ = false;
  since_ = acl::Clock::now();
  arm_timer();
}

void StreamConnection::reserve(std::size_t octets) {
  if (flow_.side == sbc::Side::access) streams_.reserve(octets);
}

void StreamConnection::release(std::size_t octets) {
  if (flow_.side == sbc::Side::access) streams_.release(octets);
}

bool StreamConnection::over_pool() const {
  if (flow_.side == sbc::Side::core || streams_.reserved() <= Streams::most_reserved / 2) return false;
  return streams_.reserved() > Streams::most_reserved || !streams_.handler().keeps(flow_);
}
void StreamConnection::send(std::string_view message) {
  if (!ended_) write(message);
}

bool StreamConnection::deliver(std::string_view message) {
  const sbc::Outcome outcome = streams_.handler().on_message(flow_, message);
  if (sbc::info(outcome).kind == sbc::OutcomeKind::passed) since_ = acl::Clock::now();
  if (ends_it(outcome) && !streams_.handler().keeps(flow_)) close_when_sent(ConnectionEnd::refused);
  return !ended_ && !closing_;
}

void StreamConnection::message_boundary() {
  begun_.reset();
  if (inside_message()) begun_ = acl::Clock::now();
  arm_timer();
}

void StreamConnection::turn_over() {
  streams_.handler().on_turn_over();
  sent();
}

void StreamConnection::close_when_sent(ConnectionEnd why) {
  if (ended_ || closing_) return;
  closing_ = why;
  closing_since_ = acl::Clock::now();
  arm_timer();
}

void StreamConnection::sent() {
  if (closing_ && !ended_ && all_sent()) end(*closing_);
}

void StreamConnection::end_later(ConnectionEnd why) {
  boost::asio::post(io_, [self = shared_from_this(), why] { self->end(why); });
}

void StreamConnection::end(ConnectionEnd why) {
  if (ended_) return;
  const auto self = shared_from_this();
  abandon();
  streams_.on_end(*this, why);
}

void StreamConnection::abandon() {
  if (ended_) return;
  ended_ = true;
  timer_.cancel();
  close_socket();
}

acl::TimePoint StreamConnection::deadline() const {
  const StreamTimes& times = streams_.times();
  if (closing_) return closing_since_ + times.closing;
  if (shaking_hands_) return since_ + times.handshake;
  const acl::TimePoint idle = since_ + times.idle;
  return begun_ ? std::min(*begun_ + times.half_message, idle) : idle;
}

/// A timer that stands too early is left alone, and set again when it fires: that is cheaper than to set it for each message.
void StreamConnection::arm_timer() {
  const acl::TimePoint due = deadline();
  if (ended_ || (armed_ && *armed_ <= due)) return;
  armed_ = due;
  timer_.expires_at(due);
  timer_.async_wait([self = shared_from_this()](boost::system::error_code error) {
    if (!error && !self->ended_) self->on_timer();
  });
}

void StreamConnection::on_timer() {
  armed_.reset();
  const acl::TimePoint now = acl::Clock::now();
  if (now < deadline()) return arm_timer();
  if (closing_) return end(*closing_);
  if (shaking_hands_) return end(ConnectionEnd::handshake_timeout);
  if (begun_ && now >= *begun_ + streams_.times().half_message) return end(ConnectionEnd::half_message);
  if (!streams_.handler().keeps(flow_)) return end(ConnectionEnd::idle);
  since_ = now;
  arm_timer();
}

}  // namespace postern::net
